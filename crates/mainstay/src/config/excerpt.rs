use std::ops::Range;

use serde::Serialize;
use unicode_width::UnicodeWidthChar;

use super::mask::{MASK, visible};
use super::source::Source;

/// How many characters of a line are shown before the marked ones, and from their start on.
/// Lines of ordinary length are shown whole; a minified file of one line is not.
const BEFORE: usize = 60;
const AFTER: usize = 120;

/// A line of the file with some of its characters marked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Excerpt {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    /// Characters marked, at least 1.
    pub(crate) length: usize,
    /// The line, or the part of a long one around the mark; secrets are masked.
    pub(crate) text: String,
    /// The columns of `text`, as wide as a terminal shows them, that are marked.
    #[serde(skip)]
    pub(crate) marked: Range<usize>,
}

impl Excerpt {
    /// Marks the characters `marked` (from 0) of a line and masks the characters in `hidden`.
    pub(super) fn cut(
        source: &Source<'_>,
        number: usize,
        marked: Range<usize>,
        hidden: &[Range<usize>],
    ) -> Excerpt {
        let first = marked.start.saturating_sub(BEFORE);
        let last = (marked.start + AFTER).max(first + BEFORE + AFTER);
        let near: Vec<_> = hidden.iter().filter(|range| range.end > first && range.start < last).collect();
        let mut canvas = Canvas::default();
        if first > 0 {
            canvas.push('…');
        }
        let (mut from, mut to) = (None, None);
        let mut more = false;
        for (column, c) in (first..).zip(source.slice(number, first, last + 1).chars()) {
            if column == last {
                more = true;
                break;
            }
            if column == marked.start {
                from = Some(canvas.width);
            }
            match near.iter().find(|range| range.contains(&column)) {
                Some(range) if column == range.start.max(first) => MASK.chars().for_each(|c| canvas.push(c)),
                Some(_) => {}
                None => canvas.draw(c),
            }
            if column + 1 == marked.end {
                to = Some(canvas.width);
            }
        }
        let end = canvas.width;
        if more {
            canvas.push('…');
        }
        let from = from.unwrap_or(end);
        let to = to.unwrap_or(end).max(from + 1);
        Excerpt {
            line: number,
            column: marked.start + 1,
            length: marked.len().max(1),
            text: canvas.text.trim_end().to_owned(),
            marked: from..to,
        }
    }
}

#[derive(Default)]
struct Canvas {
    text: String,
    width: usize,
}

impl Canvas {
    fn draw(&mut self, c: char) {
        match c {
            '\t' => (0..4).for_each(|_| self.push(' ')),
            c => visible(c).for_each(|c| self.push(c)),
        }
    }

    fn push(&mut self, c: char) {
        self.text.push(c);
        self.width += c.width().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(line: &str, marked: Range<usize>, hidden: impl IntoIterator<Item = Range<usize>>) -> String {
        let hidden: Vec<_> = hidden.into_iter().collect();
        let excerpt = Excerpt::cut(&Source::new(line), 1, marked, &hidden);
        format!("{}\n{}{}", excerpt.text, " ".repeat(excerpt.marked.start), "^".repeat(excerpt.marked.len()))
    }

    #[test]
    fn tabs_wide_characters_and_controls_keep_the_mark_in_place() {
        assert_eq!(picture("\tkey: x", 1..4, None), "    key: x\n    ^^^");
        assert_eq!(picture("日本: x", 0..2, None), "日本: x\n^^^^");
        assert_eq!(picture("日本: x", 4..5, None), "日本: x\n      ^");
        assert_eq!(picture("a\u{1b}b c", 4..5, None), "a\\u{1b}b c\n         ^");
    }

    #[test]
    fn secrets_are_masked_whatever_is_marked() {
        assert_eq!(picture("s: hunter2, x: 1", 12..13, Some(3..10)), "s: [secret], x: 1\n             ^");
        assert_eq!(picture("s: hunter2", 3..10, Some(3..10)), "s: [secret]\n   ^^^^^^^^");
        assert_eq!(picture("s: hunter2", 5..6, Some(3..10)), "s: [secret]\n           ^");
    }

    #[test]
    fn a_long_line_is_shown_around_the_mark() {
        let line = format!("{}BAD{}", "x".repeat(500_000), "y".repeat(500_000));
        let excerpt = Excerpt::cut(&Source::new(&line), 1, 500_000..500_003, &[]);
        assert_eq!(excerpt.column, 500_001);
        assert!(excerpt.text.chars().count() < 200 && excerpt.text.contains("BAD"), "{}", excerpt.text);
        assert_eq!(&excerpt.text.chars().skip(61).take(3).collect::<String>(), "BAD");
        assert_eq!(excerpt.marked, 61..64);
        let masked =
            Excerpt::cut(&Source::new(&line), 1, 500_000..500_003, std::slice::from_ref(&(0..500_000)));
        assert!(masked.text.starts_with("…[secret]BAD"), "{}", masked.text);
    }

    #[test]
    fn past_the_end_of_the_line_marks_one_column() {
        assert_eq!(picture("abc", 3..4, None), "abc\n   ^");
        assert_eq!(picture("", 0..1, None), "\n^");
    }
}
