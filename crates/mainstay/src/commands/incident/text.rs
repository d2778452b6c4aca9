//! Incidents for people on a terminal, in 80 columns.

use std::collections::BTreeSet;

use jiff::Timestamp;
use mainstay_model::in_words;
use serde_json::Value;

use crate::terminal::{Paint, WIDTH, cell, fit, wrapped};

/// As much of an identifier as tells apart incidents that did not begin in the same millisecond. Of those that did, more is shown.
const SHORT: usize = 13;

/// A whole identifier would leave no room for what it is of.
const LONGEST: usize = 30;

/// Columns before the text of a section: two, then its label.
const INDENT: usize = 10;

/// Lines of the history; the page has them all.
const MOMENTS: usize = 10;

/// One line for each, and a sentence first.
pub(super) fn list(answer: &Value, now: Timestamp, colour: bool) -> String {
    let paint = Paint { colour };
    let incidents: Vec<&Value> = answer["incidents"].as_array().into_iter().flatten().collect();
    let open = incidents.iter().filter(|one| one["state"] != "resolved").count();
    let mut text = match open {
        0 => "No incident is open.\n".to_owned(),
        1 => "1 incident is open.\n".into(),
        open => format!("{open} incidents are open.\n"),
    };
    let width = telling(&incidents);
    for one in incidents {
        let id = word(one, "id").chars().take(width).collect::<String>();
        let head = format!(
            "{} {} {} {}",
            symbol(one),
            cell(&id, width),
            cell(word(one, "severity"), 4),
            cell(word(one, "state"), 12)
        );
        let room = WIDTH - 2 - width - 1 - 4 - 1 - 12 - 1;
        let title = fit(word(one, "title"), room);
        let mut lines = title.iter();
        let first = lines.next().map(String::as_str).unwrap_or_default();
        text.push_str(&format!("{} {}\n", paint.dim(&head), paint.bold(first)));
        lines.for_each(|line| text.push_str(&format!("{}{line}\n", " ".repeat(WIDTH - room))));
        let when = age(one, now);
        text.push_str(&format!("{}{}\n", " ".repeat(WIDTH - room), paint.dim(&when)));
    }
    text
}

/// Everything about one: what, since when, who has it, why, what to do, and what happened last.
pub(super) fn one(incident: &Value, now: Timestamp, colour: bool) -> String {
    let paint = Paint { colour };
    let head =
        format!("{} {}, severity {}", symbol(incident), word(incident, "state"), word(incident, "severity"));
    let mut text = format!("{}  {}\n", paint.bold(&head), paint.dim(word(incident, "id")));
    text.push_str(&format!("{}\n\n", wrapped(&sentence(word(incident, "title")), 2)));
    let mut section = |label: &str, lines: &[String]| {
        let mut label = label;
        for line in lines.iter().flat_map(|line| fit(line, WIDTH - INDENT)) {
            text.push_str(&format!(
                "  {} {line}\n",
                paint.dim(&cell(std::mem::take(&mut label), INDENT - 3))
            ));
        }
    };
    section("since", &[age(incident, now)]);
    section("who", &people(incident));
    section("why", &[word(&incident["diagnosis"], "cause").to_owned()]);
    section("do", &numbered(strings(&incident["diagnosis"]["actions"])));
    section("tasks", &tasks(incident));
    section("alerts", &keys(&incident["alerts"]));
    section("log", &history(incident));
    text
}

fn symbol(incident: &Value) -> char {
    match (word(incident, "state"), word(incident, "severity")) {
        ("resolved", _) => '●',
        ("impending", _) => '✳',
        (_, "page" | "high") => '■',
        _ => '▲',
    }
}

