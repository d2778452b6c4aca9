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
    /// The file as a whole: no line is shown for it.
    pub(super) const WHOLE: Span = Span::at(Place { line: 0, column: 0 });

    /// One character.
    pub(super) const fn at(start: Place) -> Span {
        Span { start, end: Place { line: start.line, column: start.column + 1 } }
    }
}

/// The text, cut into lines as YAML counts them (`\n`, `\r\n` and `\r`).
pub(super) struct Source<'a> {
    lines: Vec<Line<'a>>,
}

struct Line<'a> {
    text: &'a str,
    /// Where every 256th character begins, so that a place in the one long line of a minified file is found quickly.
    /// Empty for ASCII, where characters are bytes.
    steps: Vec<usize>,
}

/// Characters between two steps.
const STEP: usize = 256;

impl<'a> Line<'a> {
    fn new(text: &'a str) -> Line<'a> {
        let starts = || text.char_indices().map(|(at, _)| at).step_by(STEP);
        Line { text, steps: if text.is_ascii() { Vec::new() } else { starts().collect() } }
    }

    /// The byte at which a character begins; the end of the line when there is none.
    fn byte(&self, column: usize) -> usize {
        if self.steps.is_empty() {
            return column.min(self.text.len());
        }
        let Some(step) = self.steps.get(column / STEP) else { return self.text.len() };
        let rest = self.text.get(*step..).unwrap_or("");
        rest.char_indices().nth(column % STEP).map_or(self.text.len(), |(at, _)| step + at)
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Source<'a> {
        let mut lines = Vec::new();
        let mut rest = text;
        while let Some(end) = rest.find(['\n', '\r']) {
            lines.push(Line::new(&rest[..end]));
            let width = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
            rest = &rest[end + width..];
        }
        lines.push(Line::new(rest));
        Source { lines }
    }

    /// The text of a line, without its end.
    pub(super) fn line(&self, number: usize) -> &'a str {
        self.line_at(number).map_or("", |line| line.text)
    }

    fn line_at(&self, number: usize) -> Option<&Line<'a>> {
        number.checked_sub(1).and_then(|at| self.lines.get(at))
    }

    /// The characters `from..to` of a line.
    pub(super) fn slice(&self, number: usize, from: usize, to: usize) -> &'a str {
        let cut = |line: &Line<'a>| line.text.get(line.byte(from)..line.byte(to.max(from)));
        self.line_at(number).and_then(cut).unwrap_or("")
    }

    /// The place after the last character.
    pub(super) fn end(&self) -> Place {
        Place {
            line: self.lines.len(),
            column: self.lines.last().map_or(0, |line| line.text.chars().count()),
        }
    }

    /// The columns that a span covers of a line, without blanks at their end.
    pub(super) fn columns(&self, span: Span, line: usize) -> Option<(usize, usize)> {
        if line < span.start.line || line > span.end.line {
            return None;
        }
        let start = if line == span.start.line { span.start.column } else { 0 };
        let end = if line == span.end.line { span.end.column } else { self.line(line).chars().count() };
        let text = self.slice(line, start, end);
        let blank = text.chars().rev().take_while(|c| c.is_whitespace()).count();
        let end = end.saturating_sub(blank);
        (start < end).then_some((start, end))
    }

    /// Where the `nth` (from 0) `needle` stands within a span.
    pub(super) fn find(&self, span: Span, needle: &str, nth: usize) -> Option<Place> {
        (span.start.line..=span.end.line).flat_map(|line| self.occurrences(span, line, needle)).nth(nth)
    }

    fn occurrences(&self, span: Span, line: usize, needle: &str) -> Vec<Place> {
        let Some((from, to)) = self.columns(span, line) else { return Vec::new() };
        let part = self.slice(line, from, to);
        let place = |(at, _)| Place { line, column: from + part[..at].chars().count() };
        part.match_indices(needle).map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_yaml_says() {
        let source = Source::new("a\r\nb\rc\n\nd");
        let lines: Vec<_> = (1..=5).map(|number| source.line(number)).collect();
        assert_eq!(lines, ["a", "b", "c", "", "d"]);
        assert_eq!((source.line(0), source.line(9)), ("", ""));
    }

    #[test]
    fn places_count_characters() {
        let source = Source::new("k: \"日本 ${A} ${B}\"");
        let span = Span { start: Place { line: 1, column: 3 }, end: Place { line: 1, column: 16 } };
        assert_eq!(source.find(span, "${B}", 0), Some(Place { line: 1, column: 12 }));
        assert_eq!(source.find(span, "${", 2), None);
    }

    #[test]
    fn long_lines_are_cut_at_characters() {
        let text = "aé日𝄞".repeat(1_000);
        let source = Source::new(&text);
        assert_eq!(source.slice(1, 2_601, 2_605), "é日𝄞a");
        assert_eq!(source.slice(1, 3_999, 9_999), "𝄞");
        assert_eq!(source.slice(1, 9_999, 0), "");
    }
}
