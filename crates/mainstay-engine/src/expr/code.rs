use jiff::{SignedDuration, Timestamp};

use super::Fact;
use super::ast::{Order, Sum};

/// A checked expression: every type fits, so that evaluating it needs no second look.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Code {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<str>),
    Duration(SignedDuration),
    Timestamp(Timestamp),
    Fact(Fact),
    Has(Fact),
    Not(Box<Code>),
    All(Box<[Code]>),
    Any(Box<[Code]>),
    Minus(Box<Code>),
    /// `==`, or `!=` where the flag is false.
    Same(bool, Box<[Code; 2]>),
    Order(Order, Box<[Code; 2]>),
    Sum(Sum, Box<[Code; 2]>),
    /// Whether the first is among the others, which are written out.
    OneOf(Box<Code>, Box<[Code]>),
    /// Whether the first is an element of the second.
    In(Box<[Code; 2]>),
    Choose(Box<[Code; 3]>),
    Size(Box<Code>),
    Test(Test, Box<[Code; 2]>),
    ToDouble(Box<Code>),
    ToInt(Box<Code>),
}

/// Questions about two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    Contains,
    StartsWith,
    EndsWith,
}

impl Code {
    /// Every fact that it names, as often as it does.
    pub(super) fn facts(&self, facts: &mut Vec<Fact>) {
        if let Code::Fact(fact) | Code::Has(fact) = self {
            facts.push(*fact);
        }
        self.inner().into_iter().for_each(|code| code.facts(facts));
    }

    fn inner(&self) -> Vec<&Code> {
        match self {
            Code::Bool(_)
            | Code::Int(_)
            | Code::Double(_)
            | Code::Text(_)
            | Code::Duration(_)
            | Code::Timestamp(_) => Vec::new(),
            Code::Fact(_) | Code::Has(_) => Vec::new(),
            Code::Not(one) | Code::Minus(one) | Code::Size(one) | Code::ToDouble(one) | Code::ToInt(one) => {
                vec![one]
            }
            Code::All(all) | Code::Any(all) => all.iter().collect(),
            Code::Same(_, two)
            | Code::Order(_, two)
            | Code::Sum(_, two)
            | Code::In(two)
            | Code::Test(_, two) => two.iter().collect(),
            Code::OneOf(one, others) => std::iter::once(&**one).chain(others.iter()).collect(),
            Code::Choose(three) => three.iter().collect(),
        }
    }
}
