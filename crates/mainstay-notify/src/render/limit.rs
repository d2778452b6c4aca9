//! Lengths as services count them.

/// What a service counts when it limits a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Units of UTF-16, as services written in JavaScript, Java or Swift count. A text has never more characters than these,
    /// so they are also used where a service only says "characters".
    Utf16,
    /// Bytes of UTF-8.
    Bytes,
}

impl Unit {
    fn of(self, c: char) -> usize {
        match self {
            Unit::Utf16 => c.len_utf16(),
            Unit::Bytes => c.len_utf8(),
        }
    }

    pub(crate) fn length(self, text: &str) -> usize {
        text.chars().map(|c| self.of(c)).sum()
    }
}

const ELLIPSIS: char = '…';

/// At most `longest` units, with an ellipsis where something is missing, and without control characters but line breaks, which
/// services refuse or count in ways of their own.
pub(crate) fn cut(text: &str, longest: usize, unit: Unit) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    if unit.length(&clean) <= longest {
        return clean;
    }
    let Some(room) = longest.checked_sub(unit.of(ELLIPSIS)) else { return String::new() };
    let mut length = 0;
    let kept: String = clean
        .chars()
        .take_while(|c| {
            length += unit.of(*c);
            length <= room
        })
        .collect();
    format!("{}{ELLIPSIS}", kept.trim_end())
}

/// What is left of a limit that several texts share: the first come first, and the last are left out.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
    unit: Unit,
}

impl Budget {
    pub(crate) fn new(longest: usize, unit: Unit) -> Budget {
        Budget { left: longest, unit }
    }

    /// The text within `at_most` and what is left. Empty when nothing is left of it.
    pub(crate) fn take(&mut self, text: &str, at_most: usize) -> String {
        let taken = cut(text, at_most.min(self.left), self.unit);
        self.left -= self.unit.length(&taken);
        taken
    }

    /// Sets room aside; `false` when there is not as much.
    pub(crate) fn reserve(&mut self, length: usize) -> bool {
        let fits = length <= self.left;
        if fits {
            self.left -= length;
        }
        fits
    }
}

/// `a\nb` as `• a\n• b`.
pub(crate) fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("• {line}")).collect::<Vec<_>>().join("\n")
}

/// A link that a service takes: longer ones are refused together with the whole message, so they are left out.
pub(crate) fn link(url: Option<&str>, longest: usize) -> Option<&str> {
    url.filter(|url| url.len() <= longest && !url.chars().any(|c| c.is_whitespace() || c.is_control()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, longest: usize, unit: Unit, expected: &str) {
        let cut = cut(text, longest, unit);
        assert_eq!(cut, expected);
        assert!(unit.length(&cut) <= longest);
    }

    #[test]
    fn what_is_too_long_ends_with_an_ellipsis_and_never_within_a_character() {
        check("short", 5, Unit::Bytes, "short");
        check("shorter", 5, Unit::Utf16, "shor…");
        check("shorter", 5, Unit::Bytes, "sh…");
        check("🦀🦀🦀", 5, Unit::Utf16, "🦀🦀…");
        check("🦀🦀🦀", 4, Unit::Utf16, "🦀…");
        check("🦀🦀", 7, Unit::Bytes, "🦀…");
        check("shorter", 2, Unit::Bytes, "");
        check("two words", 5, Unit::Utf16, "two…");
        check("a\u{0}b\nc\u{1b}", 9, Unit::Bytes, "a b\nc ");
    }

    #[test]
    fn a_budget_is_shared() {
        let mut budget = Budget::new(10, Unit::Utf16);
        assert!(budget.reserve(2) && !budget.reserve(9));
        assert_eq!(budget.take("abcdef", 4), "abc…");
        assert_eq!(budget.take("abcdef", 99), "abc…");
        assert_eq!(budget.take("abcdef", 99), "");
    }
}
