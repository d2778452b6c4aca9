use mainstay_model::{Message, MessageKind, in_words};

use super::limit::{Budget, Unit, cut, link};
use super::words::{clock, title};

/// Twilio takes 1600 characters; a text this long is three or four segments, each of which costs, and nobody reads more.
const LONGEST: usize = 480;
/// One segment: it makes sense alone, whatever becomes of the others.
const SEGMENT: usize = 160;
/// `Twiml` may have 4000 characters, and an escaped one has up to six.
const SPOKEN: usize = 300;

/// The text message: without symbols, because a single one outside the alphabet of GSM halves what fits into a segment.
pub fn sms(message: &Message) -> String {
    let links = link(message.incident.ack_url.as_deref(), LONGEST - SEGMENT - 20)
        .map(|url| format!("\nAck: {url}"))
        .or_else(|| link(Some(&message.incident.url), 200).map(|url| format!("\n{url}")))
        .unwrap_or_default();
    let mut budget = Budget::new(LONGEST, Unit::Utf16);
    budget.reserve(Unit::Utf16.length(&links));
    let first = budget.take(&plainly(&sentence(message)), SEGMENT);
    let rest = budget.take(&format!("\n{}", plainly(rest(message))), 300);
    format!("{first}{rest}{links}")
}

/// What a call says, twice, since whoever was asleep misses the beginning: a document of TwiML.
pub fn twiml(message: &Message) -> String {
    let said = cut(&format!("{} {}", sentence(message), rest(message)), SPOKEN, Unit::Utf16);
    let said = escape(&said.replace('\n', " "));
    format!(
        "<Response><Say>This is Mainstay. {said}</Say><Pause length=\"1\"/><Say>Again. {said}</Say></Response>"
    )
}

/// What is news: what changed, or why it is so.
fn rest(message: &Message) -> &str {
    message.change.as_deref().unwrap_or(&message.cause)
}

/// What, how urgent, since when: `orders-db is down: its certificate expired. Page, since 2026-03-14 22:29:00 UTC.`
fn sentence(message: &Message) -> String {
    let incident = &message.incident;
    let drill = if message.drill { "DRILL. " } else { "" };
    // The rest of the sentence is what has to fit behind it.
    let title = cut(title(message), 90, Unit::Utf16);
    match message.kind {
        MessageKind::Test => format!("{drill}Mainstay test: this channel works."),
        MessageKind::Resolved => format!("{drill}Resolved: {title}."),
        MessageKind::Digest => format!("{drill}Digest: {title}."),
        _ => {
            let when = match incident.breaks_at {
                Some(at) => format!("breaks in {}", in_words(at.duration_since(message.at))),
                None => format!("since {}", clock(incident.since)),
            };
            format!("{drill}{title}. Severity {}, {when}.", incident.severity)
        }
    }
}

/// Typographic characters as the alphabet of GSM has them.
fn plainly(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '…' => '.',
            '’' | '‘' => '\'',
            '“' | '”' => '"',
            '–' | '—' => '-',
            other => other,
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;")
}
