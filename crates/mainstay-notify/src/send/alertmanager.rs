use mainstay_model::Alertmanager;

use super::http::{Line, below, parse};
use crate::courier::{Receipt, Refusal};
use crate::render::{self, Labels};

/// Posts the incident as an alert. The receipt is its labels, by which the next message finds it.
pub(crate) async fn send(line: &Line<'_>, server: &Alertmanager) -> Result<Receipt, Refusal> {
    let url = below(parse(&server.url)?, &["api", "v2", "alerts"]);
    let before: Option<Labels> = line.outgoing.earlier.and_then(|receipt| serde_json::from_str(receipt).ok());
    let mut request = line.client.post(url).json(&render::alertmanager(line.message(), before.as_ref()));
    if let Some(token) = &server.token {
        request = request.bearer_auth(token.expose());
    }
    line.post(request).await?;
    Ok(Receipt { id: serde_json::to_string(&render::labels(line.message())).ok() })
}
