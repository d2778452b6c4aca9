//! The single values of the configuration: each says what it looks like and how it is read.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use mainstay_model::{Blame, Criticality, FailureKind, HumanDuration, Secret, Severity, TlsMode};

use super::node::Node;
use super::reader::Reader;
use super::shape::{Form, Shape};

/// A value that is one text.
pub(super) trait Word {
    type Out;
    const FORM: Form;
    /// Its name in a sentence: "is not …".
    const WHAT: &'static str;
    /// Whether nobody may see it.
    const SECRET: bool = false;
    /// Whether it is a URL, in which user and password are encoded.
    const URL: bool = false;

    /// Reads the text; the error says why it cannot be read, or how to mend it.
    /// It may quote the text unless it is `private`.
    fn parse(text: &str, private: bool, reader: &Reader<'_>) -> Result<Self::Out, String>;
}

impl<W: Word> Shape for W {
    type Out = W::Out;
    const FORM: Form = W::FORM;

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<W::Out> {
        if W::SECRET {
            reader.hide(node);
        }
        let filled = reader.scalar(node, W::WHAT, W::URL)?;
        // Blanks at the ends of a secret are part of it; those of anything else are a slip of whoever filled it in.
        let text = if W::SECRET && !W::URL { &filled.text } else { filled.text.trim() };
        let parsed = W::parse(text, filled.filled || W::SECRET, reader);
        parsed.map_err(|why| refuse::<W>(node, reader, filled.filled, why)).ok()
    }
}

fn refuse<W: Word>(node: &Node, reader: &mut Reader<'_>, filled: bool, why: String) {
    let owner = reader.owner();
    let message = match reader.shown(node, W::SECRET) {
        shown if filled => format!("{owner} cannot be what {shown} stands for: not {}", W::WHAT),
        _ if W::SECRET => format!("{owner} is not {}", W::WHAT),
        shown => format!("{owner} cannot be {shown}"),
    };
    reader.error(node.span, message, why);
}

/// Some text that is not empty.
pub(super) struct Text;

impl Word for Text {
    type Out = String;
    const FORM: Form = Form::Text { what: "text", pattern: None };
    const WHAT: &'static str = "some text";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<String, String> {
        if text.is_empty() { Err("write something, or remove the line".into()) } else { Ok(text.into()) }
    }
}

/// Text that nobody may see.
pub(super) struct Hidden;

impl Word for Hidden {
    type Out = Secret;
    const FORM: Form = Form::Text { what: "text, secret", pattern: None };
    const WHAT: &'static str = "a secret";
    const SECRET: bool = true;

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<Secret, String> {
        if text.is_empty() { Err("it is empty".into()) } else { Ok(Secret::new(text)) }
    }
}

/// A length of time of at least so many milliseconds.
pub(super) struct Length<const AT_LEAST: u64>;

impl<const AT_LEAST: u64> Word for Length<AT_LEAST> {
    type Out = Duration;
    const FORM: Form = Form::Text { what: "length of time", pattern: Some("^([0-9]+(ms|s|m|h|d|w))+$") };
    const WHAT: &'static str = "a length of time";

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<Duration, String> {
        let usual = "write for example 30s, 5m, 1h30m or 90d";
        let length: HumanDuration =
            text.parse().map_err(|error| if private { usual.into() } else { format!("{error}") })?;
        let least = HumanDuration(Duration::from_millis(AT_LEAST));
        if length < least { Err(format!("it must be at least {least}")) } else { Ok(length.0) }
    }
}

/// An address to listen on.
pub(super) struct Address;

impl Word for Address {
    type Out = SocketAddr;
    const FORM: Form = Form::Text { what: "address:port", pattern: Some("^.+:[0-9]{1,5}$") };
    const WHAT: &'static str = "an address to listen on";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<SocketAddr, String> {
        let text = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        text.parse().map_err(|_| {
            "write an IP address and a port, such as 127.0.0.1:8080, or 0.0.0.0:8080 for every address".into()
        })
    }
}

/// A path, relative to the folder of the configuration file.
pub(super) struct FilePath;

impl Word for FilePath {
    type Out = PathBuf;
    const FORM: Form = Form::Text { what: "path", pattern: None };
    const WHAT: &'static str = "a path";

    fn parse(text: &str, _: bool, reader: &Reader<'_>) -> Result<PathBuf, String> {
        if text.is_empty() {
            return Err("write a path, or remove the line".into());
        }
        Ok(reader.surroundings.base().join(text))
    }
}

/// The name of something that the configuration defines elsewhere.
pub(super) struct Name<T>(std::marker::PhantomData<T>);

