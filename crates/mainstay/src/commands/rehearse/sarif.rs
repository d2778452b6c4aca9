use std::collections::BTreeSet;
use std::path::Path;

use mainstay_model::{Coverage, Hole, HoleCode, Severity};
use serde_json::{Value, json};

use crate::config::Places;

/// SARIF 2.1.0 (OASIS, 2020): one run, a rule for each code that is found, a result for each finding on its line.
pub(super) fn render(coverage: &Coverage, places: &Places, file: &Path) -> String {
    let codes: BTreeSet<HoleCode> = coverage.holes.iter().map(|hole| hole.code).collect();
    let codes: Vec<HoleCode> = codes.into_iter().collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = coverage.holes.iter().map(|hole| result(hole, &codes, places, file)).collect();
    let whole = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "mainstay rehearse",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{whole:#}\n")
}

/// What GitHub demands of a rule beyond the standard: a description in full, and help.
fn rule(code: HoleCode) -> Value {
    json!({
        "id": code.as_str(),
        "shortDescription": { "text": code.as_str().replace('-', " ") },
        "fullDescription": { "text": meaning(code) },
        "help": { "text": format!(
            "Each result says where it is, and how it is mended. Where it is meant to be so, `mainstay rehearse --allow {code}` lets it pass."
        ) },
    })
}

fn meaning(code: HoleCode) -> &'static str {
    match code {
        HoleCode::NoRoute => "Something can break of which no route tells anybody.",
        HoleCode::Muted => "Something can break, and a route mutes it.",
        HoleCode::RuleSwitchedOff => {
            "Something can break, and the rule that would notice it is switched off."
        }
        HoleCode::UnstaffedShift => "Only a schedule is told of something, and for a time nobody is on call.",
        HoleCode::EmptyRotation => "Only a schedule is told of something, and nobody is ever on call.",
        HoleCode::SilenceWithoutEnd => "Something can break, and a silence without an end hides it.",
        HoleCode::PersonWithoutChannel => "Only somebody is told of something who has no channels.",
        HoleCode::SharedFate => "Only channels are told of something that fail together with it.",
        HoleCode::ChannelNeverProven => "Only channels are told of something that never took a message.",
        HoleCode::TooLate => "Somebody is told of something, and too late.",
        HoleCode::NotNoticed => "Something can break, and no rule notices it.",
        HoleCode::RuleFiresTooLate => {
            "A rule of one's own notices the end of a certificate only when it is past."
        }
        HoleCode::RuleNeverFires => "Nothing can make a rule of one's own fire.",
        HoleCode::RuleAlwaysFires => "A rule of one's own fires while nothing is wrong.",
        HoleCode::WrongTag => "A route or a quiet time looks for a tag that no dependency has.",
        HoleCode::SelectsNothing => "A route or a quiet time looks for what no dependency is.",
        HoleCode::StatusPageSharesFate => "The status page fails together with what it would have to show.",
        HoleCode::ProofUnknown => "Whether channels work is not known.",
        HoleCode::FateUnknown => "Whether channels fail together with what they tell of is not known.",
        HoleCode::ScheduleGap => "Nobody is on call for a time, and others are told then.",
        HoleCode::EscalationUnreachable => "No route leads to an escalation.",
        HoleCode::ScheduleUnused => "Nothing leads to a schedule.",
        HoleCode::NoFallback => "Nobody is told when nobody was reached.",
    }
}

fn result(hole: &Hole, codes: &[HoleCode], places: &Places, file: &Path) -> Value {
    // What stands nowhere, because it is missing, is told of the first line.
    let line = places.line(&hole.place).unwrap_or(1).max(1);
    json!({
        "ruleId": hole.code.as_str(),
        "ruleIndex": codes.iter().position(|code| *code == hole.code),
        "level": level(hole.severity),
        "message": { "text": format!("{} {}", hole.what, hole.mend) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(file) },
            "region": { "startLine": line },
        } }],
        "partialFingerprints": { "place/v1": format!("{}/{}", hole.code, hole.place) },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Page | Severity::High => "error",
        Severity::Warn => "warning",
        Severity::Info => "note",
    }
}

/// A path as the URI that SARIF wants (section 3.4.4): from the root it is one of a file, and only others are relative.
fn uri(file: &Path) -> String {
    let text = file.display().to_string();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    let escaped: String = text
        .bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    if file.is_absolute() { format!("file://{escaped}") } else { escaped }
}
