use std::fmt;

use askama::filters::HtmlSafe;
use mainstay_model::{DependencyState, Verdict};

/// A state as people see it: a shape, a word and a colour together, so that none of the three is needed alone.
///
/// From best to worst, in the order in which pages sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Sign {
    Healthy,
    Maintenance,
    Unknown,
    Impending,
    Degraded,
    Down,
}

impl Sign {
    /// Worst first: the order of the filters under the first sentence.
    pub(crate) const ALL: [Sign; 6] =
        [Sign::Down, Sign::Degraded, Sign::Impending, Sign::Unknown, Sign::Maintenance, Sign::Healthy];

    /// The state of a dependency: one that works but has a known time of breaking is impending.
    pub(crate) fn of(state: &DependencyState) -> Sign {
        match state.verdict {
            Verdict::Degraded if state.alerts.iter().any(|alert| alert.breaks_at.is_some()) => {
                Sign::Impending
            }
            verdict => Sign::from(verdict),
        }
    }

    /// The word in addresses and the name of the style.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Sign::Healthy => "healthy",
            Sign::Maintenance => "maintenance",
            Sign::Unknown => "unknown",
            Sign::Impending => "impending",
            Sign::Degraded => "degraded",
            Sign::Down => "down",
        }
    }

    /// The sign of such a class.
    pub(crate) fn from_class(class: &str) -> Option<Sign> {
        Sign::ALL.into_iter().find(|sign| sign.class() == class)
    }

    /// The word for people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Sign::Unknown => "could not tell",
            other => other.class(),
        }
    }

    /// The shape for places that take text alone, such as a window's title.
    pub(crate) fn symbol(self) -> char {
        match self {
            Sign::Healthy => '●',
            Sign::Maintenance => '◐',
            Sign::Unknown => '◇',
            Sign::Impending => '✳',
            Sign::Degraded => '▲',
            Sign::Down => '■',
        }
    }

    /// The shape drawn, for beside other text.
    pub(crate) fn shape(self) -> &'static str {
        match self {
            Sign::Healthy => r#"<circle cx="8" cy="8" r="6"/>"#,
            Sign::Maintenance => {
                r#"<circle cx="8" cy="8" r="6" fill="none" stroke-width="2"/><path d="M8 2a6 6 0 0 0 0 12z"/>"#
            }
            Sign::Unknown => r#"<path d="M8 1.5 14.5 8 8 14.5 1.5 8z" fill="none" stroke-width="2"/>"#,
            Sign::Impending => r#"<path d="M8 1v14M1.9 4.5l12.2 7M14.1 4.5l-12.2 7" stroke-width="2.4"/>"#,
            Sign::Degraded => r#"<path d="M8 1.5 15.5 14.5H.5z"/>"#,
            Sign::Down => r#"<path d="M2 2h12v12H2z"/>"#,
        }
    }
}

impl From<Verdict> for Sign {
    fn from(verdict: Verdict) -> Sign {
        match verdict {
            Verdict::Healthy => Sign::Healthy,
            Verdict::Inconclusive => Sign::Unknown,
            Verdict::Degraded => Sign::Degraded,
            Verdict::Down => Sign::Down,
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, shape, word) = (self.class(), self.shape(), self.word());
        write!(
            f,
            r#"<span class="sign {class}"><svg viewBox="0 0 16 16" aria-hidden="true">{shape}</svg>{word}</span>"#
        )
    }
}

impl HtmlSafe for Sign {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_own_shape_word_and_colour() {
        for pick in [
            |s: Sign| s.class().to_owned(),
            |s: Sign| s.word().to_owned(),
            |s: Sign| s.symbol().into(),
            |s: Sign| s.shape().into(),
        ] {
            let mut all: Vec<String> = Sign::ALL.into_iter().map(pick).collect();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), Sign::ALL.len());
        }
    }

    #[test]
    fn a_class_is_read_back() {
        for sign in Sign::ALL {
            assert_eq!(Sign::from_class(sign.class()), Some(sign));
        }
        assert_eq!(Sign::from_class("fine"), None);
    }
}
