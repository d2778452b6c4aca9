//! YAML text to a tree of values with their places.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::mask::quoted_key;
use super::node::{Entry, Key, Node, Value};
use super::problem::{Draft, Level};
use super::source::{Place, Source, Span};

/// Levels of nesting. The deepest setting stands at level 5; this leaves room, and keeps recursion small.
const DEEPEST: usize = 32;
/// Values in a file, aliases counted as often as they are used: a hundred thousand dependencies, and no bomb.
const MOST: usize = 4_000_000;

/// Reads the document. What hinders reading any further is `Err`; other faults go to `drafts`.
pub(super) fn read(text: &str, drafts: &mut Vec<Draft>) -> Result<Option<Tree>, Draft> {
    let mut builder = Builder {
        drafts,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        refused: Vec::new(),
        values: 0,
    };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(&error, text))?;
        let span = Span { start: place(span.start), end: place(span.end) };
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                let hint = "put everything into one, or into files of their own";
                return Err(fault(
                    span,
                    "a second document begins here, and a configuration is one document",
                    hint,
                ));
            }
        }
        builder.event(event, span)?;
    }
    let Builder { root, refused, .. } = builder;
    Ok(root.map(|root| Tree { root, refused }))
}

/// What a file holds.
pub(super) struct Tree {
    pub(super) root: Rc<Node>,
    /// Entries whose key stands twice: not used, but perhaps secret.
    pub(super) refused: Vec<Entry>,
}

impl Tree {
    /// Every value, with the key that leads to it.
    pub(super) fn walk<'a>(&'a self, visit: &mut dyn FnMut(Option<&'a Key>, &'a Node)) {
        self.root.walk(visit);
        for entry in &self.refused {
            entry.value.walk(visit);
        }
    }
}

struct Builder<'d> {
    drafts: &'d mut Vec<Draft>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
    refused: Vec<Entry>,
    values: usize,
}

/// A list or mapping whose end has not come yet.
struct Open {
    span: Span,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Rc<Node>>),
    Map(Mapping),
}

#[derive(Default)]
struct Mapping {
    entries: Vec<Entry>,
    /// What `<<` names, in order.
    merged: Vec<Rc<Node>>,
    /// Where each key stands.
    lines: HashMap<String, usize>,
    expects: Expects,
}

