//! Rules of one's own, and what is changed about the built-in ones.

use std::time::Duration;

use mainstay_model as model;
use mainstay_model::{RuleKey, RuleName, Severity, nearest};

use super::mask::quoted;
use super::reader::Reader;
use super::sections::{Root, Rule};
use super::shape::Named;
use super::source::Span;

/// What cannot be: a rule without a condition, a condition for a built-in rule, a guard of Mainstay's own that is switched off.
pub(super) fn errors(root: &Root, reader: &mut Reader<'_>) {
    for named in root.rules.iter().flatten() {
        let Some(rule) = &named.value else { continue };
        match key(&named.name) {
            RuleKey::BuiltIn(built_in) => built_in_errors(built_in, rule, reader),
            RuleKey::Own(name) if rule.when.is_none() => without_condition(&name, named.span, reader),
            RuleKey::Own(_) => {}
        }
    }
}

/// What is silent from now on.
pub(super) fn advice(root: &Root, reader: &mut Reader<'_>) {
    for named in root.rules.iter().flatten() {
        let enabled = named.value.as_ref().and_then(|rule| rule.enabled.as_ref());
        let Some(off) = enabled.filter(|enabled| !enabled.value) else { continue };
        if let RuleKey::BuiltIn(rule) = key(&named.name)
            && rule.is_about_dependencies()
        {
            let message =
                format!("the built-in rule {rule} is switched off: nobody is told {}", silent(rule));
            reader.warning(off.span, message, "remove the line to be told again");
        }
    }
}

/// What the landscape has of them.
pub(super) fn build(named: Vec<Named<RuleName, Rule>>) -> Option<model::Rules> {
    let mut rules = model::Rules::default();
    for Named { name, value, .. } in named {
        let rule = value?;
        match key(&name) {
            RuleKey::BuiltIn(built_in) => drop(rules.built_in.insert(built_in, changed(rule)?)),
            RuleKey::Own(name) => drop(rules.own.insert(name, own(rule)?)),
        }
    }
    Some(rules)
}

fn key(name: &RuleName) -> RuleKey {
    let built_in = name.as_str().parse().map(RuleKey::BuiltIn);
    built_in.unwrap_or_else(|()| RuleKey::Own(name.clone()))
}

fn own(rule: Rule) -> Option<model::OwnRule> {
    Some(model::OwnRule {
        when: rule.when??.value,
        severity: rule.severity.map_or(Severity::Warn, |severity| severity.value),
        message: rule.message.map(|message| message.value),
        runbook: rule.runbook,
        hold_for: rule.r#for.map_or(Duration::ZERO, |length| length.value),
        enabled: rule.enabled?.value,
    })
}

fn changed(rule: Rule) -> Option<model::BuiltInRule> {
    let severity = rule.severity.map(|severity| severity.value);
    Some(model::BuiltInRule { enabled: rule.enabled?.value, severity, runbook: rule.runbook })
}

fn without_condition(name: &RuleName, span: Span, reader: &mut Reader<'_>) {
    let message = format!("the rule {} has no `when`", quoted(name.as_str()));
    let built_in = model::Rule::ALL.iter().map(|rule| rule.as_str());
    let hint = match nearest(name.as_str(), built_in) {
        Some(near) => format!("did you mean the built-in rule `{near}`? one of your own needs a condition"),
        None => "add for example `when: tls.days_left < 20`".to_owned(),
    };
    reader.error(span, message, hint);
}

fn built_in_errors(built_in: model::Rule, rule: &Rule, reader: &mut Reader<'_>) {
    let conditions = [
        ("when", rule.when.iter().flatten().next().map(|when| when.span)),
        ("message", rule.message.as_ref().map(|message| message.span)),
        ("for", rule.r#for.as_ref().map(|length| length.span)),
    ];
    for (key, span) in conditions {
        if let Some(span) = span {
            let message = format!("the rule {built_in} is built in, and its `{key}` cannot be changed");
            reader.error(span, message, "give a rule of your own another name");
        }
    }
    if let Some(enabled) = rule.enabled.as_ref().filter(|enabled| !enabled.value)
        && !built_in.is_about_dependencies()
    {
        let message = format!("the rule {built_in} cannot be switched off");
        reader.error(
            enabled.span,
            message,
            "it guards Mainstay itself: without it, silence would look like health",
        );
    }
    if let Some(severity) = &rule.severity
        && let Some(why) = fixed_severity(built_in)
    {
        reader.error(severity.span, format!("the severity of {built_in} cannot be changed"), why);
    }
}

/// Why a built-in rule's severity is not for the configuration to say.
fn fixed_severity(rule: model::Rule) -> Option<&'static str> {
    match rule {
        model::Rule::CertificateExpiring => Some(
            "it rises as the end comes nearer; a rule of your own over tls.days_left has the severity you give it",
        ),
        rule if !rule.is_about_dependencies() => Some("it guards Mainstay itself"),
        _ => None,
    }
}

/// What nobody hears of while a rule is switched off.
fn silent(rule: model::Rule) -> &'static str {
    use model::Rule::*;
    match rule {
        Down => "when a dependency is down",
        Degraded => "when some addresses of a dependency are down",
        CertificateExpiring => "when a certificate comes near its end",
        RenewalOverdue => "when a certificate should have been renewed",
        ChainProblem => "when strict clients would refuse a chain",
        AddressesDiffer => "when addresses serve different certificates",
        TooSlow => "when a dependency is slow",
        Stale => "when a dependency is not checked",
        Flapping => "when a dependency keeps changing between good and bad",
        Offline | ConfigurationRefused | ChannelFailing | NobodyReached | StoreFailing | ScheduleGap
        | CoverageHole => "when Mainstay itself is in trouble",
    }
}

#[cfg(test)]
mod tests;
