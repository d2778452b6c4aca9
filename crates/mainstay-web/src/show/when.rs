use std::fmt;

use askama::filters::HtmlSafe;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use mainstay_model::in_words;

/// A moment as pages show it: relative in the text, the exact time beside it for who points at it or prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct When {
    at: Timestamp,
    now: Timestamp,
    style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Relative,
    Length,
    Date,
    Clock,
}

impl When {
    /// `12 min ago`, `in 3 days`, `just now`.
    pub(crate) fn relative(at: Timestamp, now: Timestamp) -> When {
        When { at, now, style: Style::Relative }
    }

    /// The time between alone: `12 min`, for sentences that say "for" or "left" themselves.
    pub(crate) fn length(at: Timestamp, now: Timestamp) -> When {
        When { at, now, style: Style::Length }
    }

    /// The day: `22 Nov 2026`.
    pub(crate) fn date(at: Timestamp, now: Timestamp) -> When {
        When { at, now, style: Style::Date }
    }

    /// The time of the day, with the day where it is another than today: `22:29:05 UTC`.
    pub(crate) fn clock(at: Timestamp, now: Timestamp) -> When {
        When { at, now, style: Style::Clock }
    }

    /// Whether it is longer ago than this.
    pub(crate) fn is_before(&self, length: SignedDuration) -> bool {
        self.now.duration_since(self.at) > length
    }

    /// The text without its mark-up.
    pub(crate) fn text(&self) -> String {
        let length = self.at.duration_since(self.now);
        match self.style {
            Style::Relative if length.unsigned_abs().as_secs() < 5 => "just now".into(),
            Style::Relative if length.is_negative() => format!("{} ago", in_words(length)),
            Style::Relative => format!("in {}", in_words(length)),
            Style::Length => in_words(length),
            Style::Date => self.at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y").to_string(),
            Style::Clock => clock_time(self.at, self.now),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (machine, exact, text) = (self.at, utc(self.at), self.text());
        write!(f, r#"<time datetime="{machine:.0}" data-utc="{exact}" title="{exact}">{text}</time>"#)
    }
}

impl HtmlSafe for When {}

/// The exact time for people: `2026-11-22 22:29:05 UTC`.
pub(crate) fn utc(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The time of the day, with the day where it is not today's: `22:29 UTC`, `22:29 UTC on 20 Nov`, `22:29 UTC on 20 Nov 2025`.
pub(crate) fn clock_time(at: Timestamp, now: Timestamp) -> String {
    let (then, today) = (at.to_zoned(TimeZone::UTC), now.to_zoned(TimeZone::UTC));
    let format = match (then.date() == today.date(), then.year() == today.year()) {
        (true, _) => "%H:%M UTC",
        (false, true) => "%H:%M UTC on %-d %b",
        (false, false) => "%H:%M UTC on %-d %b %Y",
    };
    then.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn relative() {
        let now = at("2026-11-22T22:00:00Z");
        for (then, text) in [
            ("2026-11-22T21:59:58Z", "just now"),
            ("2026-11-22T21:48:00Z", "12 min ago"),
            ("2026-11-25T22:00:00Z", "in 3 days"),
        ] {
            assert_eq!(When::relative(at(then), now).text(), text);
        }
    }

    #[test]
    fn the_day_is_named_when_it_is_another() {
        let now = at("2026-11-22T23:00:00Z");
        assert_eq!(clock_time(at("2026-11-22T22:29:05Z"), now), "22:29 UTC");
        assert_eq!(clock_time(at("2026-11-20T22:29:05Z"), now), "22:29 UTC on 20 Nov");
        assert_eq!(clock_time(at("2025-11-20T22:29:05Z"), now), "22:29 UTC on 20 Nov 2025");
    }

    #[test]
    fn the_exact_time_stands_beside_it() {
        let html = When::relative(at("2026-11-22T21:48:00.25Z"), at("2026-11-22T22:00:00Z")).to_string();
        assert_eq!(
            html,
            r#"<time datetime="2026-11-22T21:48:00Z" data-utc="2026-11-22 21:48:00 UTC" title="2026-11-22 21:48:00 UTC">11 min ago</time>"#
        );
    }
}