impl<T: std::str::FromStr<Err = mainstay_model::NameError>> Word for Name<T> {
    type Out = T;
    const FORM: Form = Form::Text { what: "name", pattern: Some("^[A-Za-z0-9._-]{1,100}$") };
    const WHAT: &'static str = "a name";

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<T, String> {
        let usual = "a name has only letters a-z, digits, '-', '_' and '.'";
        text.parse().map_err(|error: T::Err| if private { usual.into() } else { error.to_string() })
    }
}

/// A host name, as certificates have them.
pub(super) struct HostName;

impl Word for HostName {
    type Out = String;
    const FORM: Form = Form::Text { what: "host name", pattern: Some("^[A-Za-z0-9._:-]{1,253}$") };
    const WHAT: &'static str = "a host name";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<String, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        let fine = !text.is_empty() && text.len() <= 253 && text.chars().all(allowed);
        let fine = fine && (!text.contains(':') || text.parse::<std::net::IpAddr>().is_ok());
        if fine {
            Ok(text.into())
        } else {
            Err("write only the name, such as db.example.com, without scheme and port".into())
        }
    }
}

/// A share such as `99.95%`, in percent.
pub(super) struct Percent;

impl Word for Percent {
    type Out = f64;
    const FORM: Form = Form::Percent;
    const WHAT: &'static str = "a share in percent";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<f64, String> {
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        let share = number.parse().ok().filter(|share| plain && (0.0..=100.0).contains(share));
        share.ok_or_else(|| "write for example 99.95%, from 0% to 100%".into())
    }
}

/// A whole number within bounds.
pub(super) struct Count<const MIN: u32, const MAX: u32>;

impl<const MIN: u32, const MAX: u32> Word for Count<MIN, MAX> {
    type Out = u32;
    const FORM: Form = Form::Count { min: MIN as u64, max: MAX as u64 };
    const WHAT: &'static str = "a number in its bounds";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<u32, String> {
        let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
        number.ok_or_else(|| format!("write a whole number from {MIN} to {MAX}"))
    }
}

/// `true` or `false`.
pub(super) struct Flag;

impl Word for Flag {
    type Out = bool;
    const FORM: Form = Form::Flag;
    const WHAT: &'static str = "true or false";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<bool, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            "yes" | "on" | "y" => Err("write true".into()),
            "no" | "off" | "n" => Err("write false".into()),
            _ => Err("write true or false".into()),
        }
    }
}

/// Reads one of several words.
fn choice<T: Copy>(text: &str, private: bool, words: &[(&'static str, T)]) -> Result<T, String> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let known = words.iter().map(|(word, _)| *word);
    match mainstay_model::nearest(text, known.clone()) {
        Some(near) if !private => Err(format!("did you mean `{near}`?")),
        _ => Err(format!("write one of {}", known.collect::<Vec<_>>().join(", "))),
    }
}

impl Word for Severity {
    type Out = Severity;
    const FORM: Form = Form::Choice { words: &["page", "high", "warn", "info"] };
    const WHAT: &'static str = "a severity";

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<Severity, String> {
        choice(text, private, &Severity::ALL.map(|severity| (severity.as_str(), severity)))
    }
}

impl Word for Criticality {
    type Out = Criticality;
    const FORM: Form = Form::Choice { words: &["critical", "high", "normal", "low"] };
    const WHAT: &'static str = "a criticality";

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<Criticality, String> {
        let words: Vec<_> = Criticality::ALL.iter().map(|value| (value.as_str(), *value)).collect();
        choice(text, private, &words)
    }
}

impl Word for FailureKind {
    type Out = FailureKind;
    const FORM: Form = Form::Text { what: "kind of failure", pattern: Some("^[a-z-]+$") };
    const WHAT: &'static str = "a kind of failure";

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<FailureKind, String> {
        let words: Vec<_> = FailureKind::ALL.iter().map(|value| (value.as_str(), *value)).collect();
        choice(text, private, &words)
    }
}

impl Word for Blame {
    type Out = Blame;
    const FORM: Form = Form::Choice { words: &["provider", "path", "us"] };
    const WHAT: &'static str = "who is at fault";

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<Blame, String> {
        let words: Vec<_> = Blame::ALL.iter().map(|value| (value.as_str(), *value)).collect();
        choice(text, private, &words)
    }
}

impl Word for TlsMode {
    type Out = TlsMode;
    const FORM: Form = Form::Choice { words: &["full", "off"] };
    const WHAT: &'static str = "a mode of verification";

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<TlsMode, String> {
        if matches!(text, "none" | "insecure" | "skip" | "false" | "no" | "ca" | "verify-ca" | "require") {
            let hint = "TLS without full verification is not offered: write full, with a ca_file or server_name where the certificate needs one, or off for a connection without TLS";
            return Err(hint.into());
        }
        choice(text, private, &[("full", TlsMode::Full), ("off", TlsMode::Off)])
    }
}