/// How many characters tell these apart, so that each can be named as it is shown.
fn telling(incidents: &[&Value]) -> usize {
    let ids: BTreeSet<&str> = incidents.iter().map(|one| word(one, "id")).collect();
    let tells = |width: &usize| {
        let shown: BTreeSet<&str> = ids.iter().map(|id| id.get(..*width).unwrap_or(id)).collect();
        shown.len() == ids.len()
    };
    (SHORT..LONGEST).find(tells).unwrap_or(LONGEST)
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn sentence(title: &str) -> String {
    if title.ends_with('.') { title.to_owned() } else { format!("{title}.") }
}

fn age(incident: &Value, now: Timestamp) -> String {
    let at = |key: &str| incident[key].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let Some(since) = at("since") else { return String::new() };
    let began = since.strftime("%Y-%m-%d %H:%M UTC");
    match (at("resolved_at"), at("breaks_at")) {
        (Some(over), _) => format!("{began}, over after {}", in_words(over.duration_since(since))),
        (None, Some(breaks)) if breaks > now => {
            format!("{began}, breaks in {}", in_words(breaks.duration_since(now)))
        }
        _ => format!("{began}, for {}", in_words(now.duration_since(since))),
    }
}

fn people(incident: &Value) -> Vec<String> {
    let room = &incident["room"];
    let taken = incident["acknowledged_by"].as_str().map(|by| match incident["snoozed_until"].as_str() {
        Some(until) => format!("{by} has it until {until}"),
        None => format!("{by} has it"),
    });
    let open = incident["state"] != "resolved";
    let nobody = || open.then(|| "nobody has taken it up".to_owned());
    let handed = room["assignee"].as_str().filter(|_| open).map(|name| format!("handed to {name}"));
    let roles = room["roles"].as_object().into_iter().flatten();
    let roles = roles.map(|(role, who)| format!("{role}: {}", who.as_str().unwrap_or_default()));
    taken.or_else(nobody).into_iter().chain(handed).chain(roles).collect()
}

fn tasks(incident: &Value) -> Vec<String> {
    let all = incident["room"]["tasks"].as_array().into_iter().flatten().enumerate();
    let line = |(place, task): (usize, &Value)| {
        let done = if task["done"].is_null() { "" } else { " (done)" };
        format!("{place}. {}{done}", word(task, "text"))
    };
    all.map(line).collect()
}

fn keys(value: &Value) -> Vec<String> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

fn numbered(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().zip(1..).map(|(line, number)| format!("{number}. {line}")).collect()
}

fn history(incident: &Value) -> Vec<String> {
    let latest = incident["timeline"].as_array().into_iter().flatten().take(MOMENTS);
    let line = |entry: &Value| {
        let at: String = word(entry, "at").chars().skip(11).take(5).collect();
        format!("{at} {}", word(entry, "text"))
    };
    latest.map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T22:41:00Z".parse().unwrap()
    }

    fn incident() -> Value {
        json!({
            "id": "0193aa01-2b3c-7000-8000-000000000001",
            "title": "2 dependencies of Acme Databases are down: their certificate expired",
            "state": "acknowledged", "severity": "page", "since": "2026-11-22T22:29:00Z", "resolved_at": null,
            "breaks_at": null, "acknowledged_by": "ben", "snoozed_until": null,
            "diagnosis": {
                "cause": "The certificate of eu-west.db.acme.example expired at 22:29 UTC and was not renewed.",
                "actions": ["Have it renewed. Do not switch verification off in the application.", "Tell Acme Databases."],
            },
            "alerts": { "orders-db/down": {}, "reports-db/down": {} },
            "room": {
                "assignee": "ben", "roles": { "scribe": "Anna" },
                "tasks": [{ "text": "Call Acme", "done": ["2026-11-22T22:40:00Z", "ben"] }, { "text": "Ask why", "done": null }],
            },
            "timeline": [{ "at": "2026-11-22T22:40:00Z", "text": "Done: Call Acme" }, { "at": "2026-11-22T22:31:00Z", "text": "ben took it up." }],
        })
    }

    #[test]
    fn one_fits_a_narrow_terminal() {
        let text = one(&incident(), now(), false);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        insta::assert_snapshot!("one", text);
    }

    #[test]
    fn a_list_fits_a_narrow_terminal() {
        let mut over = incident();
        over["state"] = "resolved".into();
        over["resolved_at"] = "2026-11-22T22:40:00Z".into();
        let text = list(&json!({ "incidents": [incident(), over] }), now(), false);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        insta::assert_snapshot!("list", text);
    }
}
