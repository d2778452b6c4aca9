use jiff::{SignedDuration, Timestamp};
use mainstay_model::in_words;
use serde_json::Value;

/// Who would be told, before it is so.
pub(super) fn plan(plan: &Value, now: Timestamp) -> String {
    let mut text = format!(
        "A drill of {}, {}: these are told, by the real channels, each message marked DRILL.\n",
        word(&plan["dependency"]),
        word(&plan["failure"]),
    );
    for stage in list(&plan["stages"]) {
        text.push_str(&format!("  {}\n", self::stage(stage)));
    }
    if let Ok(until) = word(&plan["until"]).parse::<Timestamp>() {
        text.push_str(&format!(
            "It ends when somebody takes it up, and otherwise after {}.\n",
            in_words(until.duration_since(now))
        ));
    }
    text
}

/// `after 10 min, step 2 of db-team: ben by ben-sms`.
fn stage(stage: &Value) -> String {
    let when = match stage["after_s"].as_i64().unwrap_or_default() {
        0 => "at once".to_owned(),
        seconds => format!("after {}", in_words(SignedDuration::from_secs(seconds))),
    };
    let by = match word(&stage["by"]) {
        "step" => format!(", {}", step(&stage["step"])),
        "fallback" => ", the fallback".to_owned(),
        _ => String::new(),
    };
    let told = list(&stage["told"]).map(who);
    let nobody = list(&stage["nobody"]).map(|why| format!("nobody, because {}", word(why)));
    let all: Vec<String> = told.chain(nobody).collect();
    format!("{when}{by}: {}", if all.is_empty() { "nobody".to_owned() } else { all.join(", ") })
}

/// What is known of it so far, a line for each thing that happened.
pub(super) fn events(report: &Value) -> Vec<String> {
    let settled = |one: &&Value| !one["told_after_ms"].is_null() || !one["failed"].is_null();
    let mut events: Vec<String> = list(&report["messages"]).filter(settled).map(message).collect();
    if let Some(by) = report["answered_by"].as_str() {
        events.push(format!("{by} took it up."));
    }
    events
}

/// What it showed.
pub(super) fn report(report: &Value) -> String {
    let mut text = format!("{}: {}\n", word(&report["result"]), word(&report["sentence"]));
    for one in list(&report["messages"]) {
        text.push_str(&format!("  {}\n", message(one)));
    }
    text
}

fn message(one: &Value) -> String {
    let step = match &one["step"] {
        Value::Null => String::new(),
        known => format!(" ({})", step(known)),
    };
    let fate = match (one["told_after_ms"].as_i64(), one["failed"].as_str()) {
        (_, Some(why)) => format!("given up: {why}"),
        (Some(ms), None) => format!("told after {ms} ms"),
        (None, None) => "under way".to_owned(),
    };
    format!("{}{step}: {fate}", who(one))
}

fn who(one: &Value) -> String {
    match one["person"].as_str() {
        Some(person) => format!("{person} by {}", word(&one["channel"])),
        None => word(&one["channel"]).to_owned(),
    }
}

fn step(step: &Value) -> String {
    format!("step {} of {}", step["number"], word(&step["escalation"]))
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_would_be_told_reads_as_sentences() {
        let known = json!({
            "dependency": "orders-db", "failure": "certificate-expired", "until": "2026-11-22T23:11:00Z",
            "stages": [
                { "after_s": 0, "by": "route", "step": null, "told": [{ "channel": "ops", "person": null }], "nobody": [] },
                { "after_s": 600, "by": "step", "step": { "escalation": "db-team", "number": 2 },
                  "told": [{ "channel": "ben-sms", "person": "ben" }], "nobody": ["nobody is on call in platform"] },
                { "after_s": 1200, "by": "fallback", "step": null, "told": [], "nobody": [] },
            ],
        });
        let said = plan(&known, "2026-11-22T22:41:00Z".parse().unwrap());
        assert_eq!(
            said,
            "A drill of orders-db, certificate-expired: these are told, by the real channels, each message marked DRILL.\n  \
             at once: ops\n  \
             after 10 min, step 2 of db-team: ben by ben-sms, nobody, because nobody is on call in platform\n  \
             after 20 min, the fallback: nobody\n\
             It ends when somebody takes it up, and otherwise after 30 min.\n"
        );
    }

    #[test]
    fn what_it_showed_names_every_message() {
        let known = json!({
            "result": "answered", "sentence": "Ana took it up.", "answered_by": "ana",
            "messages": [
                { "channel": "ops", "person": null, "step": null, "told_after_ms": 41, "failed": null },
                { "channel": "sms", "person": "ben", "step": { "escalation": "db-team", "number": 1 }, "told_after_ms": null, "failed": "404" },
                { "channel": "two", "person": null, "step": null, "told_after_ms": null, "failed": null },
            ],
        });
        assert_eq!(
            report(&known),
            "answered: Ana took it up.\n  ops: told after 41 ms\n  ben by sms (step 1 of db-team): given up: 404\n  two: under way\n"
        );
        assert_eq!(events(&known).len(), 3, "what is under way is not said yet");
    }
}
