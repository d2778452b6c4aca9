use mainstay_model::{Delivery, HttpRequest};
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value};
use serde_json::{Value as Json, json};

use super::limit::{Unit, cut};
use super::webhook;
use super::words::{headline, plain_text};
use crate::sample;

/// Steps of a template; a loop over everything that a message can hold takes some thousands.
const FUEL: u64 = 100_000;
/// Bytes that a template may make.
const LARGEST: usize = 512 * 1024;

/// A request with everything filled in.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// Where it goes; it may hold a token.
    pub url: String,
    /// Names and values; they may hold tokens.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<String>,
}

/// Address and headers may hold tokens.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

/// A template cannot be filled in. It quotes nothing of the template, which may hold tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The template itself is wrong, or names something that no message has.
    #[error("{place}: {what}")]
    Template {
        /// `the body`, `the url` or `the header NAME`.
        place: String,
        /// Why, with the line.
        what: String,
    },
    /// What came out cannot be sent.
    #[error("{place} becomes {what}")]
    Outcome {
        /// As above.
        place: String,
        /// What is wrong with it.
        what: String,
    },
}

/// How values are written where they stand, so that no text of a message can end the string or the field that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escaping {
    /// As a JSON value, with its quotation marks.
    Json,
    /// Percent-encoded, for forms and addresses.
    Percent,
    /// For HTML and XML.
    Html,
    /// As it is.
    Plain,
}

/// Makes the request of a message.
///
/// A body is JSON unless a header `Content-Type` says otherwise; values are escaped for what it is.
pub fn request(spec: &HttpRequest, delivery: &Delivery) -> Result<Request, TemplateError> {
    Filler::new(spec).request(spec, delivery)
}

/// Makes a request of sample messages of every kind, hostile texts among them, so that a template that cannot be filled in is
/// told when the configuration is loaded and not when something is down.
pub fn check_request(spec: &HttpRequest) -> Result<(), TemplateError> {
    let filler = Filler::new(spec);
    sample::deliveries().iter().try_for_each(|delivery| filler.request(spec, delivery).map(drop))
}

/// Fills in the templates of one request; a template's name says where it stands, and by that how values are escaped.
struct Filler {
    environment: Environment<'static>,
    has_content_type: bool,
    escaping: Escaping,
}

const URL: &str = "url";
const HEADER: &str = "header";
const BODY: &str = "body";

impl Filler {
    fn new(spec: &HttpRequest) -> Filler {
        let content_type = content_type(spec);
        let escaping = escaping(content_type.as_deref());
        Filler { environment: environment(escaping), has_content_type: content_type.is_some(), escaping }
    }

    fn request(&self, spec: &HttpRequest, delivery: &Delivery) -> Result<Request, TemplateError> {
        let context = Value::from(minijinja::value::Serde(context(delivery)));
        let url = self.fill("the url", URL, spec.url.expose(), &context)?;
        if !is_web(&url) {
            return Err(outcome("the url", "no http or https address"));
        }
        let mut headers = Vec::with_capacity(spec.headers.len() + 1);
        for (name, value) in &spec.headers {
            let place = format!("the header {name}");
            let value = self.fill(&place, HEADER, value.expose(), &context)?;
            headers.push((name.to_string(), one_line(&value)));
        }
        if spec.body.is_some() && !self.has_content_type {
            headers.push(("content-type".into(), "application/json".into()));
        }
        let body = spec
            .body
            .as_ref()
            .map(|body| self.fill("the body", BODY, body.expose(), &context))
            .transpose()?;
        if let Some(body) = &body
            && self.escaping == Escaping::Json
            && let Err(error) = serde_json::from_str::<Json>(body)
        {
            return Err(outcome("the body", &not_json(&error)));
        }
        Ok(Request { method: spec.method.clone(), url, headers, body })
    }

    fn fill(
        &self,
        place: &str,
        name: &str,
        template: &str,
        context: &Value,
    ) -> Result<String, TemplateError> {
        let filled = self.environment.render_named_str(name, template, context.clone());
        let filled = filled.map_err(|error| wrong(place, &error))?;
        if filled.len() > LARGEST {
            return Err(outcome(place, "longer than half a megabyte"));
        }
        Ok(filled)
    }
}

fn content_type(spec: &HttpRequest) -> Option<String> {
    let found = spec.headers.iter().find(|(name, _)| name.as_str().eq_ignore_ascii_case("content-type"));
    found.map(|(_, value)| value.expose().to_ascii_lowercase())
}

