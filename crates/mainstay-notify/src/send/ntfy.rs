use mainstay_model::{Login, Ntfy};
use reqwest::Url;

use super::http::{Line, parse};
use crate::courier::{Receipt, Refusal};
use crate::render;

/// Publishes to an ntfy topic, as JSON to the root of its server.
pub(crate) async fn send(line: &Line<'_>, topic: &Ntfy) -> Result<Receipt, Refusal> {
    let (url, name) = split(parse(&topic.url)?)?;
    let mut request = line.client.post(url).json(&render::ntfy(line.message(), &name));
    request = match &topic.login {
        Some(Login::Token(token)) => request.bearer_auth(token.expose()),
        Some(Login::Password { user, password }) => request.basic_auth(user, Some(password.expose())),
        None => request,
    };
    let answer = line.post(request).await?;
    Ok(Receipt::of(answer.json()["id"].as_str().map(str::to_owned)))
}

/// A topic's address into its server's and its name, which is the last part of the path.
fn split(mut url: Url) -> Result<(Url, String), Refusal> {
    let name = url.path_segments().and_then(|mut path| path.next_back().map(str::to_owned));
    match name {
        Some(name) if !name.is_empty() => {
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop().push("");
            }
            Ok((url, name))
        }
        _ => Err(Refusal::never(
            "the channel's address names no topic; write https://ntfy.sh/TOPIC in the configuration",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_the_last_part_of_its_address() {
        let parts = |text: &str| split(text.parse().unwrap()).map(|(url, name)| (url.to_string(), name));
        assert_eq!(parts("https://ntfy.sh/alerts"), Ok(("https://ntfy.sh/".into(), "alerts".into())));
        assert_eq!(parts("https://h/ntfy/alerts"), Ok(("https://h/ntfy/".into(), "alerts".into())));
        assert!(parts("https://ntfy.sh/").is_err());
    }
}
