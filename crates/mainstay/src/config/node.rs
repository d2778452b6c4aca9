use std::rc::Rc;

use super::source::Span;

/// A YAML value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
    /// Values within it, itself included, with aliases counted as often as they are used.
    pub(super) size: usize,
    /// Levels within it, itself included.
    pub(super) depth: usize,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    /// Text, number or boolean: which one is meant, the reader of the key knows.
    Scalar(String),
    List(Vec<Rc<Node>>),
    Map(Vec<Entry>),
}

/// One `key: value` of a mapping.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) value: Rc<Node>,
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Span,
}

impl Node {
    pub(super) fn new(span: Span, value: Value) -> Node {
        let inner: &mut dyn Iterator<Item = &Rc<Node>> = match &value {
            Value::Null | Value::Scalar(_) => &mut std::iter::empty(),
            Value::List(items) => &mut items.iter(),
            Value::Map(entries) => &mut entries.iter().map(|entry| &entry.value),
        };
        let (mut size, mut depth) = (1usize, 1);
        for node in inner {
            size = size.saturating_add(node.size);
            depth = depth.max(node.depth + 1);
        }
        Node { span, value, size, depth }
    }

    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// What it is, as a sentence says it.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "keys of its own",
        }
    }

    /// Itself and every value within.
    pub(super) fn walk<'a>(&'a self, visit: &mut dyn FnMut(Option<&'a Key>, &'a Node)) {
        self.walk_under(None, visit);
    }

    fn walk_under<'a>(&'a self, key: Option<&'a Key>, visit: &mut dyn FnMut(Option<&'a Key>, &'a Node)) {
        visit(key, self);
        match &self.value {
            Value::Null | Value::Scalar(_) => {}
            Value::List(items) => items.iter().for_each(|item| item.walk_under(key, visit)),
            Value::Map(entries) => {
                entries.iter().for_each(|entry| entry.value.walk_under(Some(&entry.key), visit));
            }
        }
    }
}
