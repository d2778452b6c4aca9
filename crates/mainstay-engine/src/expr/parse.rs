//! The grammar of CEL over lexemes. The levels are climbed by hand, because what was expected where is told to people.

use super::ast::{Node, Operator, Part, Word};
use super::lex::{Lexeme, Token, lexemes};
use super::{DEEPEST, LONGEST, Located, MOST_PARTS, Span};

/// Words that CEL keeps for itself or for what it is embedded in.
const RESERVED: [&str; 19] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "null",
    "return",
    "var",
    "void",
    "while",
];

/// What people write who know other languages.
const FOREIGN: [(&str, &str); 3] = [("and", "&&"), ("or", "||"), ("not", "!")];

pub(super) fn parse(text: &str) -> Result<Node, Located> {
    if text.len() > LONGEST {
        let hint = format!("at most {LONGEST} bytes; make several rules of it");
        return Err(Located::new(LONGEST..text.len(), "the expression is too long", hint));
    }
    let lexemes = lexemes(text)?;
    let mut parser = Parser { lexemes: &lexemes, end: text.trim_end().len(), at: 0, open: 0, parts: 0 };
    let node = parser.expression()?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.unexpected("an operator")),
    }
}

struct Parser<'a> {
    lexemes: &'a [Lexeme<'a>],
    /// Where the text ends.
    end: usize,
    at: usize,
    /// Expressions that are being read.
    open: usize,
    parts: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token<'a>> {
        self.lexemes.get(self.at).map(|lexeme| &lexeme.token)
    }

    /// Where the next lexeme stands; what is missing at the end is missing after the last character.
    fn here(&self) -> Span {
        self.lexemes.get(self.at).map_or(self.end..self.end, |lexeme| lexeme.span.clone())
    }

    fn is_at(&self, sign: &str) -> bool {
        match self.peek() {
            Some(Token::Sign(found)) => *found == sign,
            Some(Token::Name(found)) => *found == "in" && sign == "in",
            _ => false,
        }
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.is_at(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str, what: &str) -> Result<(), Located> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected(what)) }
    }

    fn unexpected(&self, expected: &str) -> Located {
        let Some(token) = self.peek() else {
            return Located::new(self.here(), format!("the expression ends where {expected} is missing"), "");
        };
        let (found, hint) = match token {
            Token::Name(name) => {
                let foreign = FOREIGN.iter().find(|(word, _)| *word == name.to_ascii_lowercase());
                (format!("`{name}`"), foreign.map_or_else(String::new, |(_, sign)| format!("write {sign}")))
            }
            Token::Int(_) | Token::Double(_) => ("a number".to_owned(), String::new()),
            Token::Text(_) => ("a text".to_owned(), String::new()),
            Token::Sign(sign @ ("[" | "{")) => {
                (format!("`{sign}`"), "elements of lists and maps are not taken here".to_owned())
            }
            Token::Sign(sign) => (format!("`{sign}`"), String::new()),
        };
        Located::new(self.here(), format!("here is {found}, where {expected} is expected"), hint)
    }

    fn node(&mut self, part: Part, span: Span, inner: usize) -> Result<Node, Located> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            let hint = format!("at most {MOST_PARTS} names, values and operators; make several rules of it");
            return Err(Located::new(span, "the expression has too many parts", hint));
        }
        let height = inner + 1;
        if height > DEEPEST {
            return Err(too_deep(span));
        }
        Ok(Node { part, span, height })
    }

    /// `Expr = ConditionalOr ["?" ConditionalOr ":" Expr]`
    fn expression(&mut self) -> Result<Node, Located> {
        if self.open == DEEPEST {
            return Err(too_deep(self.here()));
        }
        self.open += 1;
        let condition = self.any()?;
        let node = if self.eat("?") {
            let yes = self.any()?;
            self.expect(":", "`:` and what holds otherwise")?;
            let no = self.expression()?;
            let inner = condition.height.max(yes.height).max(no.height);
            let span = condition.span.start..no.span.end;
            self.node(Part::Choose(Box::new([condition, yes, no])), span, inner)?
        } else {
            condition
        };
        self.open -= 1;
        Ok(node)
    }

    fn any(&mut self) -> Result<Node, Located> {
        self.row("||", Parser::all, Part::Any)
    }

    fn all(&mut self) -> Result<Node, Located> {
        self.row("&&", |parser| parser.binary(0), Part::All)
    }

    fn row(
        &mut self,
        sign: &str,
        one: impl Fn(&mut Self) -> Result<Node, Located>,
        part: fn(Vec<Node>) -> Part,
    ) -> Result<Node, Located> {
        let first = one(self)?;
        if !self.is_at(sign) {
            return Ok(first);
        }
        let mut row = vec![first];
        while self.eat(sign) {
            row.push(one(self)?);
        }
        self.grown(row, part)
    }

    /// A part that is made of several.
    fn grown(&mut self, of: Vec<Node>, part: fn(Vec<Node>) -> Part) -> Result<Node, Located> {
        let span = of.first().map_or(0, |node| node.span.start)..of.last().map_or(0, |node| node.span.end);
        let inner = tallest(&of);
        self.node(part(of), span, inner)
    }

    fn binary(&mut self, level: usize) -> Result<Node, Located> {
        let Some(operators) = Operator::LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some((sign, operator)) = operators.iter().find(|(sign, _)| self.is_at(sign)) {
            self.eat(sign);
            let right = self.binary(level + 1)?;
            let (span, inner) = (left.span.start..right.span.end, left.height.max(right.height));
            left = self.node(Part::Binary(Box::new(left), *operator, Box::new(right)), span, inner)?;
        }
        Ok(left)
    }

    /// `Unary = Member | "!" {"!"} Member | "-" {"-"} Member`
    fn unary(&mut self) -> Result<Node, Located> {
        let begin = self.at;
        let sign = if self.is_at("!") { "!" } else { "-" };
        while self.eat(sign) {}
        let mut count = self.at - begin;
        let mut node = match self.negative_number(sign, count)? {
            Some(number) => {
                count -= 1;
                number
            }
            None => self.member()?,
        };
        for at in (begin..begin + count).rev() {
            let start = self.lexemes.get(at).map_or(node.span.start, |lexeme| lexeme.span.start);
            let (span, inner) = (start..node.span.end, node.height);
            let part = if sign == "!" { Part::Not } else { Part::Minus };
            node = self.node(part(Box::new(node)), span, inner)?;
        }
        Ok(node)
    }

    /// The smallest int has no positive counterpart, so a minus is a part of the number behind it.
    fn negative_number(&mut self, sign: &str, count: usize) -> Result<Option<Node>, Located> {
        let Some(Token::Int(number)) = self.peek().filter(|_| sign == "-" && count > 0) else {
            return Ok(None);
        };
        let span = self.here();
        let Some(negative) = 0_i64.checked_sub_unsigned(*number) else { return Err(too_large(span)) };
        self.at += 1;
        self.node(Part::Int(negative), span.start - 1..span.end, 0).map(Some)
    }

    /// A value with its fields and methods.
    fn member(&mut self) -> Result<Node, Located> {
        let mut node = self.primary()?;
        while self.eat(".") {
            let word = self.word()?;
            let (start, inner) = (node.span.start, node.height);
            node = if self.eat("(") {
                let arguments = self.list(")")?;
                let inner = inner.max(tallest(&arguments));
                let span = start..self.behind();
                self.node(Part::Call(Some(Box::new(node)), word, arguments), span, inner)?
            } else {
                let span = start..word.span.end;
                self.node(Part::Field(Box::new(node), word), span, inner)?
            };
        }
        Ok(node)
    }

    fn word(&mut self) -> Result<Word, Located> {
        let span = self.here();
        match self.peek() {
            Some(Token::Name(name)) if !RESERVED.contains(name) => {
                self.at += 1;
                Ok(Word { text: (*name).to_owned(), span })
            }
            _ => Err(self.unexpected("the name of a fact or a function")),
        }
    }

    fn primary(&mut self) -> Result<Node, Located> {
        let span = self.here();
        let part = match self.peek() {
            Some(Token::Sign("(")) => return self.group(),
            Some(Token::Sign("[")) => return self.list_literal(),
            Some(Token::Int(number)) => {
                Part::Int(i64::try_from(*number).map_err(|_| too_large(span.clone()))?)
            }
            Some(Token::Double(number)) => Part::Double(*number),
            Some(Token::Text(text)) => Part::Text(text.clone()),
            Some(Token::Name("true")) => Part::Bool(true),
            Some(Token::Name("false")) => Part::Bool(false),
            Some(Token::Name("null")) => {
                let hint = "ask has(…) whether a fact is there";
                return Err(Located::new(span, "no fact is ever null", hint));
            }
            Some(Token::Name(_)) => return self.name(),
            Some(Token::Sign("." | "{")) | None => return Err(self.unexpected("a fact, a value or `(`")),
            Some(Token::Sign(_)) => return Err(self.unexpected("a fact, a value or `(`")),
        };
        self.at += 1;
        self.node(part, span, 0)
    }

    fn name(&mut self) -> Result<Node, Located> {
        let word = self.word()?;
        let start = word.span.start;
        if self.eat("(") {
            let arguments = self.list(")")?;
            let (span, inner) = (start..self.behind(), tallest(&arguments));
            return self.node(Part::Call(None, word, arguments), span, inner);
        }
        self.node(Part::Name(word.text), word.span, 0)
    }

    /// Parentheses leave nothing but their place.
    fn group(&mut self) -> Result<Node, Located> {
        let start = self.here().start;
        self.at += 1;
        let inner = self.expression()?;
        self.expect(")", "`)`")?;
        Ok(Node { span: start..self.behind(), ..inner })
    }

    fn list_literal(&mut self) -> Result<Node, Located> {
        let start = self.here().start;
        self.at += 1;
        let elements = self.list("]")?;
        let (span, inner) = (start..self.behind(), tallest(&elements));
        self.node(Part::List(elements), span, inner)
    }

    /// Expressions with commas between them, up to the closing sign. A list may have a comma behind its last element.
    fn list(&mut self, close: &str) -> Result<Vec<Node>, Located> {
        let mut list = Vec::new();
        loop {
            let may_end = list.is_empty() || close == "]";
            if may_end && self.eat(close) {
                return Ok(list);
            }
            list.push(self.expression()?);
            if self.eat(close) {
                return Ok(list);
            }
            self.expect(",", &format!("`,` or `{close}`"))?;
        }
    }

    /// Where the lexeme before this place ends.
    fn behind(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.lexemes.get(at)).map_or(0, |lexeme| lexeme.span.end)
    }
}

fn tallest(nodes: &[Node]) -> usize {
    nodes.iter().map(|node| node.height).max().unwrap_or(0)
}

fn too_deep(span: Span) -> Located {
    let hint = format!("at most {DEEPEST} levels; make several rules of it");
    Located::new(span, "the expression is nested too deeply", hint)
}

fn too_large(span: Span) -> Located {
    Located::new(
        span,
        "this number is larger than an int can be",
        "write it with a point, as in 1e30, for a double",
    )
}
