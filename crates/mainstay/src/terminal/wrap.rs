use unicode_width::UnicodeWidthStr;

/// Columns of a narrow terminal.
pub(crate) const WIDTH: usize = 80;

/// The text in lines of at most 80 columns, each indented by so many.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let lines: Vec<String> =
        fit(text, WIDTH - indent).into_iter().map(|line| format!("{margin}{line}")).collect();
    lines.join("\n")
}

/// The text in lines of at most `width` columns. A word longer than that, such as a URL, stays whole, and so do words that a
/// no-break space joins.
pub(crate) fn fit(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The text cut to `width` columns, and filled up to them.
pub(crate) fn cell(text: &str, width: usize) -> String {
    let mut shown = text.to_owned();
    if shown.width() > width {
        while shown.width() + 1 > width && shown.pop().is_some() {}
        shown.push('…');
    }
    let missing = width.saturating_sub(shown.width());
    shown.push_str(&" ".repeat(missing));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_filled_by_display_width() {
        assert_eq!(fit("one two three", 7), ["one two", "three"]);
        assert_eq!(fit("日本 日本", 8), ["日本", "日本"], "each of these is two columns wide");
        assert_eq!(fit("a https://example.com/long b", 8), ["a", "https://example.com/long", "b"]);
        assert!(fit("", 8).is_empty());
    }

    #[test]
    fn cells_have_one_width() {
        assert_eq!(cell("short", 8), "short   ");
        assert_eq!(cell("far too long", 8), "far too…");
        assert_eq!(cell("日本日本日本", 8).width(), 8);
    }
}
