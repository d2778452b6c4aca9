use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::excerpt::Excerpt;
use super::render::Rendering;
use super::source::Span;

/// Something about a configuration that a person should know: what, where, and how to mend it.
/// It holds no secret: what it quotes is masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// Whether the configuration can be used nevertheless.
    pub(crate) level: Level,
    /// The file.
    pub(crate) file: String,
    /// Where in the file; absent for the file as a whole.
    #[serde(flatten)]
    pub(crate) at: Option<Excerpt>,
    /// What is wrong, in one sentence.
    pub(crate) message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Problem {
    /// The problem on one line, for a log or a message: `mainstay.yaml:7:5: unknown key; did you mean …`.
    pub(crate) fn line(&self) -> String {
        let place = self.at.as_ref().map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}{place}: {}{hint}", self.file, self.message)
    }
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// The configuration cannot be used.
    Error,
    /// It can, but perhaps it does not say what was meant.
    Warning,
}

impl Level {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
        }
    }
}

/// Everything that was found, in the order of the file: at least one error, and the warnings too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// A refusal of the file as a whole.
    pub(super) fn of_file(file: &Path, message: impl Into<String>, hint: impl Into<String>) -> Problems {
        Problems(vec![Problem {
            level: Level::Error,
            file: file.display().to_string(),
            at: None,
            message: message.into(),
            hint: Some(hint.into()),
        }])
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Rendering { problems: &self.0, colour: false })
    }
}

/// A problem as it is found, before its place is cut out of the file.
pub(super) struct Draft {
    pub(super) level: Level,
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}
