use std::collections::HashMap;
use std::ops::Range;

use super::excerpt::Excerpt;
use super::mask;
use super::node::Value;
use super::problem::{Draft, Problem};
use super::reader::Reader;
use super::sections::Root;
use super::source::{Place, Source, Span};
use super::yaml::Tree;

/// Cuts problems out of the file without the secrets that stand around them.
pub(super) struct Hiding<'a> {
    source: &'a Source<'a>,
    file: String,
    /// The columns of each line that are secret, as the structure of the file tells; absent when it has none.
    known: Option<HashMap<usize, Vec<Range<usize>>>>,
}

impl<'a> Hiding<'a> {
    pub(super) fn new(reader: &mut Reader<'a>, tree: Option<&Tree>) -> Hiding<'a> {
        let source = reader.source;
        let mut hidden = std::mem::take(&mut reader.hidden);
        let known = tree.map(|tree| {
            tree.walk(&mut |key, node| {
                hidden.extend(key.filter(|key| mask::is_lost_value(&key.text)).map(|key| key.span));
                if let Value::Scalar(raw) = &node.value {
                    hidden.extend(passwords(raw, node.span, source));
                }
            });
            by_line(&hidden, source)
        });
        Hiding { source, file: reader.surroundings.file.display().to_string(), known }
    }

    pub(super) fn problem(&self, draft: Draft) -> Problem {
        let Draft { level, span, message, hint } = draft;
        let at = (span.start.line > 0).then(|| self.excerpt(span));
        Problem { level, file: self.file.clone(), at, message, hint }
    }

    fn excerpt(&self, span: Span) -> Excerpt {
        let Place { line, column } = span.start;
        let (from, to) = self.source.columns(span, line).unwrap_or((column, column + 1));
        match &self.known {
            Some(known) => {
                let hidden = known.get(&line).map_or(&[][..], Vec::as_slice);
                Excerpt::cut(self.source, line, from..to, hidden)
            }
            None => Excerpt::cut(self.source, line, from..to, &self.suspected(line)),
        }
    }

    /// What looks like a secret in a line of a file that is no YAML.
    fn suspected(&self, number: usize) -> Vec<Range<usize>> {
        let line = self.source.line(number);
        let whole = 0..line.chars().count();
        if self.is_within_secret(number) {
            return Vec::from([whole]);
        }
        let column = |byte: usize| line[..byte].chars().count();
        if self.is_among_channels(number) {
            let values = column(mask::first_value(line))..whole.end;
            return Vec::from([values]);
        }
        mask::in_line(line).into_iter().map(|range| column(range.start)..column(range.end)).collect()
    }

    /// Whether a line stands in the section of which nearly every value may be a token or an address that grants access: the last
    /// section above begins with that key.
    fn is_among_channels(&self, number: usize) -> bool {
        let keys =
            (1..=number).rev().map(|above| self.source.line(above)).filter(|line| !line.starts_with(' '));
        let mut sections = keys.filter_map(mask::first_key).filter(|key| Root::SECTION.field(key).is_some());
        sections.next().is_some_and(mask::is_full_of_secrets)
    }

    /// Whether a line goes on with what stands under the key of a secret, judged by its neighbours alone.
    fn is_within_secret(&self, number: usize) -> bool {
        let mut before = (1..number).rev().map(|above| self.source.line(above));
        // A value may have a colon of its own, as a token of Telegram's has, and look like a key.
        let above = before.clone().find(|line| !line.trim().is_empty());
        if above.is_some_and(|line| line.trim_end().ends_with(':') && mask::leads_to_secret(line)) {
            return true;
        }
        if mask::first_key(self.source.line(number)).is_none() {
            // It has no key of its own: the last one above holds for it.
            return before.clone().find_map(mask::first_key).is_some_and(mask::is_sensitive)
                || before.find(|line| !line.trim().is_empty()).is_some_and(mask::leads_to_secret);
        }
        let indentation = |line: &str| line.len() - line.trim_start().len();
        let left = indentation(self.source.line(number));
        let parent = before.find(|line| !line.trim().is_empty() && indentation(line) < left);
        parent.and_then(mask::first_key).is_some_and(mask::is_sensitive)
    }
}

fn by_line(hidden: &[Span], source: &Source<'_>) -> HashMap<usize, Vec<Range<usize>>> {
    let mut lines: HashMap<usize, Vec<Range<usize>>> = HashMap::new();
    for span in hidden {
        for line in span.start.line..=span.end.line {
            if let Some((from, to)) = source.columns(*span, line) {
                lines.entry(line).or_default().push(from..to);
            }
        }
    }
    lines
}

/// Where passwords stand in the source of a text that holds a URL.
fn passwords(raw: &str, span: Span, source: &Source<'_>) -> Vec<Span> {
    if !raw.contains('@') && !raw.contains("://") || mask::in_value(raw).is_empty() {
        return Vec::new();
    }
    let (start, end) = (span.start, span.end);
    if start.line != end.line {
        return vec![span];
    }
    let text = source.slice(start.line, start.column, end.column);
    let found = mask::in_value(text);
    if found.is_empty() {
        // Escapes hide the place; the whole value goes.
        return vec![span];
    }
    let place = |byte: usize| Place { column: start.column + text[..byte].chars().count(), ..start };
    found.into_iter().map(|range| Span { start: place(range.start), end: place(range.end) }).collect()
}