fn escaping(content_type: Option<&str>) -> Escaping {
    match content_type {
        None => Escaping::Json,
        Some(text) if text.contains("json") => Escaping::Json,
        Some(text) if text.contains("x-www-form-urlencoded") => Escaping::Percent,
        Some(text) if text.contains("html") || text.contains("xml") => Escaping::Html,
        Some(_) => Escaping::Plain,
    }
}

/// Everything that a template can name: the webhook contract's `type`, `timestamp` and `data`, the latter also without its name, and
/// texts ready for use. What a message may lack is there as `none`.
fn context(delivery: &Delivery) -> Json {
    let message = &delivery.message;
    let contract = webhook(message);
    let mut context = contract["data"].clone();
    for key in ["resolved_at", "breaks_at", "ack_url"] {
        context["incident"].as_object_mut().map(|incident| incident.entry(key).or_insert(Json::Null));
    }
    for key in ["failure", "change"] {
        context.as_object_mut().map(|data| data.entry(key).or_insert(Json::Null));
    }
    context["type"] = contract["type"].clone();
    context["timestamp"] = contract["timestamp"].clone();
    context["data"] = contract["data"].clone();
    context["id"] = json!(delivery.id);
    context["channel"] = json!(delivery.channel);
    context["headline"] = headline(message).into();
    context["text"] = plain_text(message).into();
    context["is_resolved"] = (message.kind == mainstay_model::MessageKind::Resolved).into();
    context
}

fn environment(of_body: Escaping) -> Environment<'static> {
    let mut environment = Environment::new();
    // A name that no message has is a slip of whoever wrote it, not an empty text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let escaping = move |name: &str| match name {
        URL => Escaping::Percent,
        BODY => of_body,
        _ => Escaping::Plain,
    };
    environment.set_auto_escape_callback(move |name| match escaping(name) {
        Escaping::Json => AutoEscape::Json,
        Escaping::Html => AutoEscape::Html,
        Escaping::Percent => AutoEscape::Custom("percent".into()),
        Escaping::Plain => AutoEscape::None,
    });
    environment.set_formatter(write_value);
    environment.add_filter("cut", |text: String, longest: usize| cut(&text, longest, Unit::Utf16));
    environment
}

