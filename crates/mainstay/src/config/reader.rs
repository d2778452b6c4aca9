use super::Surroundings;
use super::interpolate::{Filled, has_variables};
use super::mask::{self, MASK, quoted, quoted_key};
use super::node::{Entry, Key, Node, Value};
use super::problem::{Draft, Level};
use super::shape::{Field, Presence, Section, Shape};
use super::source::{Source, Span};

/// Reads a tree of values into the shapes of the configuration, and collects everything that is wrong.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) surroundings: &'a Surroundings<'a>,
    pub(super) drafts: Vec<Draft>,
    /// Places that are never shown.
    pub(super) hidden: Vec<Span>,
    /// The keys that lead to what is being read.
    path: Vec<Key>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source<'a>, surroundings: &'a Surroundings<'a>) -> Reader<'a> {
        Reader { source, surroundings, drafts: Vec::new(), hidden: Vec::new(), path: Vec::new() }
    }

    pub(super) fn error(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.draft(Level::Error, span, message.into(), hint.into());
    }

    pub(super) fn warning(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.draft(Level::Warning, span, message.into(), hint.into());
    }

    fn draft(&mut self, level: Level, span: Span, message: String, hint: String) {
        let hint = (!hint.is_empty()).then_some(hint);
        self.drafts.push(Draft { level, span, message, hint });
    }

    /// Reads what stands under a key.
    pub(super) fn under<T>(&mut self, key: &Key, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.clone());
        let value = read(self);
        self.path.pop();
        value
    }

    /// Reads an item of a list; what it lacks is told at its own place.
    pub(super) fn item<T>(&mut self, item: &Node, read: impl FnOnce(&mut Self) -> T) -> T {
        let text = self.path.last().map_or_else(String::new, |key| key.text.clone());
        self.under(&Key { text, span: item.span }, read)
    }

    /// The key under which the reader is, in backticks; the file itself has none.
    pub(super) fn owner(&self) -> String {
        self.path.last().map_or_else(|| "the configuration".into(), |key| quoted_key(&key.text))
    }

    /// Where the key stands under which the reader is.
    pub(super) fn owner_span(&self) -> Span {
        self.path.last().map_or(Span::WHOLE, |key| key.span)
    }

    /// A single value with its variables filled in.
    pub(super) fn scalar(&mut self, node: &Node, what: &str, url: bool) -> Option<Filled> {
        match &node.value {
            Value::Scalar(raw) if has_variables(raw) || raw.contains("$$") => self.fill(raw, node.span, url),
            Value::Scalar(raw) => Some(Filled { text: raw.clone(), filled: false }),
            Value::Null => {
                let message = format!("{} has no value", self.owner());
                self.error(self.nothing(node), message, format!("write {what}, or remove the line"));
                None
            }
            Value::List(_) | Value::Map(_) => {
                self.wrong_kind(node, what, "write a single value");
                None
            }
        }
    }

    /// An empty value has no characters to point at; its key has.
    fn nothing(&self, node: &Node) -> Span {
        if node.span.start == node.span.end { self.owner_span() } else { node.span }
    }

    pub(super) fn wrong_kind(&mut self, node: &Node, what: &str, hint: &str) {
        self.hide_unread(node);
        let message = format!("{} takes {what}, and here is {}", self.owner(), node.kind());
        let hint = match &node.value {
            Value::Scalar(text) if text.contains(':') => "a `:` needs a space behind it, as in `key: value`",
            _ => hint,
        };
        self.error(node.span, message, hint);
    }

    /// The value as it is written, fit to be shown.
    pub(super) fn shown(&self, node: &Node, secret: bool) -> String {
        match &node.value {
            Value::Scalar(raw) if secret && !mask::is_placeholder(raw) => MASK.to_owned(),
            Value::Scalar(raw) => quoted(raw),
            _ => node.kind().to_owned(),
        }
    }

    /// Never shows this value, unless it is only a place for one.
    pub(super) fn hide(&mut self, node: &Node) {
        match &node.value {
            Value::Scalar(raw) if mask::is_placeholder(raw) => {}
            _ => node.walk(&mut |key, inner| {
                self.hidden.extend(key.map(|key| key.span));
                self.hidden.push(inner.span);
            }),
        }
    }

    /// Hides what looks like a secret in a part of the file that no shape reads.
    pub(super) fn hide_unread(&mut self, node: &Node) {
        let sensitive =
            self.path.iter().any(|key| mask::is_sensitive(&key.text) || mask::is_full_of_secrets(&key.text));
        let mut found = Vec::new();
        node.walk(&mut |key, inner| {
            if let Value::Scalar(raw) = &inner.value
                && (key.is_some_and(|key| mask::is_sensitive(&key.text)) || sensitive)
                && !mask::is_placeholder(raw)
            {
                found.push(inner.span);
            }
        });
        self.hidden.extend(found);
    }

    /// The entries of a section: every key known, every required one there.
    pub(super) fn section<'n>(&mut self, node: &'n Node, section: &Section) -> Option<&'n [Entry]> {
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            Value::Null => &[],
            Value::Scalar(_) | Value::List(_) => {
                let keys: Vec<_> = section.fields().iter().map(|field| field.key).collect();
                self.wrong_kind(node, "keys of its own", &format!("known here are {}", keys.join(", ")));
                return None;
            }
        };
        for entry in entries.iter().filter(|entry| section.field(&entry.key.text).is_none()) {
            self.unknown_key(entry, section);
        }
        for field in section.fields().iter().filter(|field| matches!(field.presence, Presence::Required)) {
            if !entries.iter().any(|entry| entry.key.text == field.key) {
                self.missing(field);
            }
        }
        if !section.one_of.is_empty() {
            self.exactly_one(entries, section.one_of);
        }
        Some(entries)
    }

    fn unknown_key(&mut self, entry: &Entry, section: &Section) {
        // Keys such as `x-defaults` hold what anchors repeat, as in Compose files.
        if self.path.is_empty() && entry.key.text.starts_with("x-") {
            return;
        }
        self.under(&entry.key, |reader| reader.hide_unread(&entry.value));
        let keys: Vec<&str> = section.fields().iter().map(|field| field.key).collect();
        let hint = match mainstay_model::nearest(&entry.key.text, keys.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here are {}", keys.join(", ")),
        };
        self.error(entry.key.span, format!("unknown key {}", quoted_key(&entry.key.text)), hint);
    }

    fn missing(&mut self, field: &Field) {
        let message = format!("{} has no `{}`", self.owner(), field.key);
        let example = field.example.unwrap_or("…");
        self.error(self.owner_span(), message, format!("add for example `{}: {example}`", field.key));
    }

    fn exactly_one(&mut self, entries: &[Entry], one_of: &[&str]) {
        let given: Vec<&Entry> =
            entries.iter().filter(|entry| one_of.contains(&entry.key.text.as_str())).collect();
        match given.as_slice() {
            [] => {
                let message = format!("{} says no means of telling anybody", self.owner());
                self.error(self.owner_span(), message, format!("give it one of {}", one_of.join(", ")));
            }
            [_] => {}
            [.., last] => {
                let keys: Vec<String> = given.iter().map(|entry| quoted_key(&entry.key.text)).collect();
                let message = format!("{} is of more than one kind: {}", self.owner(), keys.join(" and "));
                let hint = "make a channel of each; a route can name several";
                self.error(last.key.span, message, hint);
            }
        }
    }

    /// The value of a field, its default when it is absent, or nothing when it is absent or wrong.
    pub(super) fn field<T: Shape>(&mut self, entries: &[Entry], field: &Field) -> Option<T::Out> {
        if let Some(entry) = entries.iter().find(|entry| entry.key.text == field.key) {
            return self.under(&entry.key, |reader| T::read(&entry.value, reader));
        }
        let Presence::Default(default) = field.presence else { return None };
        let value = if default.is_empty() { Value::Null } else { Value::Scalar(default.into()) };
        T::read(&Node::new(self.owner_span(), value), self)
    }
}
