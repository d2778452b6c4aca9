use mainstay_model::{MessageKind, PagerDuty};

use super::http::{Line, api};
use crate::courier::{Receipt, Refusal};
use crate::render::{self, EventAction};

const API: &str = "https://events.pagerduty.com";

/// Sends an event of the Events API v2, which answers 202. The key of the incident makes that events of one incident are one alert.
pub(crate) async fn send(line: &Line<'_>, service: &PagerDuty) -> Result<Receipt, Refusal> {
    let message = line.message();
    let action = render::event_action(message);
    let receipt = enqueue(line, service, action).await?;
    if action == EventAction::Trigger && message.incident.state == "acknowledged" {
        enqueue(line, service, EventAction::Acknowledge).await?;
    }
    if matches!(message.kind, MessageKind::Test | MessageKind::Digest) {
        // A trial leaves nothing open, and a digest is about nothing that could be resolved.
        enqueue(line, service, EventAction::Resolve).await?;
    }
    Ok(receipt)
}

async fn enqueue(line: &Line<'_>, service: &PagerDuty, action: EventAction) -> Result<Receipt, Refusal> {
    let url = api(service.api_url.as_ref(), API, &["v2", "enqueue"])?;
    let event = render::event(line.message(), &service.routing_key, action);
    let answer = line.post(line.client.post(url).json(&event)).await?;
    Ok(Receipt::of(answer.json()["dedup_key"].as_str().map(str::to_owned)))
}

/// Resolves what was never triggered: a wrong key is refused, a right one changes nothing and calls nobody.
pub(crate) async fn probe(line: &Line<'_>, service: &PagerDuty) -> Result<Receipt, Refusal> {
    enqueue(line, service, EventAction::Resolve).await.map(|_| Receipt::of(None))
}