fn write_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    match state.auto_escape() {
        AutoEscape::Custom(_) if !value.is_undefined() && !value.is_safe() => {
            for encoded in url::form_urlencoded::byte_serialize(value.to_string().as_bytes()) {
                // A plus is a blank only in forms; this is one in paths too.
                out.write_str(if encoded == "+" { "%20" } else { encoded })?;
            }
            Ok(())
        }
        AutoEscape::Custom(_) if value.is_safe() => Ok(out.write_str(&value.to_string())?),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

fn wrong(place: &str, error: &minijinja::Error) -> TemplateError {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    // What else the parser says may quote the template, and with it a token.
    let what = match error.kind() {
        ErrorKind::UndefinedError => format!("something that no message has is named{line}"),
        ErrorKind::OutOfFuel => "the template takes too many steps".into(),
        kind => format!("{kind}{line}"),
    };
    TemplateError::Template { place: place.into(), what }
}

fn outcome(place: &str, what: &str) -> TemplateError {
    TemplateError::Outcome { place: place.into(), what: what.into() }
}

fn not_json(error: &serde_json::Error) -> String {
    format!(
        "no JSON ({error}); a value brings its quotation marks along, so write {{\"text\": {{{{ headline }}}}}}, and `~` to join texts"
    )
}

fn is_web(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// What can stand in a header: a line break in a text would begin another one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { ' ' }).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mainstay_model::Secret;

    use super::*;

    fn spec(url: &str, content_type: Option<&str>, body: &str) -> HttpRequest {
        let header = content_type.map(|text| ("Content-Type".parse().unwrap(), Secret::new(text)));
        HttpRequest {
            method: "POST".into(),
            url: Secret::new(url),
            headers: header.into_iter().collect::<BTreeMap<_, _>>(),
            body: Some(Secret::new(body)),
            expect: Vec::new(),
        }
    }

    #[track_caller]
    fn refuses(spec: &HttpRequest, expected: &str) {
        let error = check_request(spec).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    const ADDRESS: &str = "https://example.com/{{ incident.id }}?t={{ incident.title }}";

    #[test]
    fn values_are_escaped_for_where_they_stand() {
        let mut delivery = sample::deliveries().remove(0);
        delivery.message.incident.title = "a \"b\"\n&c=d/+ü".into();
        let json = spec(
            ADDRESS,
            None,
            r#"{"text": {{ incident.title }}, "more": {{ "x: " ~ incident.title }}, "n": {{ evidence }}, "no": {{ change }}}"#,
        );
        let made = request(&json, &delivery).unwrap();
        let body: Json = serde_json::from_str(made.body.as_ref().unwrap()).unwrap();
        assert_eq!(body["text"], delivery.message.incident.title);
        assert_eq!(body["more"], format!("x: {}", delivery.message.incident.title));
        assert!(made.url.ends_with("?t=a%20%22b%22%0A%26c%3Dd%2F%2B%C3%BC"), "{}", made.url);
        let form =
            spec(ADDRESS, Some("application/x-www-form-urlencoded"), "a=1&content={{ incident.title }}");
        let made = request(&form, &delivery).unwrap().body.unwrap();
        let pairs: Vec<_> = url::form_urlencoded::parse(made.as_bytes()).collect();
        assert_eq!(pairs[1].1, delivery.message.incident.title);
        let plain = spec(ADDRESS, Some("text/plain"), "{{ incident.title }}");
        assert_eq!(request(&plain, &delivery).unwrap().body.unwrap(), delivery.message.incident.title);
        let xml = spec(ADDRESS, Some("application/xml"), "<t>{{ incident.title }}</t>");
        assert!(request(&xml, &delivery).unwrap().body.unwrap().contains("&quot;b&quot;"));
    }

    #[test]
    fn what_cannot_be_filled_in_is_told_before_it_is_needed() {
        refuses(
            &spec(ADDRESS, None, "{\"a\": {{ incident.titel }}}"),
            "the body: something that no message has is named in line 1",
        );
        refuses(&spec(ADDRESS, None, "{\"a\": {{ headline }"), "the body: syntax error in line 1");
        refuses(&spec(ADDRESS, None, "{\"a\": \"{{ headline }}\"}"), "the body becomes no JSON");
        refuses(
            &spec(
                ADDRESS,
                None,
                "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            ),
            "too many steps",
        );
        refuses(&spec("{{ incident.title }}", None, "{}"), "the url becomes no http or https address");
        refuses(&spec("https://h/hunter2/{{ x }", None, "{}"), "the url: syntax error in line 1");
        check_request(&spec(ADDRESS, None, "{{ data }}")).unwrap();
    }

    #[test]
    fn nothing_of_an_address_or_a_header_is_shown() {
        let mut secret = spec("https://h/hunter2/{{ x }", None, "{}");
        assert!(!check_request(&secret).unwrap_err().to_string().contains("hunter2"));
        secret.url = Secret::new("https://h/hunter2");
        secret.body = Some(Secret::new("hunter2 {{ x }"));
        assert!(!check_request(&secret).unwrap_err().to_string().contains("hunter2"));
        secret.body = Some(Secret::new("{\"token\": \"hunter2\"}"));
        secret.headers.insert("X-Key".parse().unwrap(), Secret::new("hunter2 {{ nothing }}"));
        assert!(!check_request(&secret).unwrap_err().to_string().contains("hunter2"));
        secret.headers.insert("X-Key".parse().unwrap(), Secret::new("hunter2"));
        let made = request(&secret, &sample::deliveries()[0]).unwrap();
        assert!(!format!("{made:?}").contains("hunter2"));
    }

    #[test]
    fn a_header_stays_one_line() {
        let mut spec = spec(ADDRESS, None, "{}");
        spec.headers.insert("X-Title".parse().unwrap(), Secret::new("{{ text }}"));
        let made = request(&spec, &sample::deliveries()[0]).unwrap();
        assert!(made.headers.iter().all(|(_, value)| !value.contains(['\r', '\n'])));
    }

    #[test]
    fn a_template_that_would_fill_the_memory_is_refused() {
        let doubling =
            "{% set n = namespace(x='x') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}";
        for body in ["{{ 'x' * 2000000000 }}", "{{ range(1000000000) | list | length }}", doubling] {
            refuses(&spec(ADDRESS, Some("text/plain"), body), "the body: ");
        }
    }
}
