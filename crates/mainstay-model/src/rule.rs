use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{NameError, Rule, RuleName, Runbook, Severity};

/// Which condition an alert is about: a built-in one, or one that the configuration defines.
///
/// In text and JSON it is the one word. No rule of one's own has the name of a built-in one, so the word says which it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleKey {
    /// One that Mainstay brings along.
    BuiltIn(Rule),
    /// One of the section `rules` of the configuration.
    Own(RuleName),
}

impl RuleKey {
    /// The word used in JSON, metrics and documentation.
    pub fn as_str(&self) -> &str {
        match self {
            RuleKey::BuiltIn(rule) => rule.as_str(),
            RuleKey::Own(name) => name.as_str(),
        }
    }

    /// The built-in condition, where it is one.
    pub fn built_in(&self) -> Option<Rule> {
        match self {
            RuleKey::BuiltIn(rule) => Some(*rule),
            RuleKey::Own(_) => None,
        }
    }
}

impl From<Rule> for RuleKey {
    fn from(rule: Rule) -> RuleKey {
        RuleKey::BuiltIn(rule)
    }
}

impl PartialEq<Rule> for RuleKey {
    fn eq(&self, rule: &Rule) -> bool {
        self.built_in() == Some(*rule)
    }
}

impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RuleKey {
    type Err = NameError;

    fn from_str(text: &str) -> Result<RuleKey, NameError> {
        match text.parse() {
            Ok(rule) => Ok(RuleKey::BuiltIn(rule)),
            Err(()) => text.parse().map(RuleKey::Own),
        }
    }
}

impl Serialize for RuleKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RuleKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RuleKey, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// What the configuration says about rules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// Those of one's own, the ones that are switched off included.
    pub own: BTreeMap<RuleName, OwnRule>,
    /// The built-in ones of which anything is said.
    pub built_in: BTreeMap<Rule, BuiltInRule>,
}

/// A rule of one's own: while its condition holds for a dependency, there is an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnRule {
    /// The condition, in the subset of CEL that the engine compiles.
    pub when: String,
    /// How urgent its alerts are.
    pub severity: Severity,
    /// What its alerts say, with facts in braces. Absent: that the rule holds.
    pub message: Option<String>,
    /// What to do.
    pub runbook: Option<Runbook>,
    /// How long the condition has to hold before it is told.
    pub hold_for: Duration,
    /// Whether it is judged at all.
    pub enabled: bool,
}

/// What is changed about a built-in rule.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltInRule {
    /// Whether it is judged at all.
    pub enabled: bool,
    /// How urgent its alerts are. Absent: as the rule itself says.
    pub severity: Option<Severity>,
    /// What to do.
    pub runbook: Option<Runbook>,
}

impl Rules {
    /// Whether a rule is judged: the built-in ones are unless they are switched off, those of one's own if they are there.
    pub fn is_enabled(&self, rule: &RuleKey) -> bool {
        match rule {
            RuleKey::BuiltIn(rule) => self.built_in.get(rule).is_none_or(|rule| rule.enabled),
            RuleKey::Own(name) => self.own.get(name).is_some_and(|rule| rule.enabled),
        }
    }

    /// The severity that a built-in rule's alerts are given instead of its own.
    pub fn severity_of(&self, rule: Rule) -> Option<Severity> {
        self.built_in.get(&rule)?.severity
    }

    /// What to do about a rule's alerts.
    pub fn runbook(&self, rule: &RuleKey) -> Option<&Runbook> {
        match rule {
            RuleKey::BuiltIn(rule) => self.built_in.get(rule)?.runbook.as_ref(),
            RuleKey::Own(name) => self.own.get(name)?.runbook.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AlertKey;

    #[test]
    fn keys_are_one_word_in_json_and_in_text() {
        for (json, rule) in [
            (r#"{"subject":{"dependency":"orders-db"},"rule":"down"}"#, RuleKey::BuiltIn(Rule::Down)),
            (
                r#"{"subject":{"dependency":"orders-db"},"rule":"old-tls"}"#,
                RuleKey::Own("old-tls".parse().unwrap()),
            ),
        ] {
            let key: AlertKey = serde_json::from_str(json).unwrap();
            assert_eq!(key.rule, rule);
            assert_eq!(serde_json::to_string(&key).unwrap(), json);
            assert_eq!(key.to_string(), format!("orders-db/{rule}"));
        }
        assert!(serde_json::from_str::<RuleKey>("\"not a name\"").is_err());
        let down = RuleKey::BuiltIn(Rule::Down);
        assert!(down == Rule::Down && down != Rule::Stale);
    }

    #[test]
    fn what_is_not_mentioned_is_as_built() {
        let mut rules = Rules::default();
        assert!(rules.is_enabled(&Rule::Down.into()));
        assert!(!rules.is_enabled(&RuleKey::Own("old-tls".parse().unwrap())));
        let off = BuiltInRule { enabled: false, severity: None, runbook: Some("Call.".parse().unwrap()) };
        rules.built_in.insert(Rule::Down, off);
        assert!(!rules.is_enabled(&Rule::Down.into()));
        assert_eq!(rules.runbook(&Rule::Down.into()).map(Runbook::as_str), Some("Call."));
        assert_eq!(rules.severity_of(Rule::Down), None);
    }
}
