//! The lexis of CEL: names, numbers, texts and signs.

use winnow::combinator::{alt, fail, opt, peek};
use winnow::error::{ContextError, EmptyError};
use winnow::stream::{LocatingSlice, Location as _};
use winnow::token::{any, one_of, rest, take_till, take_while};
use winnow::{Parser, Result};

use super::{Located, Span};

type Input<'a> = LocatingSlice<&'a str>;

/// The smallest part of an expression that means something.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    Name(&'a str),
    /// Without its sign.
    Int(u64),
    Double(f64),
    Text(String),
    Sign(&'static str),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lexeme<'a> {
    pub(super) token: Token<'a>,
    pub(super) span: Span,
}

/// Longer ones first, so that `<=` is not `<` and `=`.
const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", "(", ")", "[", "]",
    "{", "}", ",", ".",
];

/// Cuts an expression into its lexemes.
pub(super) fn lexemes(text: &str) -> std::result::Result<Vec<Lexeme<'_>>, Located> {
    let mut input = Input::new(text);
    let mut lexemes = Vec::new();
    loop {
        skip_blanks(&mut input);
        let start = input.current_token_start();
        let rest = &text[start..];
        if rest.is_empty() {
            return Ok(lexemes);
        }
        let (raw, span) = raw.with_span().parse_next(&mut input).map_err(|_| unexpected(rest, start))?;
        let token = meaning(raw, &span)?;
        lexemes.push(Lexeme { token, span });
    }
}

/// A lexeme as it is cut, before its content is read.
enum Raw<'a> {
    Name(&'a str),
    Hex(&'a str),
    Int(&'a str),
    Double(&'a str),
    /// A number with letters behind it, such as `5m`.
    Odd(&'a str),
    Text {
        prefix: &'a str,
        quote: char,
        body: &'a str,
    },
    Sign(&'static str),
}

/// White space, and comments to the end of their line.
fn skip_blanks(input: &mut Input<'_>) {
    let blank = take_while(1.., ['\t', '\n', '\x0c', '\r', ' ']);
    let comment = ("//", take_till(0.., ['\r', '\n'])).take();
    let mut either = alt((blank, comment));
    while Parser::<_, _, EmptyError>::parse_next(&mut either, input).is_ok() {}
}

fn raw<'a>(input: &mut Input<'a>) -> Result<Raw<'a>> {
    alt((text, odd, number, name.map(Raw::Name), sign)).parse_next(input)
}

fn name<'a>(input: &mut Input<'a>) -> Result<&'a str> {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    (one_of(letter), take_while(0.., is_of_name)).take().parse_next(input)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn digits<'a>(input: &mut Input<'a>) -> Result<&'a str> {
    take_while(1.., |c: char| c.is_ascii_digit()).parse_next(input)
}

fn number<'a>(input: &mut Input<'a>) -> Result<Raw<'a>> {
    let hex = ("0x", take_while(1.., |c: char| c.is_ascii_hexdigit())).map(|(_, digits)| Raw::Hex(digits));
    let exponent = || (one_of(['e', 'E']), opt(one_of(['+', '-'])), digits);
    let double = alt(((opt(digits), '.', digits, opt(exponent())).take(), (digits, exponent()).take()));
    alt((hex, double.map(Raw::Double), digits.map(Raw::Int))).parse_next(input)
}

/// A number that goes on as a name is neither.
fn odd<'a>(input: &mut Input<'a>) -> Result<Raw<'a>> {
    let goes_on = take_while(1.., is_of_name);
    (number, goes_on).take().map(Raw::Odd).parse_next(input)
}

fn text<'a>(input: &mut Input<'a>) -> Result<Raw<'a>> {
    let prefix = take_while(0..=2, ['r', 'R', 'b', 'B']).parse_next(input)?;
    let quote = one_of(['"', '\'']).parse_next(input)?;
    let end = move |c: char| c == quote || matches!(c, '\r' | '\n');
    let body = if is_raw(prefix) { take_till(0.., end).parse_next(input)? } else { escaped(quote, input)? };
    one_of(quote).parse_next(input)?;
    Ok(Raw::Text { prefix, quote, body })
}

fn is_raw(prefix: &str) -> bool {
    prefix.contains(['r', 'R'])
}

/// Up to the quote that no backslash stands before.
fn escaped<'a>(quote: char, input: &mut Input<'a>) -> Result<&'a str> {
    let start = *input;
    let mut length = 0;
    loop {
        let next = peek(any).parse_next(input)?;
        if next == quote || matches!(next, '\r' | '\n') {
            break;
        }
        let taken =
            if next == '\\' { (any, any).take().parse_next(input)? } else { any.take().parse_next(input)? };
        length += taken.len();
    }
    let whole: &'a str = rest.parse_next(&mut { start })?;
    Ok(&whole[..length])
}

fn sign<'a>(input: &mut Input<'a>) -> Result<Raw<'a>> {
    for sign in SIGNS {
        if opt(sign).parse_next(input)?.is_some() {
            return Ok(Raw::Sign(sign));
        }
    }
    fail.parse_next(input)
}

