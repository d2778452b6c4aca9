//! Conditions and messages of rules: checked by the engine's compiler, their faults shown at the very characters of the file.

use mainstay_engine::expr::{Fault, Program, Template};

use super::node::Node;
use super::reader::Reader;
use super::shape::{Form, Shape};
use super::source::{Place, Source, Span};

/// A condition in the engine's part of CEL, as text: the engine compiles it again when it takes it over.
pub(super) struct Condition;

impl Shape for Condition {
    type Out = String;
    const FORM: Form = Form::Text { what: "condition", pattern: None };

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
        compiled(node, reader, "a condition", |text| Program::compile(text).map(drop))
    }
}

/// A text with facts in braces.
pub(super) struct Message;

impl Shape for Message {
    type Out = String;
    const FORM: Form = Form::Text { what: "text with facts in braces", pattern: None };

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
        compiled(node, reader, "a text", |text| Template::compile(text).map(drop))
    }
}

fn compiled(
    node: &Node,
    reader: &mut Reader<'_>,
    what: &str,
    compile: impl Fn(&str) -> Result<(), Vec<Fault>>,
) -> Option<String> {
    let filled = reader.scalar(node, what, false)?;
    if filled.filled {
        let hint =
            "write it out: what is wrong with it is shown with its text, and what a variable holds never is";
        reader.error(node.span, format!("{} cannot hold variables", reader.owner()), hint);
        return None;
    }
    let text = filled.text;
    if text.trim().is_empty() {
        reader.error(
            node.span,
            format!("{} is empty", reader.owner()),
            format!("write {what}, or remove the line"),
        );
        return None;
    }
    match compile(&text) {
        Ok(()) => Some(text),
        Err(faults) => {
            let places = places(reader.source, node.span, &text);
            for fault in faults {
                let span = places.as_ref().and_then(|places| span(places, &fault)).unwrap_or(node.span);
                reader.error(span, fault.message, fault.hint);
            }
            None
        }
    }
}

fn span(places: &[Span], fault: &Fault) -> Option<Span> {
    let first = places.get(fault.at.start)?;
    let last = places.get(fault.at.end.checked_sub(1)?)?;
    Some(Span { start: first.start, end: last.end })
}

/// Where each character of a value stands in the file. `None` where the file writes it in another way: with escapes that are not
/// worth following, or with `$$`.
///
/// Folding and indentation only change blanks, so the other characters are found one after another.
fn places(source: &Source<'_>, span: Span, value: &str) -> Option<Vec<Span>> {
    let mut written = written(source, span)?.into_iter();
    let mut places: Vec<Span> = Vec::with_capacity(value.len());
    for c in value.chars() {
        let place = if c.is_whitespace() {
            Span::at(places.last().map_or(span.start, |before| before.end))
        } else {
            let (place, found) = written.next()?;
            if found != c {
                return None;
            }
            place
        };
        places.push(place);
    }
    written.next().is_none().then_some(places)
}

/// The characters of a scalar but for blanks, quotes and the escapes of quotes and backslashes.
fn written(source: &Source<'_>, span: Span) -> Option<Vec<(Span, char)>> {
    let mut all = visible(source, span);
    match all.first().map(|(_, c)| *c) {
        Some('\'') => without_quotes(&all, |first, second| (first == '\'' && second == '\'').then_some('\'')),
        Some('"') => without_quotes(&all, |first, second| {
            (first == '\\' && matches!(second, '"' | '\\' | '/')).then_some(second)
        }),
        Some('|' | '>') => {
            // The header of a block stands on a line of its own.
            let header = all.first()?.0.start.line;
            all.retain(|(place, _)| place.start.line > header);
            Some(all)
        }
        _ => Some(all),
    }
}

fn without_quotes(
    all: &[(Span, char)],
    escaped: impl Fn(char, char) -> Option<char>,
) -> Option<Vec<(Span, char)>> {
    let (_, quoted) = all.split_first()?;
    let (_, inner) = quoted.split_last()?;
    let mut characters = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let [(place, first), behind @ ..] = rest {
        match behind.first().and_then(|(_, second)| escaped(*first, *second)) {
            Some(c) => {
                let end = behind.first()?.0.end;
                characters.push((Span { end, ..*place }, c));
                rest = behind.get(1..)?;
            }
            // Another escape stands for something that is not written so.
            None if *first == '\\' && all.first()?.1 == '"' => return None,
            None => {
                characters.push((*place, *first));
                rest = behind;
            }
        }
    }
    Some(characters)
}

fn visible(source: &Source<'_>, span: Span) -> Vec<(Span, char)> {
    let lines =
        (span.start.line..=span.end.line).filter_map(|line| Some((line, source.columns(span, line)?)));
    let characters = lines.flat_map(|(line, (from, to))| {
        let text = source.slice(line, from, to);
        text.chars().zip(from..).map(move |(c, column)| (Span::at(Place { line, column }), c))
    });
    characters.filter(|(_, c)| !c.is_whitespace()).collect()
}
