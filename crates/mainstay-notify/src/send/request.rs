use mainstay_model::HttpRequest;
use reqwest::Method;

use super::http::{Line, unnamed};
use crate::courier::{Receipt, Refusal};
use crate::render::{self, Request};

/// Makes the request that the configuration describes.
pub(crate) async fn send(line: &Line<'_>, spec: &HttpRequest) -> Result<Receipt, Refusal> {
    let filled = render::request(spec, line.outgoing.delivery);
    let Request { method, url, headers, body } = filled
        .map_err(|error| Refusal::never(format!("the request cannot be made of this message: {error}")))?;
    let method: Method = method
        .parse()
        .map_err(|_| Refusal::never("the channel's method is none; mend it in the configuration"))?;
    let mut request = line.client.request(method, url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = line.ask(body.into_iter().fold(request, |request, body| request.body(body))).await?;
    let accepted = match spec.expect.as_slice() {
        [] => answer.status.is_success(),
        expected => expected.contains(&answer.status.as_u16()),
    };
    if accepted { Ok(unnamed()) } else { Err(answer.refusal()) }
}
