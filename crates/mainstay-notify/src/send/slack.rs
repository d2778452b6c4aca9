use mainstay_model::Secret;

use super::http::{Line, parse, unnamed};
use crate::courier::{Receipt, Refusal};
use crate::render;

/// Posts to a Slack incoming webhook, which answers `ok`. It names no message, so each one stands alone; a bot can do better.
pub(crate) async fn send(line: &Line<'_>, url: &Secret) -> Result<Receipt, Refusal> {
    let request = line.client.post(parse(url)?).json(&render::slack(line.message()));
    line.post(request).await.map(|_| unnamed())
}
