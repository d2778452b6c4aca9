use std::ops::Range;

use super::excerpt::Excerpt;
use super::mask;
use super::node::{Node, Value};
use super::problem::{Draft, Problem};
use super::reader::Reader;
use super::source::{Source, Span, slice};

/// Cuts problems out of the file without the secrets that stand around them.
pub(super) struct Hiding<'a> {
    source: &'a Source<'a>,
    file: String,
    /// What the reader knows to be secret, and passwords in values; nothing when the file is no YAML.
    hidden: Vec<Span>,
    structured: bool,
}

impl<'a> Hiding<'a> {
    pub(super) fn new(reader: &mut Reader<'a>, tree: Option<&Node>) -> Hiding<'a> {
        let mut hidden = std::mem::take(&mut reader.hidden);
        if let Some(tree) = tree {
            tree.walk(&mut |_, node| hidden.extend(passwords(node, reader.source)));
        }
        hidden.sort_unstable();
        hidden.dedup();
        let file = reader.surroundings.file.display().to_string();
        Hiding { source: reader.source, file, hidden, structured: tree.is_some() }
    }

    pub(super) fn problem(&self, draft: Draft) -> Problem {
        let Draft { level, span, message, hint } = draft;
        let number = span.start.line;
        let line = self.source.line(number);
        let (from, to) =
            self.source.columns(span, number).unwrap_or((span.start.column, span.start.column + 1));
        let excerpt = Excerpt::cut(number, line, from..to, &self.in_line(number));
        Problem { level, file: self.file.clone(), at: Some(excerpt), message, hint }
    }

    fn in_line(&self, number: usize) -> Vec<Range<usize>> {
        if self.structured {
            let columns = |span: &Span| self.source.columns(*span, number).map(|(from, to)| from..to);
            return self.hidden.iter().filter_map(columns).collect();
        }
        let line = self.source.line(number);
        if self.is_within_secret(number) {
            return vec![0..line.chars().count()];
        }
        let columns =
            |range: Range<usize>| line[..range.start].chars().count()..line[..range.end].chars().count();
        mask::in_line(line).into_iter().map(columns).collect()
    }

    /// Whether a line stands under the key of a secret, judged by indentation alone.
    fn is_within_secret(&self, number: usize) -> bool {
        let indentation = |line: &str| line.len() - line.trim_start().len();
        let mut left = indentation(self.source.line(number));
        for above in (1..number).rev().map(|above| self.source.line(above)) {
            if left == 0 {
                return false;
            }
            if !above.trim().is_empty() && indentation(above) < left {
                left = indentation(above);
                if above.split(':').next().is_some_and(mask::is_sensitive) {
                    return true;
                }
            }
        }
        false
    }
}

/// Where passwords stand in the source of a value that holds a URL.
fn passwords(node: &Node, source: &Source<'_>) -> Vec<Span> {
    let Value::Scalar(raw) = &node.value else { return Vec::new() };
    if !raw.contains('@') && !raw.contains("://") || mask::in_value(raw).is_empty() {
        return Vec::new();
    }
    let (start, end) = (node.span.start, node.span.end);
    if start.line != end.line {
        return vec![node.span];
    }
    let text = slice(source.line(start.line), start.column, end.column);
    let found = mask::in_value(text);
    if found.is_empty() {
        // Escapes hide the place; the whole value goes.
        return vec![node.span];
    }
    let place =
        |byte: usize| super::source::Place { column: start.column + text[..byte].chars().count(), ..start };
    found.into_iter().map(|range| Span { start: place(range.start), end: place(range.end) }).collect()
}