#[derive(Default)]
enum Expects {
    #[default]
    Key,
    Value(Key),
    /// The value of a key that is no text or stands twice.
    Refused(Key),
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Draft> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                untagged(tag.as_deref(), span)?;
                let null =
                    style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Scalar(text.into_owned()) };
                self.finished(Node::new(span, value), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.opened(span, anchor, tag.as_deref(), Inside::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.opened(span, anchor, tag.as_deref(), Inside::Map(Mapping::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.closed(),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn opened(&mut self, span: Span, anchor: usize, tag: Option<&Tag>, inside: Inside) -> Result<(), Draft> {
        untagged(tag, span)?;
        self.deep_enough(1, span)?;
        self.open.push(Open { span: Span::at(span.start), anchor, inside });
        Ok(())
    }

    fn closed(&mut self) -> Result<(), Draft> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.inside {
            Inside::List(items) => Value::List(items),
            Inside::Map(mapping) => Value::Map(self.merge(mapping)),
        };
        self.finished(Node::new(open.span, value), open.anchor)
    }

    fn finished(&mut self, node: Node, anchor: usize) -> Result<(), Draft> {
        let (span, node) = (node.span, Rc::new(node));
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.few_enough(1, span)?;
        self.put(node, span);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Draft> {
        let Some(node) = self.anchors.get(&anchor).map(Rc::clone) else {
            let hint = "an alias can only stand after the end of what it repeats";
            return Err(fault(span, "this alias stands inside what it repeats", hint));
        };
        self.deep_enough(node.depth, span)?;
        self.few_enough(node.size, span)?;
        self.put(node, span);
        Ok(())
    }

    /// Puts a finished value where it belongs: the list or mapping that is open, or the root.
    fn put(&mut self, node: Rc<Node>, span: Span) {
        match self.open.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(node),
            Some(Inside::List(items)) => items.push(node),
            Some(Inside::Map(mapping)) => match std::mem::take(&mut mapping.expects) {
                Expects::Key => {
                    let refused = mapping.key(&node, span);
                    self.drafts.extend(refused);
                }
                Expects::Value(key) if key.text == "<<" => {
                    let refused = mapping.merged(node, span);
                    self.drafts.extend(refused);
                }
                Expects::Value(key) => mapping.entries.push(Entry { key, value: node }),
                Expects::Refused(key) => self.refused.push(Entry { key, value: node }),
            },
        }
    }

    /// The entries with those that `<<` brings; what stands in the mapping itself wins, then what came first.
    fn merge(&mut self, mapping: Mapping) -> Vec<Entry> {
        let Mapping { mut entries, merged, lines, .. } = mapping;
        let mut known = lines;
        for entry in merged.iter().flat_map(|node| node.entries()) {
            if known.insert(entry.key.text.clone(), entry.key.span.start.line).is_none() {
                entries.push(entry.clone());
            }
        }
        entries
    }

    fn deep_enough(&self, more: usize, span: Span) -> Result<(), Draft> {
        let hint = "the deepest setting stands at level 5; is a bracket or an alias misplaced?";
        let deep = self.open.len() + more > DEEPEST;
        if deep { Err(fault(span, format!("nested deeper than {DEEPEST} levels"), hint)) } else { Ok(()) }
    }

    fn few_enough(&mut self, more: usize, span: Span) -> Result<(), Draft> {
        self.values = self.values.saturating_add(more);
        let hint =
            "aliases count as often as they are used; write the values out, or watch with several servers";
        let many = self.values > MOST;
        if many { Err(fault(span, format!("more than {MOST} values"), hint)) } else { Ok(()) }
    }
}

impl Mapping {
    fn key(&mut self, node: &Node, span: Span) -> Option<Draft> {
        let text = match &node.value {
            Value::Scalar(text) => text.clone(),
            Value::Null => String::new(),
            Value::List(_) | Value::Map(_) => {
                let hint = "write it as `key: value`; a value with brackets of its own needs quotes";
                self.expects = Expects::Refused(Key { text: String::new(), span });
                return Some(fault(span, "a key must be text", hint));
            }
        };
        if text != "<<"
            && let Some(line) = self.lines.insert(text.clone(), span.start.line)
        {
            let message = format!("{} stands twice: here and in line {line}", quoted_key(&text));
            self.expects = Expects::Refused(Key { text, span });
            return Some(fault(span, message, "keep one of them"));
        }
        self.expects = Expects::Value(Key { text, span });
        None
    }

    fn merged(&mut self, node: Rc<Node>, span: Span) -> Option<Draft> {
        let is_map = |node: &Node| matches!(node.value, Value::Map(_));
        match &node.value {
            Value::Map(_) => self.merged.push(node),
            Value::List(items) if items.iter().all(|item| is_map(item)) => {
                self.merged.extend(items.iter().cloned())
            }
            _ => {
                let hint = "write `<<: *name`, where `&name` marks a mapping further up";
                return Some(fault(span, "`<<` takes a mapping, or a list of mappings", hint));
            }
        }
        None
    }
}

/// Tags are not used. This one is not quoted: a password that begins with `!` and lacks its quotes looks like one.
fn untagged(tag: Option<&Tag>, span: Span) -> Result<(), Draft> {
    if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
        let hint = "a value that begins with `!` needs quotes; tags are not used here";
        return Err(fault(Span::at(span.start), "this tag is not known", hint));
    }
    Ok(())
}

/// The first character that YAML does not allow (YAML 1.2.2 section 5.1), as a fault.
pub(super) fn odd_character(text: &str) -> Option<Draft> {
    let odd = |c: char| {
        (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))
            || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    let at = text.find(odd)?;
    let before = Source::new(&text[..at]);
    let start = before.end();
    let c = text[at..].chars().next()?;
    let message = format!("the character {} cannot stand here", c.escape_unicode());
    Some(fault(Span::at(start), message, "remove it, or write it as an escape in double quotes"))
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line().max(1), column: marker.col() }
}

fn fault(span: Span, message: impl Into<String>, hint: &str) -> Draft {
    Draft { level: Level::Error, span, message: message.into(), hint: Some(hint.into()) }
}

/// What the parser says, in the words of the mistake that people usually made.
fn syntax(error: &ScanError, text: &str) -> Draft {
    let at = place(*error.marker());
    let source = Source::new(text);
    let before = source.slice(at.line, 0, at.column);
    let rest = source.slice(at.line, at.column, at.column + 1);
    let info = error.info();
    let tabs = info.contains("tab")
        || info.contains("YAML whitespace")
        || before.trim_start_matches(' ').starts_with('\t');
    let (message, hint) = if before.ends_with('$') && rest == "{" {
        ("a value with `${` lacks its quotes", "inside { } and [ ] write it as \"${NAME}\"")
    } else if tabs {
        ("a tab stands where YAML takes only spaces", "indent with spaces")
    } else if info.contains("mapping values are not allowed") {
        (
            "YAML expects no `:` here",
            "a value with `: ` in it needs quotes; else compare the indentation with the line above",
        )
    } else if info.contains("unexpected character") {
        ("a value cannot begin with this character", "put the value in quotes")
    } else if info.contains("unknown anchor") {
        (
            "this alias repeats nothing",
            "`*name` needs `&name` further up; a value that begins with `*` needs quotes",
        )
    } else if info.contains("trailing content") {
        (
            "something stands behind the closing quote",
            "a quote within the value must be doubled in '…', or written \\\" in \"…\"",
        )
    } else if info.contains("quoted scalar") || info.contains("end of stream") {
        ("a quote is not closed", "close it; and indent what goes on in the next line")
    } else if info.contains("flow") || info.contains("bracket") || info.contains("':' indicator") {
        (
            "a bracket or a comma is missing here or before",
            "every { needs its }, every [ its ], and entries a comma between them",
        )
    } else {
        let hint = "compare the indentation with the lines around it; is a `:` or a quote missing?";
        return fault(Span::at(at), format!("this is not YAML: {info}"), hint);
    };
    fault(Span::at(at), message, hint)
}

#[cfg(test)]
mod tests;
