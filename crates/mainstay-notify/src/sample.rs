use mainstay_model::{
    Blame, ChannelName, Delivery, DeliveryId, DeliveryState, FailureKind, IncidentId, Message,
    MessageDependency, MessageFailure, MessageIncident, MessageKind, Random, Severity,
};

/// A name that is certainly one.
const CHANNEL: &str = "sample";

/// Messages of every kind, to try templates and limits with, and beside them: one that is impending, a drill, one that
/// lacks whatever can be lacking, and one whose texts are made to break what they are put into.
pub fn deliveries() -> Vec<Delivery> {
    let kinds = [MessageKind::Opened, MessageKind::Updated, MessageKind::Resolved, MessageKind::Test];
    let mut messages: Vec<Message> = kinds.into_iter().map(message).collect();
    messages.push(impending());
    messages.push(Message { drill: true, ..message(MessageKind::Opened) });
    messages.push(bare());
    messages.push(hostile());
    messages.extend([MessageKind::Escalated, MessageKind::Digest, MessageKind::Probe].map(message));
    messages.into_iter().filter_map(delivery).collect()
}

fn delivery(message: Message) -> Option<Delivery> {
    let now = message.at;
    let channel: ChannelName = CHANNEL.parse().ok()?;
    let id = DeliveryId::new(now, &mut Random::seeded(3));
    let state = DeliveryState::Queued { next_attempt_at: now, attempts: 0, last_error: None };
    Some(Delivery { id, channel, sequence: 1, created_at: now, message, again_of: None, state })
}

fn second(seconds: i64) -> jiff::Timestamp {
    // 2026-03-14T22:29:00Z and some seconds.
    jiff::Timestamp::from_second(1_773_527_340 + seconds).unwrap_or_default()
}

fn message(kind: MessageKind) -> Message {
    let resolved = kind == MessageKind::Resolved;
    Message {
        kind,
        at: second(if resolved { 5580 } else { 120 }),
        incident: MessageIncident {
            id: IncidentId::new(second(62), &mut Random::seeded(1)),
            title: "orders-db is down: its certificate expired".into(),
            state: if resolved { "resolved" } else { "open" }.into(),
            severity: Severity::Page,
            opened_at: second(62),
            since: second(0),
            resolved_at: resolved.then(|| second(5580)),
            breaks_at: None,
            url: "https://ops.example.com/incidents/1".into(),
            ack_url: (!resolved).then(|| "https://ops.example.com/ack/1?sig=abc&by=ops".into()),
        },
        dependencies: dependencies(),
        components: "checkout".parse().into_iter().collect(),
        cause: "The certificate of eu-west.acme.example <leaf> expired at 22:29:00 UTC; everything else about it holds.".into(),
        failure: Some(MessageFailure {
            kind: FailureKind::CertificateExpired,
            blame: Blame::Provider,
            message: "the server's certificate expired".into(),
        }),
        evidence: vec!["All 2 addresses serve it.".into()],
        actions: vec!["Ask Acme Databases to renew it & reload their servers.".into()],
        change: (kind == MessageKind::Updated).then(|| "reports-db is down too.".into()),
        drill: false,
        person: None,
    }
}

fn dependencies() -> Vec<MessageDependency> {
    let Ok(name) = "orders-db".parse() else { return Vec::new() };
    let target = "mysql://monitor@eu-west.acme.example:3306/orders".into();
    vec![MessageDependency { name, provider: "acme-db".parse().ok(), target }]
}

fn impending() -> Message {
    let mut message = message(MessageKind::Updated);
    message.incident.title = "orders-db will break: its certificate ends soon".into();
    message.incident.state = "impending".into();
    message.incident.severity = Severity::High;
    message.incident.breaks_at = Some(second(2 * 86_400));
    message.change = Some("Severity high, was warn.".into());
    message
}

fn bare() -> Message {
    let mut message = message(MessageKind::Opened);
    message.incident.ack_url = None;
    message.incident.severity = Severity::Info;
    message.failure = None;
    message.dependencies.clear();
    message.components.clear();
    message.evidence.clear();
    message.actions.clear();
    message
}

fn hostile() -> Message {
    const TEXT: &str = "\"}],\n\\ \u{0}\u{1b}[31m </script> & @everyone <!channel> *b* _i_ [l](http://x) {{ 7 * 7 }} %0A ' ; 🦀 \u{202e}";
    let mut message = message(MessageKind::Updated);
    message.incident.title = TEXT.into();
    message.cause = TEXT.repeat(50);
    message.change = Some(TEXT.into());
    message.evidence = vec![TEXT.into(); 20];
    message.actions = vec![TEXT.into(); 20];
    message
}
