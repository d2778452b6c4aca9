use mainstay_model::Alertmanager;
use serde_json::Value;

use super::http::{Line, below, parse};
use crate::courier::{Receipt, Refusal};
use crate::render::{self, Labels};

/// Posts the incident as an alert. The receipt is its labels, by which the next message finds it.
pub(crate) async fn send(line: &Line<'_>, server: &Alertmanager) -> Result<Receipt, Refusal> {
    let before: Option<Labels> = line.outgoing.earlier.and_then(|receipt| serde_json::from_str(receipt).ok());
    post(line, server, &render::alertmanager(line.message(), before.as_ref())).await?;
    Ok(Receipt::of(serde_json::to_string(&render::labels(line.message())).ok()))
}

/// Hands in no alert at all, which is taken and changes nothing.
pub(crate) async fn probe(line: &Line<'_>, server: &Alertmanager) -> Result<Receipt, Refusal> {
    post(line, server, &serde_json::json!([])).await.map(|()| Receipt::of(None))
}

async fn post(line: &Line<'_>, server: &Alertmanager, alerts: &Value) -> Result<(), Refusal> {
    let url = below(parse(&server.url)?, &["api", "v2", "alerts"]);
    let mut request = line.client.post(url).json(alerts);
    if let Some(token) = &server.token {
        request = request.bearer_auth(token.expose());
    }
    line.post(request).await.map(drop)
}
