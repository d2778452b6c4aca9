use std::borrow::Cow;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{ComponentName, in_words};

use super::Fact;
use crate::time::clock;

/// A value of a fact or a part of an expression.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the variants are CEL's types")]
pub enum Value<'a> {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'a, str>),
    Duration(SignedDuration),
    Timestamp(Timestamp),
    Texts(Texts<'a>),
}

/// A list of texts that lies elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Texts<'a> {
    /// Any texts.
    Plain(&'a [String]),
    /// Names of components.
    Components(&'a [ComponentName]),
}

impl<'a> Texts<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        match self {
            Texts::Plain(all) => all.len(),
            Texts::Components(all) => all.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let (plain, components): (&'a [String], &'a [ComponentName]) = match self {
            Texts::Plain(all) => (all, &[]),
            Texts::Components(all) => (&[], all),
        };
        plain.iter().map(String::as_str).chain(components.iter().map(ComponentName::as_str))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Value<'a> {
        Value::Text(Cow::Borrowed(text))
    }
}

/// What is known of a fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<'a> {
    /// Its value.
    Known(Value<'a>),
    /// It is known not to be there: there was no failure, the connection has no TLS. `has()` is false. A text is then empty and a list
    /// has no element, as an unset field of a message is in CEL; a number or a time cannot be told.
    None,
    /// It is not known whether it is there. `has()` cannot be told.
    Unknown,
}

impl<'a> Found<'a> {
    /// A value, or the knowledge that there is none.
    pub fn or_none(value: Option<Value<'a>>) -> Found<'a> {
        value.map_or(Found::None, Found::Known)
    }

    /// A value, or nothing.
    pub fn or_unknown(value: Option<Value<'a>>) -> Found<'a> {
        value.map_or(Found::Unknown, Found::Known)
    }
}

/// For people.
impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Known(value) => write!(f, "{value}"),
            Found::None => f.write_str("none"),
            Found::Unknown => f.write_str("unknown"),
        }
    }
}

/// For people.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Double(value) if value.fract() == 0.0 || value.abs() >= 100.0 => write!(f, "{value:.0}"),
            Value::Double(value) => write!(f, "{value:.2}"),
            Value::Text(value) => f.write_str(value),
            Value::Duration(value) => f.write_str(&in_words(*value)),
            Value::Timestamp(value) => f.write_str(&clock(*value)),
            Value::Texts(value) => f.write_str(&crate::wording::list(value.iter())),
        }
    }
}

/// Whoever knows the facts.
pub trait Source {
    /// What is known of one of them; its value has the type that [`Fact::about`] says.
    fn find(&self, fact: Fact) -> Found<'_>;
}
