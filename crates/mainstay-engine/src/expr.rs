//! Expressions for rules of one's own: a strict, statically typed subset of CEL.
//!
//! Grammar, names and meaning are those of CEL's language definition (google/cel-spec, `doc/langdef.md`), so that every expression
//! that is taken here is an expression of CEL with the same result; much of CEL is not taken. It is stricter in that every name is
//! known and every type fits before anything is evaluated. An expression is compiled once and evaluated often.
//!
//! A fact that is not known makes an error value, as in CEL, and `&&` and `||` absorb errors in either order: `false && error` and
//! `error && false` are both `false`. What remains an error is [`Answer::Untold`].

use std::ops::Range;

mod ast;
mod check;
mod code;
mod fact;
mod lex;
mod parse;
mod run;
mod template;
mod value;

pub use fact::{About, Fact, Kind, Presence};
pub use run::{Answer, Untold};
pub use template::Template;
pub use value::{Found, Source, Texts, Value};

use code::Code;

/// Bytes that an expression may have: some fifty conditions. Its faults are shown with the text, and people have to read it.
pub const LONGEST: usize = 4_096;

/// Levels of nesting, and height of the tree. CEL asks for 32 of either; reading, checking, evaluating and dropping take a few
/// stack frames a level, which at 64 fit many times into the smallest stack that we run on (2 MiB of a worker thread).
pub(crate) const DEEPEST: usize = 64;

/// Parts that an expression may have, so that judging one dependency takes microseconds, whatever somebody writes.
pub(crate) const MOST_PARTS: usize = 512;

/// A rule's condition, ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    code: Code,
    /// Which facts it names, each once, in their own order.
    facts: Vec<Fact>,
}

impl Program {
    /// Reads and checks an expression, which has to be a question: of type `bool`. It never panics, whatever the text.
    ///
    /// # Errors
    /// The one place where it is no CEL; or else every name that is not known and every type that does not fit.
    pub fn compile(text: &str) -> Result<Program, Vec<Fault>> {
        let located = |fault: Located| fault.in_characters_of(text);
        let tree = parse::parse(text).map_err(|fault| vec![located(fault)])?;
        let code =
            check::question(&tree).map_err(|faults| faults.into_iter().map(located).collect::<Vec<_>>())?;
        let mut facts = Vec::new();
        code.facts(&mut facts);
        facts.sort_unstable();
        facts.dedup();
        Ok(Program { code, facts })
    }

    /// Which facts it names, each once.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Whether the passing of time alone may change the answer.
    pub fn follows_time(&self) -> bool {
        self.facts.iter().any(|fact| fact.about().follows_time)
    }

    /// Whether the answer rests on what was learned of one server.
    pub fn is_of_the_endpoint(&self) -> bool {
        self.facts.iter().any(|fact| fact.about().of_the_endpoint)
    }
}

/// What is wrong with an expression or a message, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The characters (not bytes) of the text that are at fault. Empty only in an empty text.
    pub at: Range<usize>,
    /// What is wrong, with the words at fault.
    pub message: String,
    /// How to mend it; empty where the message says it.
    pub hint: String,
}

/// Bytes of the text.
type Span = Range<usize>;

/// A fault with its place in bytes.
#[derive(Debug, Clone, PartialEq)]
struct Located {
    span: Span,
    message: String,
    hint: String,
}

impl Located {
    fn new(span: Span, message: impl Into<String>, hint: impl Into<String>) -> Located {
        Located { span, message: message.into(), hint: hint.into() }
    }

    /// What is missing at the end is shown at the last character.
    fn in_characters_of(self, text: &str) -> Fault {
        let character = |byte: usize| text.char_indices().take_while(|(at, _)| *at < byte).count();
        let count = text.chars().count();
        let start = character(self.span.start).min(count.saturating_sub(1));
        let end = character(self.span.end).max(start + 1).min(count);
        Fault { at: start..end, message: self.message, hint: self.hint }
    }
}

/// "did you mean …?", or which there are.
fn suggestion(word: &str, known: &[&str]) -> String {
    match mainstay_model::nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests;
