//! What a trial has shown, for people and for programs.

use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Held, Replayed};
use mainstay_model::{DependencyName, RuleName, in_words};
use serde_json::{Value, json};

/// Alerts of one dependency that are written out; the rest is counted.
const WRITTEN_OUT: usize = 10;

/// A rule that was tried against the past.
pub(super) struct Trial {
    pub(super) name: RuleName,
    pub(super) when: String,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) dependencies: Vec<(DependencyName, Replayed)>,
}

impl Trial {
    fn alerts(&self) -> u64 {
        self.dependencies.iter().map(|(_, replayed)| replayed.alerts).sum()
    }

    fn checks(&self) -> u64 {
        self.dependencies.iter().map(|(_, replayed)| replayed.checks).sum()
    }

    fn alerted(&self) -> impl Iterator<Item = &(DependencyName, Replayed)> {
        self.dependencies.iter().filter(|(_, replayed)| replayed.alerts > 0)
    }
}

/// A sentence first, then each dependency with its alerts, then what could not be told.
pub(super) fn text(trial: &Trial) -> String {
    let mut text = format!("{}\n", sentence(trial));
    for (name, replayed) in trial.alerted() {
        text.push_str(&format!("\n{name}\n"));
        for held in replayed.held.iter().take(WRITTEN_OUT) {
            text.push_str(&format!("  {}\n", line(held)));
        }
        let written = replayed.held.len().min(WRITTEN_OUT);
        let more = replayed.alerts.saturating_sub(written as u64);
        if more > 0 {
            text.push_str(&format!("  and {more} more; --output json shows more of them\n"));
        }
    }
    let untold = untold(trial);
    if !untold.is_empty() {
        text.push_str(&format!("\nIt could not be told after some checks:\n{untold}"));
    }
    text
}

fn sentence(trial: &Trial) -> String {
    let length = in_words(trial.to.duration_since(trial.from));
    let dependencies = trial.alerted().count();
    match (trial.checks(), trial.alerts()) {
        (0, _) => format!("No check of the last {length} is kept, so nothing can be said."),
        (_, 0) => format!(
            "It would not have alerted in {length}, for any of {}.",
            counted(trial.dependencies.len() as u64, "dependency", "dependencies")
        ),
        (_, alerts) => format!(
            "It would have alerted {} in {length}, for {}.",
            counted(alerts, "time", "times"),
            counted(dependencies as u64, "dependency", "dependencies")
        ),
    }
}

fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

fn line(held: &Held) -> String {
    let since = clock(held.since);
    let span = match held.until {
        Some(until) => {
            format!("{since} to {} ({})", clock(until), in_words(until.duration_since(held.since)))
        }
        None => format!("{since} until now"),
    };
    let told = held.told_at.duration_since(held.since);
    let later =
        if told > SignedDuration::ZERO { format!(", told after {}", in_words(told)) } else { String::new() };
    format!("{span}{later}: {}", held.message)
}

fn clock(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn untold(trial: &Trial) -> String {
    let untold = trial.dependencies.iter().filter(|(_, replayed)| replayed.untold > 0);
    let line = |(name, replayed): &(DependencyName, Replayed)| {
        let why = replayed.missing.map_or_else(
            || "a number was out of range".to_owned(),
            |fact| format!("{} was not known", fact.about().name),
        );
        format!("  {name}: {} of {}, as {why}\n", replayed.untold, replayed.checks)
    };
    untold.map(line).collect()
}

/// `{"rule", "when", "from", "to", "alerts", "dependencies": […]}`.
pub(super) fn json(trial: &Trial) -> Value {
    let held = |held: &Held| json!({ "since": held.since, "told_at": held.told_at, "until": held.until, "message": held.message });
    let dependency = |(name, replayed): &(DependencyName, Replayed)| {
        json!({
            "name": name,
            "checks": replayed.checks,
            "untold": replayed.untold,
            "missing": replayed.missing.map(|fact| fact.about().name),
            "alerts": replayed.alerts,
            "held": replayed.held.iter().map(held).collect::<Vec<_>>(),
        })
    };
    json!({
        "rule": trial.name,
        "when": trial.when,
        "from": trial.from,
        "to": trial.to,
        "alerts": trial.alerts(),
        "dependencies": trial.dependencies.iter().map(dependency).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use mainstay_engine::expr::Fact;

    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    fn trial(dependencies: &[(&str, Replayed)]) -> Trial {
        Trial {
            name: "soon".parse().unwrap(),
            when: "tls.days_left < 20".into(),
            from: at("20T10:00"),
            to: at("27T10:00"),
            dependencies: dependencies
                .iter()
                .map(|(name, one)| (name.parse().unwrap(), one.clone()))
                .collect(),
        }
    }

    fn some() -> Trial {
        let held = |since: &str, told: &str, until: Option<&str>| Held {
            since: at(since),
            told_at: at(told),
            until: until.map(at),
            message: "orders-db: 12 days are left".into(),
        };
        let twice = vec![held("21T10:00", "21T10:00", Some("21T12:10")), held("26T09:00", "26T09:10", None)];
        trial(&[
            ("cache", Replayed { checks: 10, ..Replayed::default() }),
            ("orders-db", Replayed { checks: 10, alerts: 12, held: twice, ..Replayed::default() }),
            (
                "site",
                Replayed { checks: 10, untold: 3, missing: Some(Fact::TlsDaysLeft), ..Replayed::default() },
            ),
        ])
    }

    #[test]
    fn for_people() {
        insta::assert_snapshot!(text(&some()));
    }

    #[test]
    fn the_sentence_says_how_often_or_that_nothing_is_known() {
        let none = Replayed { checks: 5, ..Replayed::default() };
        assert_eq!(
            sentence(&trial(&[("db", none.clone())])),
            "It would not have alerted in 7 days, for any of 1 dependency."
        );
        assert_eq!(sentence(&trial(&[])), "No check of the last 7 days is kept, so nothing can be said.");
        let once = Replayed { alerts: 1, ..none };
        assert_eq!(
            sentence(&trial(&[("db", once)])),
            "It would have alerted 1 time in 7 days, for 1 dependency."
        );
    }

    #[test]
    fn for_programs() {
        let json = json(&some());
        assert_eq!((&json["alerts"], &json["rule"]), (&json!(12), &json!("soon")));
        assert_eq!(json["dependencies"][2]["missing"], "tls.days_left");
        assert_eq!(json["dependencies"][1]["held"][0]["until"], "2026-11-21T12:10:00Z");
    }
}
