//! The URLs of the configuration.

use std::net::IpAddr;

use mainstay_model::{Credentials, MailSecurity, Protocol, Secret, Target, TargetError, Upgrade};
use url::Url;

use super::reader::Reader;
use super::shape::Form;
use super::words::Word;

/// What a dependency is checked at.
pub(super) struct TargetUrl;

impl Word for TargetUrl {
    type Out = Target;
    const FORM: Form = Form::Text {
        what: "URL of a service, or `file:` and a path",
        pattern: Some(
            "^((postgres|postgresql|mysql|mariadb|redis|rediss|https|http|smtp|smtps|tls|tcp)://.+|file:.+)$",
        ),
    };
    const WHAT: &'static str = "a URL that can be checked";
    const URL: bool = true;

    fn parse(text: &str, private: bool, reader: &Reader<'_>) -> Result<Target, String> {
        let mut target = Target::parse(text).map_err(|error| why(error, private))?;
        if private && matches!(target.protocol, Protocol::Http(_)) {
            // What was filled in may be a token in the path, and this name of the target goes into pages and messages.
            target = target.shown_briefly();
        }
        target.file = target.file.map(|file| reader.surroundings.base().join(file));
        Ok(target)
    }
}

/// Why a text is no target. What is private is not quoted, nor is anything that may be part of a password.
fn why(error: TargetError, private: bool) -> String {
    let odd = |text: &str| !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    match &error {
        TargetError::NoScheme { text } if private || odd(text) => {
            "it has no scheme; write for example postgres:// or https:// in front".into()
        }
        TargetError::UnknownScheme { scheme, .. } if private || odd(scheme) => {
            format!("its scheme is not known; known are {}", Target::SCHEMES.join(", "))
        }
        TargetError::UnknownScheme { suggestion: Some(near), .. } => format!("did you mean {near}://?"),
        TargetError::NoPort { .. } if private => "it needs a port".into(),
        TargetError::NoHost { .. } if private => "it needs a host".into(),
        TargetError::Parameter { parameter, known, .. } => {
            format!("its parameter {parameter} has an unknown value; known are {known}")
        }
        _ => error.to_string(),
    }
}

/// A target that is expected to be always reachable.
pub(super) struct Reference;

impl Word for Reference {
    type Out = Target;
    const FORM: Form = Form::Text { what: "URL of an address", pattern: Some("^(tcp|tls|https|http)://.+$") };
    const WHAT: &'static str = "a reference target";
    const URL: bool = true;

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<Target, String> {
        let target = Target::parse(text).map_err(|error| why(error, private))?;
        match target.protocol {
            Protocol::Tcp | Protocol::Tls | Protocol::Http(_) => Ok(target),
            _ => Err("a reference is only connected to: write tcp://ADDRESS:PORT".into()),
        }
    }
}

/// The database of several servers.
pub(super) struct DatabaseUrl;

impl Word for DatabaseUrl {
    type Out = Secret;
    const FORM: Form = Form::Text { what: "PostgreSQL URL, secret", pattern: Some("^postgres(ql)?://.+$") };
    const WHAT: &'static str = "the URL of a PostgreSQL database";
    const SECRET: bool = true;
    const URL: bool = true;

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<Secret, String> {
        let target = Target::parse(text).map_err(|error| why(error, true))?;
        match target.protocol {
            Protocol::Postgres(_) => Ok(Secret::new(text)),
            _ => {
                Err("write postgres://user:${PASSWORD}@host/database; without this key SQLite is used".into())
            }
        }
    }
}

/// A page for people: `http` or `https`, without a trailing slash.
pub(super) struct Link;

impl Word for Link {
    type Out = String;
    const FORM: Form = Form::Text { what: "http or https URL", pattern: Some("^https?://.+$") };
    const WHAT: &'static str = "the address of a page";
    const URL: bool = true;

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<String, String> {
        let url = web(text)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("people see this address: it cannot hold user or password".into());
        }
        Ok(text.trim_end_matches('/').to_owned())
    }
}

/// A page's own address, to which paths are added: no query and no fragment.
pub(super) struct BaseLink;

impl Word for BaseLink {
    type Out = String;
    const FORM: Form = Link::FORM;
    const WHAT: &'static str = "the address of a page";
    const URL: bool = true;

    fn parse(text: &str, private: bool, reader: &Reader<'_>) -> Result<String, String> {
        let link = Link::parse(text, private, reader)?;
        if link.contains(['?', '#']) {
            return Err("paths are added to it: it cannot hold `?` or `#`".into());
        }
        Ok(link)
    }
}

/// The address of a webhook; whoever knows it can use it.
pub(super) struct HookUrl;

impl Word for HookUrl {
    type Out = Secret;
    const FORM: Form = Form::Text { what: "http or https URL, secret", pattern: Some("^https?://.+$") };
    const WHAT: &'static str = "the address of a webhook";
    const SECRET: bool = true;
    const URL: bool = true;

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<Secret, String> {
        web(text).map(|_| Secret::new(text))
    }
}

