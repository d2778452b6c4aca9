use std::io;
use std::path::Path;

use super::super::{Loaded, Problems, Surroundings, parse};
use super::*;

fn load(rules: &str) -> Result<Loaded, Problems> {
    let text = format!("dependencies: {{ db: {{ url: tls://db.example.com }} }}\nrules:\n{rules}\n");
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let env = |name: &str| (name == "DAYS").then(|| "20".to_owned());
    parse(&text, &Surroundings { file: Path::new("mainstay.yaml"), env: &env, read: &read })
}

/// What is said about the first problem: the marked characters, the message and the hint.
fn first(rules: &str) -> String {
    let problems = match load(rules) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems.0,
    };
    let about_rules = |problem: &&super::super::Problem| problem.at.as_ref().is_some_and(|at| at.line > 2);
    let problem = problems.iter().find(about_rules).unwrap_or_else(|| panic!("a problem: {problems:?}"));
    let at = problem.at.as_ref().unwrap();
    let marked: String = at.text.chars().skip(at.marked.start).take(at.marked.len()).collect();
    format!(
        "{}:{} `{marked}` {} / {}",
        at.line,
        at.column,
        problem.message,
        problem.hint.clone().unwrap_or_default()
    )
}

#[track_caller]
fn says(rules: &str, expected: &str) {
    assert_eq!(first(rules), expected, "{rules}");
}

#[test]
fn faults_are_shown_at_their_characters_in_every_style_of_yaml() {
    let unknown = "there is no fact `tls.dys_left` / did you mean `tls.days_left`?";
    says("  soon: { when: tls.dys_left < 20 }", &format!("3:17 `tls.dys_left` {unknown}"));
    says("  soon:\n    when: hour > 3 && tls.dys_left < 20 # x", &format!("4:23 `tls.dys_left` {unknown}"));
    says(
        "  soon:\n    when: \"verdict != \\\"é\\\" && tls.dys_left < 20\"",
        "4:23 `\\\"é\\\"` verdict is never \"é\" / known are healthy, degraded, down, inconclusive",
    );
    says(
        "  soon:\n    when: 'verdict == ''down'' && tls.dys_left < 2'",
        &format!("4:35 `tls.dys_left` {unknown}"),
    );
    says(
        "  soon:\n    when: |\n      hour > 3\n        && tls.dys_left < 20\n",
        &format!("6:12 `tls.dys_left` {unknown}"),
    );
    says(
        "  soon:\n    when: >-\n      hour > 3 &&\n      tls.dys_left < 20\n",
        &format!("6:7 `tls.dys_left` {unknown}"),
    );
    says("  soon:\n    when: hour > 3 &&\n      tls.dys_left < 20", &format!("5:7 `tls.dys_left` {unknown}"));
    says(
        "  soon: { when: hour > 3, message: \"in {tls.dys_left} days\" }",
        &format!("3:41 `tls.dys_left` {unknown}"),
    );
    says(
        "  soon: { when: \"verdict == \\x22d\\x22 && hour > 3\" }",
        "3:17 `\"verdict == \\x22d\\x22 && hour > 3\"` verdict is never \"d\" / known are healthy, degraded, down, inconclusive",
    );
}

#[test]
fn all_faults_of_a_condition_are_told() {
    let problems = load("  soon: { when: \"tls.dys_left < 20 || hour || verdict == 'dwn'\" }").unwrap_err();
    assert_eq!(problems.0.len(), 3, "{problems}");
}

#[test]
fn what_a_rule_needs_and_what_a_built_in_one_refuses() {
    says(
        "  soon: { severity: high }",
        "3:3 `soon` the rule `soon` has no `when` / add for example `when: tls.days_left < 20`",
    );
    says(
        "  dwn: { enabled: false }",
        "3:3 `dwn` the rule `dwn` has no `when` / did you mean the built-in rule `down`? one of your own needs a condition",
    );
    says(
        "  down: { when: hour > 3 }",
        "3:17 `hour > 3` the rule down is built in, and its `when` cannot be changed / give a rule of your own another name",
    );
    says(
        "  down: { for: 5m }",
        "3:16 `5m` the rule down is built in, and its `for` cannot be changed / give a rule of your own another name",
    );
    says(
        "  offline: { enabled: false }",
        "3:23 `false` the rule offline cannot be switched off / it guards Mainstay itself: without it, silence would look like health",
    );
    says(
        "  certificate-expiring: { severity: page }",
        "3:37 `page` the severity of certificate-expiring cannot be changed / it rises as the end comes nearer; a rule of your own over tls.days_left has the severity you give it",
    );
    says(
        "  soon: { when: 'tls.days_left < ${DAYS}' }",
        "3:17 `'tls.days_left < ${DAYS}'` `when` cannot hold variables / write it out: what is wrong with it is shown with its text, and what a variable holds never is",
    );
    says("  soon: { when: '' }", "3:17 `''` `when` is empty / write a condition, or remove the line");
}

#[test]
fn switching_a_built_in_rule_off_is_a_warning() {
    says(
        "  down: { enabled: false }",
        "3:20 `false` the built-in rule down is switched off: nobody is told when a dependency is down / remove the line to be told again",
    );
    assert!(load("  down: { enabled: false }").is_ok());
}

#[test]
fn the_configurations_of_the_page_can_be_loaded() {
    let page = include_str!("../../../../../docs/rules.md");
    let blocks: Vec<_> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let rules = block.strip_prefix("rules:\n").unwrap();
        load(rules).unwrap_or_else(|problems| panic!("{block}: {problems}"));
    }
}

#[test]
fn a_placeholder_in_a_runbook_stands_for_something() {
    let problems = load("  old-tls: { when: hour > 3, runbook: \"Call {{provider.contact}}\" }").unwrap_err();
    assert!(problems.to_string().contains("{{provider.contacts}}?"), "{problems}");
}

#[test]
fn what_the_landscape_has() {
    let loaded = load(
        "  old-tls:\n    when: tls.version == 'TLSv1.2'\n    severity: high\n    message: '{tls.version}'\n    runbook: https://wiki.example.com\n    for: 10m\n  quiet: { when: hour > 3, enabled: false }\n  too-slow: { severity: high, runbook: Look. }",
    );
    let rules = loaded.unwrap_or_else(|problems| panic!("{problems}")).landscape.rules;
    let old = rules.own.get("old-tls").unwrap();
    assert_eq!((old.severity, old.hold_for, old.enabled), (Severity::High, Duration::from_secs(600), true));
    assert_eq!(old.when, "tls.version == 'TLSv1.2'");
    let quiet = rules.own.get("quiet").unwrap();
    assert_eq!((quiet.severity, quiet.hold_for, quiet.enabled), (Severity::Warn, Duration::ZERO, false));
    let slow = &rules.built_in[&model::Rule::TooSlow];
    let runbook = slow.runbook.as_ref().map(model::Runbook::as_str);
    assert_eq!((slow.severity, runbook), (Some(Severity::High), Some("Look.")));
}
