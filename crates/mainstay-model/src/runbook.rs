use std::fmt;
use std::str::FromStr;

use crate::failure::kinds;
use crate::nearest;

/// What to do when something breaks: a text in Markdown, or a link to one, with placeholders such as `{{dependency.host}}` that stand
/// for the values of the incident at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runbook(String);

kinds! {
    /// What a placeholder in a runbook stands for.
    Placeholder {
        /// The name of the dependency in the configuration.
        DependencyName = "dependency.name",
        /// Its host, or the path of its file.
        DependencyHost = "dependency.host",
        /// Its port.
        DependencyPort = "dependency.port",
        /// The provider's name for people.
        ProviderName = "provider.name",
        /// How the provider is reached.
        ProviderContacts = "provider.contacts",
        /// The provider's own status page.
        ProviderStatusPage = "provider.status_page",
        /// What went wrong, in one word.
        FailureKind = "failure.kind",
        /// What went wrong, in a sentence.
        FailureMessage = "failure.message",
        /// The components that use the dependency, by their titles.
        Components = "components",
        /// The incident's title.
        IncidentTitle = "incident.title",
        /// The incident's page.
        IncidentUrl = "incident.url",
        /// Since when the trouble exists, in UTC.
        IncidentSince = "incident.since",
    }
}

/// Why a text is no runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunbookError {
    /// Nothing there.
    Empty,
    /// A placeholder that stands for nothing.
    Unknown {
        /// As it is written.
        written: String,
        /// What is probably meant.
        meant: Option<Placeholder>,
    },
    /// `{{` without its `}}`.
    Unclosed,
}

impl fmt::Display for RunbookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunbookError::Empty => f.write_str("a runbook cannot be empty"),
            RunbookError::Unknown { written, .. } => {
                write!(f, "{{{{{written}}}}} stands for nothing in a runbook")
            }
            RunbookError::Unclosed => f.write_str("a placeholder that begins with {{ needs }} at its end"),
        }
    }
}

impl std::error::Error for RunbookError {}

impl FromStr for Runbook {
    type Err = RunbookError;

    fn from_str(text: &str) -> Result<Runbook, RunbookError> {
        if text.trim().is_empty() {
            return Err(RunbookError::Empty);
        }
        let mut rest = text;
        while let Some((_, after)) = rest.split_once("{{") {
            let (written, after) = after.split_once("}}").ok_or(RunbookError::Unclosed)?;
            if written.trim().parse::<Placeholder>().is_err() {
                let written = written.trim().to_owned();
                let names = Placeholder::ALL.iter().map(|one| one.as_str());
                let meant = nearest(&written, names).and_then(|name| name.parse().ok());
                return Err(RunbookError::Unknown { written, meant });
            }
            rest = after;
        }
        Ok(Runbook(text.to_owned()))
    }
}

impl Runbook {
    /// The text with its placeholders.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, where it is nothing but a link.
    pub fn link(&self) -> Option<&str> {
        let text = self.0.trim();
        let is_link = text.starts_with("https://") || text.starts_with("http://");
        (is_link && !text.contains(char::is_whitespace)).then_some(text)
    }
}

/// A part of a runbook with its placeholders filled in. What is no placeholder stays as it is.
pub fn fill_in(text: &str, value: impl Fn(Placeholder) -> String) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let known = after.split_once("}}").and_then(|(name, after)| Some((name.trim().parse().ok()?, after)));
        rest = match known {
            Some((placeholder, after)) => {
                filled.push_str(&value(placeholder));
                after
            }
            None => {
                filled.push_str("{{");
                after
            }
        };
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_taken_and_filled_in() {
        for one in Placeholder::ALL {
            let text = format!("a {{{{{one}}}}} and {{{{ {one} }}}} b");
            assert!(text.parse::<Runbook>().is_ok(), "{text}");
            assert_eq!(
                fill_in(&text, |_| "{{x}}".into()),
                "a {{x}} and {{x}} b",
                "a value is not filled in again"
            );
        }
    }

    #[test]
    fn what_stands_for_nothing_is_refused() {
        let refused = |text: &str| text.parse::<Runbook>().unwrap_err();
        let error = refused("call {{provider.contact}}");
        assert_eq!(error.to_string(), "{{provider.contact}} stands for nothing in a runbook");
        let RunbookError::Unknown { meant, .. } = error else { panic!("{error:?}") };
        assert_eq!(meant, Some(Placeholder::ProviderContacts));
        assert_eq!(refused("call {{provider.name"), RunbookError::Unclosed);
        assert_eq!(refused(" \n"), RunbookError::Empty);
        assert_eq!(fill_in("{{nothing}} {{", |_| "x".into()), "{{nothing}} {{");
    }

    #[test]
    fn a_link_alone_is_a_link() {
        let link = |text: &str| text.parse::<Runbook>().unwrap().link().map(str::to_owned);
        let address = "https://wiki.example.com/{{dependency.name}}";
        assert_eq!(link(&format!(" {address}\n")).as_deref(), Some(address));
        assert_eq!(link(&format!("See {address}")), None);
        assert_eq!(link("javascript:alert(1)"), None);
    }
}
