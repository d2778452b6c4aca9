use std::collections::BTreeSet;
use std::path::Path;

use mainstay_model::{Coverage, Hole, HoleCode, Severity};
use serde_json::{Value, json};

use crate::config::Places;

/// SARIF 2.1.0 (OASIS, 2020): one run, a rule for each code that is found, a result for each finding on its line.
pub(super) fn render(coverage: &Coverage, places: &Places, file: &Path) -> String {
    let codes: BTreeSet<HoleCode> = coverage.holes.iter().map(|hole| hole.code).collect();
    let codes: Vec<HoleCode> = codes.into_iter().collect();
    let rules: Vec<Value> = codes
        .iter()
        .map(|code| json!({ "id": code.as_str(), "shortDescription": { "text": code.as_str().replace('-', " ") } }))
        .collect();
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

/// A path as the URI reference that SARIF wants (RFC 3986).
fn uri(file: &Path) -> String {
    let text = file.display().to_string();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    text.bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
