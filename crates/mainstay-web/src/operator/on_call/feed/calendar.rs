use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A calendar of RFC 5545.
pub(super) struct Calendar {
    pub(super) name: String,
    pub(super) events: Vec<Event>,
}

/// Something in it.
pub(super) struct Event {
    /// The same for as long as it is the same event; no other of the world has it.
    pub(super) uid: String,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) url: String,
}

/// Octets that a line may have, its end not counted (RFC 5545, section 3.1).
const LONGEST_LINE: usize = 75;

impl Calendar {
    /// The text, as it is at a moment.
    pub(super) fn text(&self, now: Timestamp) -> String {
        let mut text = Text::default();
        text.line("BEGIN:VCALENDAR");
        text.line("VERSION:2.0");
        text.line("PRODID:-//Mainstay//On call//EN");
        text.line("CALSCALE:GREGORIAN");
        // The name of RFC 7986, and the one that most programs read.
        text.line(&format!("NAME:{}", escaped(&self.name)));
        text.line(&format!("X-WR-CALNAME:{}", escaped(&self.name)));
        text.line("REFRESH-INTERVAL;VALUE=DURATION:PT1H");
        text.line("X-PUBLISHED-TTL:PT1H");
        for event in &self.events {
            event.write(&mut text, now);
        }
        text.line("END:VCALENDAR");
        text.0
    }
}

impl Event {
    fn write(&self, text: &mut Text, now: Timestamp) {
        text.line("BEGIN:VEVENT");
        text.line(&format!("UID:{}", escaped(&self.uid)));
        text.line(&format!("DTSTAMP:{}", utc(now)));
        text.line(&format!("DTSTART:{}", utc(self.from)));
        text.line(&format!("DTEND:{}", utc(self.until)));
        text.line(&format!("SUMMARY:{}", escaped(&self.summary)));
        text.line(&format!("DESCRIPTION:{}", escaped(&self.description)));
        text.line(&format!("URL:{}", self.url));
        // Being on call leaves a person free for meetings.
        text.line("TRANSP:TRANSPARENT");
        text.line("END:VEVENT");
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    /// Adds a content line, folded between characters where it is too long.
    fn line(&mut self, line: &str) {
        let mut room = LONGEST_LINE;
        for c in line.chars() {
            if c.len_utf8() > room {
                self.0.push_str("\r\n ");
                room = LONGEST_LINE - 1;
            }
            self.0.push(c);
            room -= c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

/// The text as a value (section 3.3.11). Other control characters cannot be written at all.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

fn utc(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(summary: &str) -> Event {
        Event {
            uid: "platform-1@on-call.mainstay".into(),
            from: "2026-11-23T08:00:00Z".parse().unwrap(),
            until: "2026-11-30T08:00:00Z".parse().unwrap(),
            summary: summary.into(),
            description: "Layer 1 of Platform.".into(),
            url: "https://ops.example.com/on-call#platform".into(),
        }
    }

    #[test]
    fn one_event() {
        let calendar = Calendar {
            name: "On call for Platform".into(),
            events: vec![event("Anna on call for Platform")],
        };
        insta::assert_snapshot!(calendar.text("2026-11-22T22:41:00Z".parse().unwrap()).replace("\r\n", "\n"), @r"
        BEGIN:VCALENDAR
        VERSION:2.0
        PRODID:-//Mainstay//On call//EN
        CALSCALE:GREGORIAN
        NAME:On call for Platform
        X-WR-CALNAME:On call for Platform
        REFRESH-INTERVAL;VALUE=DURATION:PT1H
        X-PUBLISHED-TTL:PT1H
        BEGIN:VEVENT
        UID:platform-1@on-call.mainstay
        DTSTAMP:20261122T224100Z
        DTSTART:20261123T080000Z
        DTEND:20261130T080000Z
        SUMMARY:Anna on call for Platform
        DESCRIPTION:Layer 1 of Platform.
        URL:https://ops.example.com/on-call#platform
        TRANSP:TRANSPARENT
        END:VEVENT
        END:VCALENDAR
        ");
    }

    #[test]
    fn long_lines_are_folded_between_characters_and_unfold_to_what_they_were() {
        for summary in ["ä".repeat(100), "x".repeat(66), "x".repeat(67), "x".repeat(68), "日本語".repeat(40)]
        {
            let calendar = Calendar { name: "n".into(), events: vec![event(&summary)] };
            let text = calendar.text(Timestamp::UNIX_EPOCH);
            assert!(text.split("\r\n").all(|line| line.len() <= LONGEST_LINE), "{text}");
            assert!(text.replace("\r\n ", "").contains(&format!("SUMMARY:{summary}\r\n")), "{text}");
        }
    }

    #[test]
    fn what_has_a_meaning_is_escaped() {
        assert_eq!(escaped("a, b; c\\d\r\ne\u{7}"), "a\\, b\\; c\\\\d\\ne");
    }
}
