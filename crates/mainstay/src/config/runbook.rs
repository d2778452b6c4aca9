//! What to do when something breaks.

use mainstay_model::{Placeholder, Runbook, RunbookError};

use super::reader::Reader;
use super::shape::Form;
use super::words::Word;

/// A runbook: Markdown or a link, with placeholders that stand for something.
pub(super) struct RunbookText;

impl Word for RunbookText {
    type Out = Runbook;
    const FORM: Form = Form::Text { what: "Markdown or link", pattern: None };
    const WHAT: &'static str = "a runbook";

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<Runbook, String> {
        text.parse().map_err(|error| match &error {
            RunbookError::Unknown { meant: Some(meant), .. } if !private => {
                format!("{error}; did you mean {{{{{meant}}}}}?")
            }
            RunbookError::Unknown { .. } => {
                let all: Vec<&str> = Placeholder::ALL.iter().map(|one| one.as_str()).collect();
                format!("a placeholder in it stands for nothing; known are {}", all.join(", "))
            }
            _ => error.to_string(),
        })
    }
}
