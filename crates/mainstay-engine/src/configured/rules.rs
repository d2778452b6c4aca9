//! What a new configuration means for the rules.

use mainstay_model::{Alert, DependencyName, EntryKind, Landscape, Rule, RuleKey};

use crate::expr::Answer;
use crate::rules::{self, Known};
use crate::turn::{About, Turn};

impl Turn<'_> {
    /// Compiles the rules of one's own. The configuration was checked, so all of them can be read; if one could not, the history would
    /// say so, because a rule that is not judged is silent.
    pub(super) fn take_rules(&mut self, before: &Landscape, landscape: &Landscape) {
        if before.rules.own == landscape.rules.own {
            return;
        }
        let (own, unreadable) = rules::compile(&landscape.rules);
        self.state.own = own.into();
        for (name, why) in unreadable {
            let text = format!("The rule {name} is not judged: {why}.");
            self.write(EntryKind::Mainstay, About::default(), text);
        }
    }

    /// Ends the alerts of rules that are no longer judged, each with the reason: that says nothing about the dependency.
    pub(super) fn end_rules(&mut self, before: &Landscape) {
        for name in self.state.dependencies.keys().cloned().collect::<Vec<_>>() {
            while let Some((alert, why)) = self.first_to_end(&name, before) {
                let rule = &alert.key.rule;
                let sentence = format!("What the rule {rule} said of {name} no longer stands: {why}.");
                self.ended_saying(&alert.key, sentence);
                if let Some(state) = self.dependency_mut(&name) {
                    state.alerts.retain(|one| one.key != alert.key);
                }
                self.keep(&name);
            }
        }
    }

    fn first_to_end(&self, name: &DependencyName, before: &Landscape) -> Option<(Alert, &'static str)> {
        let state = self.state.dependencies.get(name)?;
        state.alerts.iter().find_map(|alert| Some((alert.clone(), self.reason_to_end(name, alert, before)?)))
    }

    fn reason_to_end(
        &self,
        name: &DependencyName,
        alert: &Alert,
        before: &Landscape,
    ) -> Option<&'static str> {
        let rules = &self.state.landscape.rules;
        let key = &alert.key.rule;
        match key {
            RuleKey::Own(own) if !rules.own.contains_key(own) => {
                Some("it was removed from the configuration")
            }
            _ if !rules.is_enabled(key) => Some("it was switched off"),
            RuleKey::Own(own) => {
                let condition =
                    |landscape: &Landscape| landscape.rules.own.get(own).map(|rule| rule.when.clone());
                let changed =
                    condition(before).is_some_and(|old| Some(old) != condition(&self.state.landscape));
                // What the old condition said must not stand for what the new one cannot tell.
                let untold = changed && !self.is_told(name, key);
                untold.then_some("its condition was changed")
            }
            RuleKey::BuiltIn(_) => None,
        }
    }

    fn is_told(&self, name: &DependencyName, key: &RuleKey) -> bool {
        let own = self.state.own.iter().find(|own| own.key() == *key);
        let (Some(dependency), Some(state), Some(own)) =
            (self.state.landscape.dependencies.get(name), self.state.dependencies.get(name), own)
        else {
            return false;
        };
        let known = Known { dependency, state, verdict: state.verdict, now: self.now };
        !matches!(own.program.judge(&known), Answer::Untold(_))
    }

    /// Whether an alert rests on what was learned of one server.
    pub(super) fn is_of_the_endpoint(&self, key: &RuleKey) -> bool {
        use Rule::*;
        match key {
            RuleKey::BuiltIn(rule) => {
                matches!(
                    rule,
                    CertificateExpiring | RenewalOverdue | ChainProblem | AddressesDiffer | TooSlow
                )
            }
            RuleKey::Own(_) => {
                self.state.own.iter().any(|own| own.key() == *key && own.program.is_of_the_endpoint())
            }
        }
    }

    /// The rules that are silent from now on, a sentence each.
    pub(super) fn switched_off(&self, before: &Landscape) -> Vec<String> {
        let rules = &self.state.landscape.rules;
        let built_in = Rule::ALL.iter().map(|rule| RuleKey::from(*rule));
        let own = before.rules.own.keys().cloned().map(RuleKey::Own);
        let off = built_in.chain(own).filter(|key| before.rules.is_enabled(key) && !rules.is_enabled(key));
        off.map(|key| format!("The rule {key} is no longer judged.")).collect()
    }
}
