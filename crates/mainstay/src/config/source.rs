//! The text of a configuration file, and places in it.

/// A place in the text: line from 1, column from 0 in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// From one place up to another, the end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Span {
    pub(super) start: Place,
    pub(super) end: Place,
}

impl Span {
    /// The first character of the file.
    pub(super) const START: Span = Span::at(Place { line: 1, column: 0 });

    /// One character.
    pub(super) const fn at(start: Place) -> Span {
        Span { start, end: Place { line: start.line, column: start.column + 1 } }
    }
}

/// The text, cut into lines as YAML counts them (`\n`, `\r\n` and `\r`).
pub(super) struct Source<'a> {
    lines: Vec<&'a str>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Source<'a> {
        let mut lines = Vec::new();
        let mut rest = text;
        while let Some(end) = rest.find(['\n', '\r']) {
            lines.push(&rest[..end]);
            let width = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
            rest = &rest[end + width..];
        }
        lines.push(rest);
        Source { lines }
    }

    /// The text of a line, without its end.
    pub(super) fn line(&self, number: usize) -> &'a str {
        number.checked_sub(1).and_then(|at| self.lines.get(at)).copied().unwrap_or("")
    }

    /// The place after the last character.
    pub(super) fn end(&self) -> Place {
        Place { line: self.lines.len(), column: self.lines.last().map_or(0, |line| line.chars().count()) }
    }

    /// The columns that a span covers of a line.
    pub(super) fn columns(&self, span: Span, line: usize) -> Option<(usize, usize)> {
        if line < span.start.line || line > span.end.line {
            return None;
        }
        let start = if line == span.start.line { span.start.column } else { 0 };
        let end = if line == span.end.line { span.end.column } else { self.line(line).chars().count() };
        (start < end).then_some((start, end))
    }

    /// Where the `nth` (from 0) `needle` stands within a span.
    pub(super) fn find(&self, span: Span, needle: &str, nth: usize) -> Option<Span> {
        let length = needle.chars().count();
        (span.start.line..=span.end.line)
            .flat_map(|line| self.occurrences(span, line, needle))
            .nth(nth)
            .map(|start| Span { start, end: Place { column: start.column + length, ..start } })
    }

    fn occurrences(&self, span: Span, line: usize, needle: &str) -> Vec<Place> {
        let Some((from, to)) = self.columns(span, line) else { return Vec::new() };
        let part = slice(self.line(line), from, to);
        let place = |(at, _)| Place { line, column: from + part[..at].chars().count() };
        part.match_indices(needle).map(place).collect()
    }
}

/// Characters `from..to` of a text.
pub(super) fn slice(text: &str, from: usize, to: usize) -> &str {
    let byte = |column: usize| text.char_indices().nth(column).map_or(text.len(), |(at, _)| at);
    &text[byte(from)..byte(to.max(from))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_yaml_says() {
        let source = Source::new("a\r\nb\rc\n\nd");
        assert_eq!(source.lines, ["a", "b", "c", "", "d"]);
        assert_eq!((source.line(0), source.line(9)), ("", ""));
    }

    #[test]
    fn places_count_characters() {
        let source = Source::new("k: \"日本 ${A} ${B}\"");
        let span = Span { start: Place { line: 1, column: 3 }, end: Place { line: 1, column: 16 } };
        let found = source.find(span, "${B}", 0).unwrap();
        assert_eq!((found.start.column, found.end.column), (12, 16));
        assert_eq!(source.find(span, "${", 2), None);
    }
}
