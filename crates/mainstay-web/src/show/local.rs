use std::fmt;

use askama::filters::HtmlSafe;
use jiff::{Timestamp, tz::TimeZone};

use super::when::utc;

/// A moment on the clock of a place: the exact time in UTC stands beside it for who points at it.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    at: Timestamp,
    zone: TimeZone,
    now: Timestamp,
}

impl Local {
    pub(crate) fn new(at: Timestamp, zone: &TimeZone, now: Timestamp) -> Local {
        Local { at, zone: zone.clone(), now }
    }

    /// `Mon 30 Nov 09:00`, with the year where it is another.
    pub(crate) fn text(&self) -> String {
        let then = self.at.to_zoned(self.zone.clone());
        let same_year = then.year() == self.now.to_zoned(self.zone.clone()).year();
        then.strftime(if same_year { "%a %-d %b %H:%M" } else { "%a %-d %b %Y %H:%M" }).to_string()
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (machine, exact, text) = (self.at, utc(self.at), self.text());
        write!(f, r#"<time datetime="{machine:.0}" data-utc="{exact}" title="{exact}">{text}</time>"#)
    }
}

impl HtmlSafe for Local {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_that_of_the_place() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now = "2026-11-22T22:00:00Z".parse().unwrap();
        let text = |at: &str| Local::new(at.parse().unwrap(), &zone, now).text();
        assert_eq!(text("2026-11-30T08:00:00Z"), "Mon 30 Nov 09:00");
        assert_eq!(text("2026-12-31T23:30:00Z"), "Fri 1 Jan 2027 00:30");
    }
}
