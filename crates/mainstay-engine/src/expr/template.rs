use std::fmt::Write as _;

use super::check::unknown_fact;
use super::{Fact, Fault, Located, Source};

/// Bytes that a message may have. It is a sentence or two on a telephone's screen.
pub(crate) const LONGEST: usize = 1_000;

/// A rule's message: text with facts in braces, such as `{tls.days_left} days are left`. `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Fact(Fact),
}

impl Template {
    /// Reads a message.
    ///
    /// # Errors
    /// Every fact that is not known, and the first brace that has no counterpart.
    pub fn compile(text: &str) -> Result<Template, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut pieces = Vec::new();
        if text.len() > LONGEST {
            let hint = format!("at most {LONGEST} bytes; what to do belongs into the runbook");
            faults.push(Located::new(0..text.len(), "the message is too long", hint));
        } else if let Err(fault) = cut(text, &mut pieces, &mut faults) {
            faults.push(fault);
        }
        if faults.is_empty() {
            return Ok(Template { pieces });
        }
        Err(faults.into_iter().map(|fault| fault.in_characters_of(text)).collect())
    }

    /// The message for one dependency. What is not known is called so.
    pub fn fill(&self, facts: &dyn Source) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                // Writing into a text cannot fail.
                Piece::Fact(fact) => drop(write!(text, "{}", facts.find(*fact))),
            }
        }
        text
    }
}

fn cut(text: &str, pieces: &mut Vec<Piece>, faults: &mut Vec<Located>) -> Result<(), Located> {
    let mut plain = String::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            plain.push(c);
            at += 2;
        } else if c == '{' {
            let Some(length) = rest.find('}') else {
                let hint = "close it with `}`, or write `{{` for a brace";
                return Err(Located::new(at..text.len(), "this `{` has no `}`", hint));
            };
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            fact(&rest[1..length], at + 1, pieces, faults);
            at += length + 1;
        } else if c == '}' {
            return Err(Located::new(at..at + 1, "this `}` has no `{`", "write `}}` for a brace"));
        } else {
            plain.push(c);
            at += c.len_utf8();
        }
    }
    pieces.push(Piece::Text(plain));
    Ok(())
}

fn fact(inner: &str, at: usize, pieces: &mut Vec<Piece>, faults: &mut Vec<Located>) {
    let name = inner.trim();
    match Fact::named(name) {
        Some(fact) => pieces.push(Piece::Fact(fact)),
        None => {
            let names: Vec<_> = Fact::ALL.iter().map(|fact| fact.about().name).collect();
            let span = at..(at + inner.len()).max(at + 1);
            faults.push(Located::new(span, format!("there is no fact `{name}`"), unknown_fact(name, &names)));
        }
    }
}
