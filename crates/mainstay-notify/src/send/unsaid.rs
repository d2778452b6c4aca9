use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mainstay_model::Secret;
use reqwest::{Request, header};

/// Shorter parts are words of an address and no secrets; without them any text would lose its words.
const SHORTEST: usize = 6;

/// Headers of ours that grant nothing.
const HARMLESS: [&str; 5] =
    ["content-type", "content-length", "webhook-id", "webhook-timestamp", "webhook-signature"];

/// What a request holds that its service may quote, as many frameworks do with the path of what they do not find, and that nobody
/// else is to read.
#[derive(Debug, Default)]
pub(super) struct Unsaid(Vec<Secret>);

impl Unsaid {
    /// Path, query and credentials, whole and in parts, as they are sent and as they are meant.
    pub(super) fn of(request: &Request) -> Unsaid {
        let url = request.url();
        let mut unsaid = Unsaid::default();
        unsaid.add(url.path());
        url.path_segments().into_iter().flatten().for_each(|segment| unsaid.add_encoded(segment));
        url.query().into_iter().for_each(|query| unsaid.add(query));
        url.query_pairs().for_each(|(_, value)| unsaid.add(&value));
        let granting = request.headers().iter().filter(|(name, _)| !HARMLESS.contains(&name.as_str()));
        for (name, value) in granting {
            let Ok(value) = value.to_str() else { continue };
            unsaid.add(value);
            if *name == header::AUTHORIZATION {
                unsaid.add_credentials(value);
            }
        }
        unsaid
    }

    /// One more.
    pub(super) fn also(&mut self, secret: &Secret) {
        self.add(secret.expose());
    }

    /// The text with these left out, the longest first, so that no part of one stays.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut parts: Vec<&str> = self.0.iter().map(Secret::expose).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        parts.into_iter().fold(text.to_owned(), |text, part| text.replace(part, "…"))
    }

    fn add(&mut self, part: &str) {
        if part.len() >= SHORTEST {
            self.0.push(Secret::new(part));
        }
    }

    fn add_encoded(&mut self, segment: &str) {
        self.add(segment);
        // The way of forms decodes what stands in a path, but for `+`, which is itself there.
        let whole = segment.replace('+', "%2B");
        url::form_urlencoded::parse(whole.as_bytes()).for_each(|(decoded, _)| self.add(&decoded));
    }

    /// `Bearer …`, or `Basic …` with user and password in base64 (RFC 7617).
    fn add_credentials(&mut self, value: &str) {
        let Some((_, credentials)) = value.split_once(' ') else { return };
        self.add(credentials);
        let pair = BASE64_STANDARD.decode(credentials).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some((_, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
            self.add(password);
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;

    #[test]
    fn whatever_of_a_request_is_quoted_is_left_out() {
        let url = "https://bot.example/hook/geheim%2Fnis1?key=schl%C3%BCssel&x=1";
        let mut request = Request::new(Method::POST, url.parse().unwrap());
        let login = format!("Basic {}", BASE64_STANDARD.encode("anna:pass word"));
        for (name, value) in [("authorization", login.as_str()), ("x-token", "tokentoken")] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let mut unsaid = Unsaid::of(&request);
        unsaid.also(&Secret::new("routing-key"));
        for (said, shown) in [
            ("Cannot POST /hook/geheim%2Fnis1?key=schl%C3%BCssel&x=1", "Cannot POST …?…"),
            ("no geheim/nis1 here, nor /geheim%2Fnis1", "no … here, nor /…"),
            ("key schlüssel is wrong", "key … is wrong"),
            ("pass word of anna is wrong; tokentoken too", "… of anna is wrong; … too"),
            ("routing-key is none", "… is none"),
            ("hook not found", "hook not found"),
        ] {
            assert_eq!(unsaid.hide(said), shown);
        }
        assert!(!format!("{unsaid:?}").contains("geheim"));
    }
}
