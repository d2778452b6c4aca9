//! What is said about a waiver, in the history and in messages.

use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{Dependency, HumanDuration, Waiver, WaiverEnd, WaiverState};

use crate::time::{clock, later, signed};

pub(super) fn asked(waiver: &Waiver) -> String {
    format!(
        "{} asks that the expired certificate of {} be accepted for {}: {}. Somebody else has to agree until {}.",
        waiver.requested.by,
        waiver.dependency,
        waiver.lasts,
        reason(waiver),
        clock(waiver.lapses_at())
    )
}

pub(super) fn granted(waiver: &Waiver, replaces: bool, by: &str, until: Timestamp) -> String {
    let replaces = if replaces { " It takes the place of the one before." } else { "" };
    let (name, until, reason) = (&waiver.dependency, clock(until), reason(waiver));
    let by = by.trim();
    if waiver.requested.by == by {
        return format!(
            "{by} has the expired certificate of {name} accepted until {until}: {reason}.{replaces}"
        );
    }
    format!(
        "{by} agreed: the expired certificate of {name} is accepted until {until}. {} asked for it: {reason}.{replaces}",
        waiver.requested.by
    )
}

pub(super) fn used(waiver: &Waiver) -> String {
    let name = &waiver.dependency;
    match (waiver.is_over(), waiver.uses.count) {
        (false, _) => format!("The waiver for {name} is in use: a first connection was admitted under it."),
        (true, 1) => format!(
            "A relay tells late of the waiver for {name}: before it ended, 1 connection was admitted under it."
        ),
        (true, count) => {
            format!(
                "A relay tells late of the waiver for {name}: before it ended, {count} connections were admitted under it."
            )
        }
    }
}

/// A clock that was ahead when it was granted was set right.
pub(super) fn counts_from_now(waiver: &Waiver, ends_at: Timestamp) -> String {
    format!(
        "The clock was ahead when the waiver for {} was granted, and was set right: the waiver ends at {} all the same.",
        waiver.dependency,
        clock(ends_at)
    )
}

/// What ended it; `waiver` as it was before.
pub(super) fn ended(waiver: &Waiver, end: &WaiverEnd, now: Timestamp) -> String {
    let name = &waiver.dependency;
    let asked_by = &waiver.requested.by;
    if waiver.state != WaiverState::Requested {
        return format!("The waiver for {name} is over: {}. {}", waiver_end(end), uses(waiver));
    }
    match end {
        WaiverEnd::Refused { by } => {
            format!("{by} did not agree to the waiver for {name} that {asked_by} asked for.")
        }
        WaiverEnd::Lapsed if now >= waiver.lapses_at() => {
            format!("The waiver for {name} that {asked_by} asked for lapsed: nobody agreed in time.")
        }
        WaiverEnd::Lapsed => format!(
            "The waiver for {name} that {asked_by} asked for lapsed: that its certificate expired is no longer what is wrong, or not all."
        ),
        other => {
            format!("The waiver for {name} that {asked_by} asked for is settled: {}.", waiver_end(other))
        }
    }
}

fn uses(waiver: &Waiver) -> String {
    match waiver.uses.count {
        // Programs that go by the policy themselves tell of nothing, and neither does a relay that is cut off.
        0 => "No relay told of a connection under it.".into(),
        1 => "1 connection was admitted under it.".into(),
        count => format!("{count} connections were admitted under it."),
    }
}

/// Why a waiver is over, as the end of a sentence.
pub fn waiver_end(end: &WaiverEnd) -> String {
    match end {
        WaiverEnd::Time => "its time was up".into(),
        WaiverEnd::Withdrawn { by } => format!("{by} ended it"),
        WaiverEnd::Refused { by } => format!("{by} did not agree"),
        WaiverEnd::Replaced { .. } => "a later one took its place".into(),
        WaiverEnd::Lapsed => "nobody agreed in time, or the diagnosis changed".into(),
        WaiverEnd::Renewed => "full verification succeeds again".into(),
        WaiverEnd::ChainChanged => {
            "the server shows another certificate, or the dependency points elsewhere".into()
        }
        WaiverEnd::RevocationSeen => "a certificate of its path was seen revoked".into(),
    }
}

/// What is given up by a waiver, and what is not, in words for whoever decides.
pub(super) fn risks(dependency: &Dependency, lasts: Duration, now: Timestamp) -> Vec<String> {
    let name = &dependency.name;
    let until = clock(later(now, signed(lasts)));
    let lasts = HumanDuration(lasts);
    let server = dependency.tls.server_name.as_ref().unwrap_or(&dependency.target.host);
    let effect = match dependency.relay {
        Some(_) => "It takes effect at the relay, for connections that it makes from then on.".to_owned(),
        None => {
            format!("{name} has no relay, so it takes effect only in programs that go by Mainstay's policy.")
        }
    };
    vec![
        format!(
            "Still checked: that it is exactly this certificate with this key, that the server holds the key, that the certificate is for \
             {server}, and that its path leads to a trusted root and held when it expired."
        ),
        "No longer checked: that the certificate is still valid. Whoever issued it no longer answers for it, nor for whether its key \
         was stolen since."
            .to_owned(),
        format!(
            "Until it ends, at {until} when it lasts {lasts}, anybody who holds the old key can pose as {name}, and read and change what is \
             sent. It ends by itself before that when the server has a valid certificate again."
        ),
        effect,
    ]
}

/// The line that an incident and its messages show while a waiver is in force or waits for somebody to agree; nothing when it is over.
pub fn waiver_line(waiver: &Waiver) -> Option<String> {
    if waiver.state == WaiverState::Requested {
        return Some(asked(waiver));
    }
    let until = waiver.ends_at()?;
    let (name, by) = (&waiver.dependency, &waiver.granted()?.by);
    Some(format!(
        "A waiver is in force: the expired certificate of {name} is accepted until {}, granted by {by}: {}.",
        clock(until),
        reason(waiver)
    ))
}

fn reason(waiver: &Waiver) -> &str {
    waiver.reason.trim_end_matches('.')
}
