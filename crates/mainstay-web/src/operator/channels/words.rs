use jiff::Timestamp;
use mainstay_model::{ChannelKind, ChannelName, MessageKind, in_words};

use super::condition::Condition;
use super::file::File;
use crate::operator::words::full_stop;
use crate::show::{clock_time, listed, plural};

/// Channels that a sentence names; more are counted.
const NAMED: usize = 3;

/// A channel and whether it can be relied on.
pub(in crate::operator) type Judged<'a> = (&'a ChannelName, &'a Condition);

/// How many are proven to work, and which are not.
pub(in crate::operator) fn sentence(all: &[Judged<'_>]) -> String {
    let works = all.iter().filter(|(_, condition)| **condition == Condition::Works).count();
    match (all, doubts(all)) {
        ([], _) => "There is no channel, so nobody can be told of anything.".into(),
        ([(name, _)], None) => format!("{name}, the only channel, is proven to work."),
        (_, None) => format!("All {} are proven to work.", plural(all.len(), "channel", "channels")),
        (_, Some(doubts)) => match works {
            0 => format!("No channel is proven to work; {doubts}."),
            1 => format!("1 of {} channels is proven to work; {doubts}.", all.len()),
            _ => format!("{works} of {} channels are proven to work; {doubts}.", all.len()),
        },
    }
}

/// What is the matter with those that are not proven to work, the worst first; `None` when there are none.
fn doubts(all: &[Judged<'_>]) -> Option<String> {
    type Matter = (fn(&Condition) -> bool, &'static str, &'static str);
    let matters: [Matter; 5] = [
        (|it| matches!(it, Condition::Fails { .. }), "fails", "fail"),
        (|it| matches!(it, Condition::HeldUp { .. }), "does not take what waits", "do not take what waits"),
        (
            |it| matches!(it, Condition::Lapsed { .. }),
            "was not shown to work lately",
            "were not shown to work lately",
        ),
        (
            |it| *it == Condition::Unproven { untried: false },
            "was never shown to work",
            "were never shown to work",
        ),
        (|it| *it == Condition::Unproven { untried: true }, "was never tried", "were never tried"),
    ];
    let clauses = matters.iter().filter_map(|(is_it, one, many)| {
        let names = all.iter().filter(|(_, condition)| is_it(condition)).map(|(name, _)| name.as_str());
        let names: Vec<&str> = names.collect();
        (!names.is_empty())
            .then(|| format!("{} {}", named(&names), if names.len() == 1 { one } else { many }))
    });
    let clauses: Vec<String> = clauses.collect();
    let clauses: Vec<&str> = clauses.iter().map(String::as_str).collect();
    (!clauses.is_empty()).then(|| listed(&clauses))
}

fn named(names: &[&str]) -> String {
    if names.len() > NAMED { plural(names.len(), "channel", "channels") } else { listed(names) }
}

/// Why a channel is in its condition.
pub(super) fn explanation(file: &File, now: Timestamp) -> String {
    let waiting = waiting(file, now);
    match &file.condition {
        Condition::Works => waiting.map(|it| format!("{it}.")).unwrap_or_default(),
        Condition::Fails { since, reason, .. } => {
            full_stop(format!("Since {}: {reason}", clock_time(*since, now)))
        }
        Condition::HeldUp { reason } => full_stop(format!("{}: {reason}", waiting.unwrap_or_default())),
        Condition::Lapsed { proven_at } => {
            format!("For {} nothing has shown that it works.", in_words(now.duration_since(*proven_at)))
        }
        Condition::Unproven { untried } => unproven(file, *untried, now),
    }
}

fn unproven(file: &File, untried: bool, now: Timestamp) -> String {
    let said = if untried { "it was never tried" } else { "it never took anything" };
    match &file.record {
        Some(record) => {
            format!("Configured as it is since {}; {said}.", clock_time(record.known_since, now))
        }
        None => full_stop(format!("So far {said}")),
    }
}

/// `2 messages wait, the oldest for 12 min`.
fn waiting(file: &File, now: Timestamp) -> Option<String> {
    let queue = file.queue.as_ref()?;
    let age = in_words(now.duration_since(queue.since));
    Some(match queue.messages {
        1 => format!("1 message waits for {age}"),
        count => format!("{count} messages wait, the oldest for {age}"),
    })
}

/// By what it was shown that a channel works.
pub(super) fn how(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Probe => "by a quiet trial",
        MessageKind::Test => "by a trial",
        _ => "by a real message",
    }
}

/// The service behind a channel.
pub(super) fn service(kind: &ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Email { .. } => "mail",
        ChannelKind::Discord { .. } => "Discord",
        ChannelKind::Slack { .. } => "Slack, by a webhook",
        ChannelKind::SlackBot(_) => "Slack, by a bot",
        ChannelKind::Webhook { .. } => "signed webhook",
        ChannelKind::Teams { .. } => "Microsoft Teams",
        ChannelKind::Telegram(_) => "Telegram",
        ChannelKind::PagerDuty(_) => "PagerDuty",
        ChannelKind::Alertmanager(_) => "Alertmanager",
        ChannelKind::Ntfy(_) => "ntfy",
        ChannelKind::TwilioSms(_) => "text message, by Twilio",
        ChannelKind::TwilioCall(_) => "telephone call, by Twilio",
        ChannelKind::Http(_) => "HTTP request of your own",
        ChannelKind::Program(_) => "program on this machine",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(channels: &[(&str, Condition)], expected: &str) {
        let names: Vec<ChannelName> = channels.iter().map(|(name, _)| name.parse().unwrap()).collect();
        let all: Vec<Judged<'_>> =
            names.iter().zip(channels).map(|(name, (_, condition))| (name, condition)).collect();
        assert_eq!(sentence(&all), expected);
    }

    #[test]
    fn the_sentence_says_how_many_work_and_names_the_rest_worst_first() {
        use Condition::*;
        let never = || Unproven { untried: true };
        let held = || HeldUp { reason: "busy".into() };
        check(&[], "There is no channel, so nobody can be told of anything.");
        check(&[("mail", Works)], "mail, the only channel, is proven to work.");
        check(&[("a", Works), ("b", Works)], "All 2 channels are proven to work.");
        check(&[("a", never()), ("b", never())], "No channel is proven to work; a and b were never tried.");
        check(
            &[("a", Works), ("b", never()), ("c", held())],
            "1 of 3 channels is proven to work; c does not take what waits and b was never tried.",
        );
        let many = ["a", "b", "c", "d"].map(|name| (name, Unproven { untried: false }));
        check(&many, "No channel is proven to work; 4 channels were never shown to work.");
    }
}
