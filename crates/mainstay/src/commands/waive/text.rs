//! Waivers for people on a terminal, in 80 columns.

use jiff::Timestamp;
use mainstay_model::in_words;
use serde_json::Value;

use crate::terminal::{Paint, WIDTH, cell, fit, wrapped};

/// As much of an identifier as tells apart waivers that were not asked for in the same millisecond.
const SHORT: usize = 13;

/// Columns of a state and of a dependency's name.
const STATE: usize = 9;
const NAME: usize = 20;

/// What is known, and what it would mean, before somebody decides.
pub(in crate::commands) fn grounds(grounds: &Value) -> String {
    let head = |text: String| format!("{}\n", wrapped(&text, 0));
    let listed = |key: &str| {
        let lines = grounds[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.map(bullet).collect::<String>()
    };
    let mut text = head(format!("What is known of the certificate of {}:", word(grounds, "dependency")));
    text.push_str(&listed("evidence"));
    text.push('\n');
    text.push_str(&head(format!(
        "Accepting it for {}, until {}, means:",
        word(grounds, "lasts"),
        clock(grounds, "until")
    )));
    text.push_str(&listed("risks"));
    text.push('\n');
    text
}

/// What comes after asking for it.
pub(super) fn second_person() -> String {
    format!("{}\n\n", wrapped("Somebody else has to agree to it within an hour.", 0))
}

/// A waiver that waits for somebody to agree.
pub(in crate::commands) fn asked(waiver: &Value) -> String {
    let by = word(&waiver["requested"], "by");
    let (name, lasts, reason) = (word(waiver, "dependency"), word(waiver, "lasts"), word(waiver, "reason"));
    let said = format!("{by} asks that the expired certificate of {name} be accepted for {lasts}: {reason}");
    format!("{}\n\n", wrapped(&said, 0))
}

/// A waiver that was just asked for.
pub(super) fn made(waiver: &Value) -> String {
    let name = word(waiver, "dependency");
    let said = match word(waiver, "state") {
        "active" => format!(
            "The expired certificate of {name} is accepted until {}. `mainstay unwaive {name}` ends that before.",
            clock(waiver, "ends_at")
        ),
        _ => format!(
            "It was asked for. Somebody else has to agree within an hour: `mainstay waivers grant {}`.",
            short(waiver)
        ),
    };
    format!("{}\n", wrapped(&said, 0))
}

/// A waiver that was just granted, refused or ended.
pub(in crate::commands) fn decided(waiver: &Value) -> String {
    match word(waiver, "state") {
        "active" => made(waiver),
        _ => {
            let name = word(waiver, "dependency");
            let said = match word(&waiver["end"], "because") {
                "refused" => format!("The waiver for {name} that was asked for is refused."),
                _ => format!("The waiver for {name} is over; it was {}.", uses(waiver)),
            };
            format!("{}\n", wrapped(&said, 0))
        }
    }
}

/// One line or two for each, and a sentence first.
pub(in crate::commands) fn list(answer: &Value, now: Timestamp, colour: bool) -> String {
    let paint = Paint { colour };
    let all: Vec<&Value> = answer["waivers"].as_array().into_iter().flatten().collect();
    let count = |state: &str| all.iter().filter(|one| word(one, "state") == state).count();
    let mut text = match (count("active"), count("requested")) {
        (0, 0) => "No waiver is in force.\n".to_owned(),
        (active, 0) => format!("{active} in force.\n"),
        (active, asked) => format!("{active} in force, {asked} waiting for a second person.\n"),
    };
    for one in all {
        let state = word(one, "state");
        let head = format!("{} {} ", cell(&short(one), SHORT), cell(state, STATE));
        let line = format!("{}{}", paint.dim(&head), paint.bold(&cell(word(one, "dependency"), NAME)));
        text.push_str(&format!("{line} {}\n", standing(one, now)));
        let margin = SHORT + 1 + STATE + 1;
        let why = format!("{}: {}", word(&one["requested"], "by"), word(one, "reason"));
        for line in fit(&why, WIDTH - margin) {
            text.push_str(&format!("{}{}\n", " ".repeat(margin), paint.dim(&line)));
        }
    }
    text
}

fn standing(waiver: &Value, now: Timestamp) -> String {
    let left = |key: &str| waiver[key].as_str().and_then(|at| at.parse::<Timestamp>().ok());
    match word(waiver, "state") {
        "active" => match left("ends_at") {
            Some(ends_at) => format!("ends in {}, {}", in_words(ends_at.duration_since(now)), uses(waiver)),
            None => String::new(),
        },
        "requested" => format!("for {}", word(waiver, "lasts")),
        _ => format!("{}, {}", word(&waiver["end"], "because"), clock(waiver, "at")),
    }
}

fn uses(waiver: &Value) -> String {
    match waiver["uses"]["count"].as_u64().unwrap_or(0) {
        0 => "not used at any relay".into(),
        1 => "used once".into(),
        count => format!("used {count} times"),
    }
}

fn bullet(line: &str) -> String {
    let lines = fit(line, WIDTH - 4);
    let first = lines.first().map(|line| format!("  - {line}\n")).unwrap_or_default();
    first + &lines.iter().skip(1).map(|line| format!("    {line}\n")).collect::<String>()
}

fn short(waiver: &Value) -> String {
    word(waiver, "id").chars().take(SHORT).collect()
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn clock(value: &Value, key: &str) -> String {
    let at: Option<Timestamp> = word(value, key).parse().ok();
    at.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn waiver(state: &Value) -> Value {
        let mut waiver = json!({
            "id": "0193aa01-0000-7000-8000-000000000000", "dependency": "orders-db", "lasts": "4h",
            "requested": { "by": "ana", "at": "2026-11-22T22:41:00Z" },
            "reason": "checkout is down, and the provider says that its new certificate takes two hours more",
            "uses": { "count": 40 },
        });
        waiver.as_object_mut().unwrap().extend(state.as_object().unwrap().clone());
        waiver
    }

    #[test]
    fn a_list_says_what_is_in_force_first() {
        let now = "2026-11-22T22:50:00Z".parse().unwrap();
        let ended =
            json!({ "state": "ended", "at": "2026-11-22T22:45:00Z", "end": { "because": "renewed" } });
        let all = json!({ "waivers": [
            waiver(&json!({ "state": "active", "ends_at": "2026-11-23T02:41:00Z" })),
            waiver(&json!({ "state": "requested" })),
            waiver(&ended),
        ] });
        insta::assert_snapshot!(list(&all, now, false), @r"
        1 in force, 1 waiting for a second person.
        0193aa01-0000 active    orders-db            ends in 3 h 51 min, used 40 times
                                ana: checkout is down, and the provider says that its
                                new certificate takes two hours more
        0193aa01-0000 requested orders-db            for 4h
                                ana: checkout is down, and the provider says that its
                                new certificate takes two hours more
        0193aa01-0000 ended     orders-db            renewed, 2026-11-22 22:45 UTC
                                ana: checkout is down, and the provider says that its
                                new certificate takes two hours more
        ");
        assert_eq!(list(&json!({ "waivers": [] }), now, false), "No waiver is in force.\n");
        assert_eq!(decided(&waiver(&ended)), "The waiver for orders-db is over; it was used 40 times.\n");
    }

    #[test]
    fn whoever_decides_sees_what_is_known_and_what_it_means() {
        let facts = json!({
            "dependency": "orders-db", "lasts": "4h", "until": "2026-11-23T02:41:00Z",
            "evidence": ["It expired.", "SHA-256 of the certificate: 5542"],
            "risks": ["Until it ends, anybody who holds the old key can pose as orders-db, and read and change what is sent."],
        });
        insta::assert_snapshot!(grounds(&facts), @r"
        What is known of the certificate of orders-db:
          - It expired.
          - SHA-256 of the certificate: 5542

        Accepting it for 4h, until 2026-11-23 02:41 UTC, means:
          - Until it ends, anybody who holds the old key can pose as orders-db, and read
            and change what is sent.
        ");
        assert_eq!(second_person(), "Somebody else has to agree to it within an hour.\n\n");
    }
}
