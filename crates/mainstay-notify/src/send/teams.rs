use mainstay_model::Secret;

use super::http::{Line, parse, unnamed};
use crate::courier::{Receipt, Refusal};
use crate::render;

/// Posts to a workflow of Microsoft Teams, which answers 202 and names no message.
pub(crate) async fn send(line: &Line<'_>, url: &Secret) -> Result<Receipt, Refusal> {
    let request = line.client.post(parse(url)?).json(&render::teams(line.message()));
    line.post(request).await.map(|_| unnamed())
}