fn web(text: &str) -> Result<Url, String> {
    let usual = "write the whole address, such as https://status.example.com";
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => usual.to_owned(),
        error => format!("{error}; {usual}"),
    })?;
    let fine = matches!(url.scheme(), "http" | "https") && url.has_host();
    if fine { Ok(url) } else { Err(usual.into()) }
}

/// Where mail is handed in.
pub(super) struct MailUrl;

/// What [`MailUrl`] becomes.
pub(super) struct MailAddress {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: MailSecurity,
    pub(super) login: Option<(String, Secret)>,
}

impl Word for MailUrl {
    type Out = MailAddress;
    const FORM: Form = Form::Text { what: "smtps or smtp URL", pattern: Some("^smtps?://.+$") };
    const WHAT: &'static str = "the URL of a mail server";
    const URL: bool = true;

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<MailAddress, String> {
        let usual = "write smtps://user:${PASSWORD}@smtp.example.com, or smtp:// for STARTTLS";
        let url = Url::parse(text).map_err(|_| usual.to_owned())?;
        let target = Target::parse(text).map_err(|error| why(error, true))?;
        let Protocol::Smtp(upgrade) = target.protocol else { return Err(usual.into()) };
        if !url.path().trim_matches('/').is_empty() || url.query().is_some() {
            return Err("it ends after host and port: parameters and paths are not known here".into());
        }
        let (security, usual_port) = match upgrade {
            Upgrade::Direct => (MailSecurity::Tls, 465),
            _ if is_loopback(&target.host) => (MailSecurity::Plaintext, 25),
            // RFC 6409: mail is handed in at port 587.
            _ => (MailSecurity::StartTls, 587),
        };
        let login = target.credentials.map(login).transpose()?;
        Ok(MailAddress { host: target.host, port: url.port().unwrap_or(usual_port), security, login })
    }
}

fn login(Credentials { user, password }: Credentials) -> Result<(String, Secret), String> {
    match password {
        Some(password) if !user.is_empty() => Ok((user, password)),
        _ => Err("a login has both a user and a password: smtps://user:${PASSWORD}@host".into()),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// A mail address, without a name.
pub(super) struct Mailbox;

impl Word for Mailbox {
    type Out = String;
    const FORM: Form = Form::Text { what: "mail address", pattern: Some("^[^@\\s]+@[^@\\s]+$") };
    const WHAT: &'static str = "a mail address";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<String, String> {
        if is_mailbox(text) { Ok(text.into()) } else { Err("write for example oncall@example.com".into()) }
    }
}

/// An address for each message: a mail address with `{id}` in its local part.
pub(super) struct BounceAddress;

impl Word for BounceAddress {
    type Out = String;
    const FORM: Form =
        Form::Text { what: "mail address with {id}", pattern: Some("^[^@\\s]*\\{id\\}[^@\\s]*@[^@\\s]+$") };
    const WHAT: &'static str = "a mail address with {id} before the @";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<String, String> {
        // The identifier is longer than its place, and local parts end at 64 bytes (RFC 5321, section 4.5.3.1.1).
        let filled = text.replace("{id}", "0197f0a1-2b3c-7d4e-8f50-112233445566");
        let length = local_part(&filled).len();
        if !is_mailbox(&filled) {
            Err("write for example bounces+{id}@example.com".into())
        } else if !local_part(text).contains("{id}") {
            Err("put `{id}`, which stands for the message, before the @: each message is known by the address that it comes \
                 back to. Write for example bounces+{id}@example.com"
                .into())
        } else if length > 64 {
            Err(format!(
                "shorten what is before the @: with the 36 characters that `{{id}}` stands for it is {length} long, and mail \
                 servers take 64. Write for example bounces+{{id}}@example.com"
            ))
        } else {
            Ok(text.into())
        }
    }
}

fn local_part(address: &str) -> &str {
    address.split_once('@').map_or("", |(local, _)| local)
}

/// A sender: a mail address, with a name or without.
pub(super) struct Sender;

impl Word for Sender {
    type Out = String;
    const FORM: Form = Form::Text { what: "`Name <address>`, or a mail address", pattern: Some("@") };
    const WHAT: &'static str = "a sender";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<String, String> {
        let address = match text.split_once('<') {
            Some((_, address)) => address.strip_suffix('>').unwrap_or(""),
            None => text,
        };
        let fine = is_mailbox(address) && !text.contains(['\r', '\n']);
        if fine {
            Ok(text.into())
        } else {
            Err("write for example \"Example Status <status@example.com>\"".into())
        }
    }
}

fn is_mailbox(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;@".contains(c))
    };
    text.len() <= 254 && text.split_once('@').is_some_and(|(user, host)| part(user) && part(host))
}