fn meaning<'a>(raw: Raw<'a>, span: &Span) -> std::result::Result<Token<'a>, Located> {
    let too_large = |_| Located::new(span.clone(), "this number is larger than an int can be", "");
    Ok(match raw {
        Raw::Name(name) => Token::Name(name),
        Raw::Sign(sign) => Token::Sign(sign),
        Raw::Int(digits) => Token::Int(digits.parse().map_err(too_large)?),
        Raw::Hex(digits) => Token::Int(u64::from_str_radix(digits, 16).map_err(too_large)?),
        Raw::Double(digits) => Token::Double(finite(digits, span)?),
        Raw::Odd(word) => return Err(odd_number(word, span)),
        Raw::Text { prefix, quote, body } => Token::Text(content(prefix, quote, body, span)?),
    })
}

fn finite(digits: &str, span: &Span) -> std::result::Result<f64, Located> {
    let number = digits.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| Located::new(span.clone(), "this number is larger than a double can be", ""))
}

fn odd_number(word: &str, span: &Span) -> Located {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let hint = match word.strip_prefix(digits) {
        Some("u" | "U") => "numbers without a sign are not taken here: leave out the u".to_owned(),
        Some("h" | "m" | "s" | "ms" | "us" | "ns") => {
            format!("a length of time is written duration(\"{word}\")")
        }
        Some("d" | "w") => "a length of time is written in hours, such as duration(\"48h\")".to_owned(),
        Some("%") | None => String::new(),
        Some(_) => "a number has only digits, a point and an exponent".to_owned(),
    };
    Located::new(span.clone(), format!("`{word}` is no number"), hint)
}

fn content(prefix: &str, quote: char, body: &str, span: &Span) -> std::result::Result<String, Located> {
    if prefix.contains(['b', 'B']) {
        let hint = "leave out the b: text is compared with text";
        return Err(Located::new(span.clone(), "bytes are not taken here", hint));
    }
    if is_raw(prefix) {
        return Ok(body.to_owned());
    }
    let begin = span.start + prefix.len() + quote.len_utf8();
    unescape(body, begin)
}

/// Replaces escapes; `begin` is where the body stands.
fn unescape(body: &str, begin: usize) -> std::result::Result<String, Located> {
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((plain, behind)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut input = Input::new(behind);
        let Ok(character) = escape(&mut input) else {
            return Err(no_escape(behind, begin + body.len() - behind.len() - 1));
        };
        text.push(character);
        rest = &behind[input.current_token_start()..];
    }
    text.push_str(rest);
    Ok(text)
}

fn no_escape(behind: &str, at: usize) -> Located {
    let letter: String = behind.chars().take(1).collect();
    let hint = "write \\\\ for a backslash; others are \\\" \\' \\n \\t \\xHH \\uHHHH";
    Located::new(at..at + 1 + letter.len(), format!("`\\{letter}` is no escape here"), hint)
}

fn escape(input: &mut Input<'_>) -> Result<char> {
    let letter = any.parse_next(input)?;
    match letter {
        '\\' | '?' | '"' | '\'' | '`' => Ok(letter),
        'a' => Ok('\x07'),
        'b' => Ok('\x08'),
        'f' => Ok('\x0c'),
        'n' => Ok('\n'),
        'r' => Ok('\r'),
        't' => Ok('\t'),
        'v' => Ok('\x0b'),
        'x' | 'X' => hex_digits(2).parse_next(input),
        'u' => hex_digits(4).parse_next(input),
        'U' => hex_digits(8).parse_next(input),
        '0'..='3' => octal(letter).parse_next(input),
        _ => fail.parse_next(input),
    }
}

fn hex_digits<'a>(count: usize) -> impl Parser<Input<'a>, char, ContextError> {
    let digits = take_while(count..=count, |c: char| c.is_ascii_hexdigit());
    // Halves of surrogate pairs are no characters: \U writes those that need a pair.
    digits.verify_map(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?))
}

fn octal<'a>(first: char) -> impl Parser<Input<'a>, char, ContextError> {
    let digits = take_while(2..=2, |c: char| ('0'..='7').contains(&c));
    digits.verify_map(move |digits: &str| {
        char::from_u32(u32::from_str_radix(&format!("{first}{digits}"), 8).ok()?)
    })
}

/// Why nothing that CEL knows begins here.
fn unexpected(rest: &str, start: usize) -> Located {
    let first = rest.chars().next().unwrap_or(' ');
    let span = start..start + first.len_utf8();
    match first {
        '"' | '\'' => {
            let line = rest.lines().next().unwrap_or(rest);
            Located::new(start..start + line.len(), "this text has no end", format!("close it with {first}"))
        }
        'r' | 'R' | 'b' | 'B' => Located::new(span, "this text has no end", "close it with its quote"),
        '=' => Located::new(span, "`=` compares nothing", "write == to compare"),
        '&' => Located::new(span, "`&` is no operator", "write && for \"and\""),
        '|' => Located::new(span, "`|` is no operator", "write || for \"or\""),
        _ => Located::new(span, format!("the character {first:?} cannot stand here"), ""),
    }
}
