use super::Span;

/// A part of an expression as it is written, with its place.
#[derive(Debug, PartialEq)]
pub(super) struct Node {
    pub(super) part: Part,
    pub(super) span: Span,
    /// Levels within it, itself included.
    pub(super) height: usize,
}

#[derive(Debug, PartialEq)]
pub(super) enum Part {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Name(String),
    Field(Box<Node>, Word),
    /// A function, or a method of what stands before the dot.
    Call(Option<Box<Node>>, Word, Vec<Node>),
    List(Vec<Node>),
    Not(Box<Node>),
    Minus(Box<Node>),
    /// `&&` of two or more in a row. As errors are absorbed in any order, they need no order of their own.
    All(Vec<Node>),
    /// `||` of two or more in a row.
    Any(Vec<Node>),
    Binary(Box<Node>, Operator, Box<Node>),
    Choose(Box<[Node; 3]>),
}

/// A name and where it stands.
#[derive(Debug, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Same,
    Other,
    Order(Order),
    In,
    Sum(Sum),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessOrSame,
    More,
    MoreOrSame,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sum {
    Plus,
    Minus,
    Times,
    Divided,
    Remainder,
}

impl Operator {
    /// The operators of relations, additions and multiplications: from the weakest binding to the strongest.
    pub(super) const LEVELS: [&'static [(&'static str, Operator)]; 3] = [
        &[
            ("==", Operator::Same),
            ("!=", Operator::Other),
            ("<", Operator::Order(Order::Less)),
            ("<=", Operator::Order(Order::LessOrSame)),
            (">", Operator::Order(Order::More)),
            (">=", Operator::Order(Order::MoreOrSame)),
            ("in", Operator::In),
        ],
        &[("+", Operator::Sum(Sum::Plus)), ("-", Operator::Sum(Sum::Minus))],
        &[
            ("*", Operator::Sum(Sum::Times)),
            ("/", Operator::Sum(Sum::Divided)),
            ("%", Operator::Sum(Sum::Remainder)),
        ],
    ];

    pub(super) fn as_str(self) -> &'static str {
        let mut all = Operator::LEVELS.iter().copied().flatten();
        all.find(|(_, operator)| *operator == self).map_or("", |(sign, _)| sign)
    }
}

impl Node {
    /// `tls.days_left` for a name with fields; `None` for anything else.
    pub(super) fn path(&self) -> Option<String> {
        match &self.part {
            Part::Name(name) => Some(name.clone()),
            Part::Field(of, field) => Some(format!("{}.{}", of.path()?, field.text)),
            _ => None,
        }
    }
}
