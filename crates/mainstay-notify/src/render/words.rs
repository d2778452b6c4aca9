use jiff::Timestamp;
use jiff::tz::TimeZone;
use mainstay_model::{Message, MessageKind, in_words};

/// The first line: what a locked phone shows.
pub(crate) fn headline(message: &Message) -> String {
    let drill = if message.drill { "DRILL: " } else { "" };
    let title = title(message);
    match message.kind {
        MessageKind::Opened => format!("{drill}{} {title}", symbol(message)),
        MessageKind::Updated => format!("{drill}{} Update: {title}", symbol(message)),
        MessageKind::Escalated => format!("{drill}{} Nobody took it up: {title}", symbol(message)),
        MessageKind::TakenUp => format!("{drill}{} Taken up: {title}", symbol(message)),
        MessageKind::Digest => format!("{drill}Digest: {title}"),
        MessageKind::Resolved => format!("{drill}● Resolved: {title}"),
        MessageKind::Test | MessageKind::Probe => format!("{drill}Mainstay test: this channel works"),
    }
}

/// What it is about, without the mark of a drill: whoever uses this has put it in front.
pub(crate) fn title(message: &Message) -> &str {
    let title = message.incident.title.as_str();
    title.strip_prefix("DRILL: ").filter(|_| message.drill).unwrap_or(title)
}

fn symbol(message: &Message) -> char {
    use mainstay_model::Severity::*;
    match (message.incident.breaks_at, message.incident.severity) {
        (Some(_), _) => '✳',
        (None, Page | High) => '■',
        (None, Warn | Info) => '▲',
    }
}

/// A heading and its lines; the parts that every channel shows, in their order.
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    pub(crate) lines: Vec<String>,
}

/// What follows the cause: facts, then evidence, then what to do.
pub(crate) fn sections(message: &Message) -> Vec<Section> {
    if message.kind == MessageKind::Digest {
        return vec![Section { heading: "What happened", lines: message.evidence.clone() }];
    }
    let mut sections = vec![Section { heading: "At a glance", lines: facts(message) }];
    let over = message.kind == MessageKind::Resolved;
    if !message.evidence.is_empty() {
        sections.push(Section { heading: "What was seen", lines: message.evidence.clone() });
    }
    if !over && !message.actions.is_empty() {
        sections.push(Section { heading: "What to do", lines: message.actions.clone() });
    }
    sections
}

fn facts(message: &Message) -> Vec<String> {
    let incident = &message.incident;
    let mut facts = Vec::new();
    if let Some(at) = incident.breaks_at {
        facts.push(format!("Breaks: {} (in {})", clock(at), in_words(at.duration_since(message.at))));
    }
    match incident.resolved_at {
        Some(at) => facts.push(lasted(message, at)),
        None => facts.push(format!("Since: {}", clock(incident.since))),
    }
    facts.push(format!("Severity: {}, {}", incident.severity, incident.state));
    let dependencies: Vec<String> = message
        .dependencies
        .iter()
        .map(|one| match &one.provider {
            Some(provider) => format!("{} of {provider} ({})", one.name, one.target),
            None => format!("{} ({})", one.name, one.target),
        })
        .collect();
    if !dependencies.is_empty() {
        facts.push(format!("What: {}", dependencies.join(", ")));
    }
    if !message.components.is_empty() {
        let names: Vec<&str> = message.components.iter().map(|name| name.as_str()).collect();
        facts.push(format!("Affects: {}", names.join(", ")));
    }
    facts
}

fn lasted(message: &Message, at: Timestamp) -> String {
    let since = message.incident.since;
    format!("Lasted: {} (from {} to {})", in_words(at.duration_since(since)), clock(since), clock(at))
}

/// `2026-03-14 22:29:00 UTC`.
pub(crate) fn clock(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The whole message as plain text, as mail carries it.
pub fn plain_text(message: &Message) -> String {
    let mut text = format!("{}\n\n{}\n", headline(message), message.cause);
    if let Some(change) = &message.change {
        text.push_str(&format!("\nWhat changed: {change}\n"));
    }
    for section in sections(message) {
        text.push_str(&format!("\n{}\n", section.heading));
        for line in section.lines {
            text.push_str(&format!("- {line}\n"));
        }
    }
    if let Some(url) = &message.incident.ack_url {
        text.push_str(&format!("\nTake it up: {url}\n"));
    }
    text.push_str(&format!("\n{}\n", message.incident.url));
    text
}

/// What happened, in two lines, for where the whole stands elsewhere.
pub(crate) fn news(message: &Message) -> String {
    let lasted = message.incident.resolved_at.map(|at| lasted(message, at));
    let said = lasted.as_ref().or(message.change.as_ref()).unwrap_or(&message.cause);
    format!("{}\n{said}", headline(message))
}
