use std::path::Path;
use std::process::ExitCode;

use mainstay_model::{Rule, RuleKey, Rules, Runbook};
use serde_json::json;

use super::Output;
use crate::config;

#[expect(clippy::print_stdout, reason = "this is where a command speaks to the person who called it")]
pub(super) fn run(file: &Path, output: Output) -> ExitCode {
    let rules = match config::load(file, &config::environment) {
        Ok(loaded) => loaded.landscape.rules,
        Err(problems) => return super::super::refuse(&problems),
    };
    match output {
        Output::Text => print!("{}", text(&rules)),
        Output::Json => println!("{:#}", json(&rules)),
    }
    ExitCode::SUCCESS
}

/// One rule as it is listed.
struct Row<'a> {
    key: RuleKey,
    enabled: bool,
    severity: String,
    /// The condition of one's own, what a built-in one tells.
    when: &'a str,
    runbook: Option<&'a str>,
}

fn rows(rules: &Rules) -> Vec<Row<'_>> {
    let built_in = Rule::ALL.iter().map(|rule| {
        let severity = rules.severity_of(*rule);
        row(
            rules,
            (*rule).into(),
            severity.map_or(usual_severity(*rule), |severity| severity.as_str()),
            rule.in_words(),
        )
    });
    let own = rules
        .own
        .iter()
        .map(|(name, rule)| row(rules, RuleKey::Own(name.clone()), rule.severity.as_str(), rule.when.trim()));
    built_in.chain(own).collect()
}

fn row<'a>(rules: &'a Rules, key: RuleKey, severity: &str, when: &'a str) -> Row<'a> {
    let (enabled, runbook) = (rules.is_enabled(&key), rules.runbook(&key).map(Runbook::as_str));
    Row { key, enabled, severity: severity.to_owned(), when, runbook }
}

/// What the alerts of a built-in rule are given where the configuration says nothing.
fn usual_severity(rule: Rule) -> &'static str {
    use Rule::*;
    match rule {
        Down | Degraded | Stale | Flapping | Offline => "by criticality",
        CertificateExpiring => "by time left",
        RenewalOverdue | TooSlow | ChannelUnproven => "warn",
        ChainProblem | AddressesDiffer => "as found",
        ConfigurationRefused | ChannelFailing | StoreFailing => "high",
        ScheduleGap => "warn, then high",
        NobodyReached => "as the incident",
        HeartbeatMissing | External => "as configured",
        CoverageHole => "as found",
        DrillUnanswered => "high",
    }
}

fn text(rules: &Rules) -> String {
    let rows = rows(rules);
    let off = rows.iter().filter(|row| !row.enabled).count();
    let own = rules.own.len();
    let mut text = format!(
        "{} rules are built in, {own} {} your own; {}.\n\n",
        Rule::ALL.len(),
        if own == 1 { "is" } else { "are" },
        match off {
            0 => "all of them are judged".to_owned(),
            1 => "1 is switched off".to_owned(),
            more => format!("{more} are switched off"),
        }
    );
    let width = rows.iter().map(|row| row.key.as_str().len()).max().unwrap_or(0);
    for row in &rows {
        let judged = if row.enabled { "on " } else { "off" };
        let when = row.when.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = if row.key.built_in().is_some() { format!("when {when}") } else { when };
        text.push_str(&format!("{:width$}  {judged}  {:14}  {told}\n", row.key.as_str(), row.severity));
    }
    text
}

fn json(rules: &Rules) -> serde_json::Value {
    let row = |row: Row<'_>| {
        json!({
            "name": row.key.as_str(),
            "built_in": row.key.built_in().is_some(),
            "enabled": row.enabled,
            "severity": row.severity,
            "when": row.when,
            "runbook": row.runbook,
        })
    };
    json!({ "rules": rows(rules).into_iter().map(row).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mainstay_model::{BuiltInRule, OwnRule, Severity};

    use super::*;

    fn rules() -> Rules {
        let own = OwnRule {
            when: "tls.days_left < 20\n  && hour > 3".into(),
            severity: Severity::High,
            message: None,
            runbook: Some("Call.".parse().unwrap()),
            hold_for: Duration::ZERO,
            enabled: true,
        };
        let off = BuiltInRule { enabled: false, severity: None, runbook: None };
        let info = BuiltInRule { enabled: true, severity: Some(Severity::Info), runbook: None };
        Rules {
            own: [("soon".parse().unwrap(), own)].into(),
            built_in: [(Rule::Down, off), (Rule::TooSlow, info)].into(),
        }
    }

    #[test]
    fn for_people() {
        insta::assert_snapshot!(text(&rules()));
        assert!(
            text(&Rules::default())
                .starts_with("20 rules are built in, 0 are your own; all of them are judged.\n")
        );
    }

    #[test]
    fn for_programs() {
        let json = json(&rules());
        let all = json["rules"].as_array().unwrap();
        assert_eq!(all.len(), Rule::ALL.len() + 1);
        assert_eq!(
            all[Rule::ALL.len()],
            json!({ "name": "soon", "built_in": false, "enabled": true, "severity": "high",
                "when": "tls.days_left < 20\n  && hour > 3", "runbook": "Call." })
        );
        assert_eq!((&all[0]["name"], &all[0]["enabled"]), (&json!("down"), &json!(false)));
    }
}
