use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{State, WaiverRefusal};
use mainstay_model::{DependencyName, HumanDuration, Incident, Rule, Subject, Waiver, WaiverId};

use crate::operator::context::Context;
use crate::show::clock_time;

/// As many dependencies of an incident are looked at; of a larger one each has its own page and `mainstay waive`.
const MOST: usize = 5;

/// The lengths that a form offers beside the usual and the longest one.
const HOURS: [u64; 6] = [1, 2, 4, 8, 12, 24];

/// What an incident's page offers about waivers.
#[derive(Default)]
pub(in crate::operator) struct Offers {
    /// Those that can be asked for now.
    pub(in crate::operator) possible: Vec<Possible>,
    /// Those that wait for a second person.
    pub(in crate::operator) asked: Vec<Asked>,
    /// Why there is none, a sentence for each dependency.
    pub(in crate::operator) refused: Vec<String>,
    /// How many more dependencies were not looked at.
    pub(in crate::operator) more: usize,
    /// Whether people have to say who they are, as somebody else has to agree.
    pub(in crate::operator) second_person: bool,
}

/// A waiver that can be asked for.
pub(in crate::operator) struct Possible {
    pub(in crate::operator) dependency: DependencyName,
    pub(in crate::operator) evidence: Vec<String>,
    pub(in crate::operator) risks: Vec<String>,
    pub(in crate::operator) lengths: Vec<Length>,
    /// Whether one is in force that it would take the place of.
    pub(in crate::operator) extends: bool,
    /// Whether a relay stands in front of it, which would go by it.
    pub(in crate::operator) relayed: bool,
}

/// A length that can be chosen.
pub(in crate::operator) struct Length {
    pub(in crate::operator) value: HumanDuration,
    pub(in crate::operator) until: String,
    pub(in crate::operator) usual: bool,
}

/// A waiver that waits to be granted.
pub(in crate::operator) struct Asked {
    pub(in crate::operator) id: WaiverId,
    pub(in crate::operator) dependency: DependencyName,
    pub(in crate::operator) by: String,
    pub(in crate::operator) reason: String,
    pub(in crate::operator) lasts: HumanDuration,
    /// What is known now.
    pub(in crate::operator) evidence: Vec<String>,
    pub(in crate::operator) risks: Vec<String>,
    /// Why it could not be granted now.
    pub(in crate::operator) refused: Option<String>,
}

impl Offers {
    /// What can be waived of an open incident's dependencies that are down.
    pub(in crate::operator) fn of(context: &Context, incident: &Incident, now: Timestamp) -> Offers {
        if !incident.is_open() || incident.is_drill() {
            return Offers::default();
        }
        let down: BTreeSet<_> = incident.alerts.values().filter_map(down).collect();
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        let mut offers = Offers {
            more: down.len().saturating_sub(MOST),
            second_person: state.landscape().waivers.second_person,
            ..Offers::default()
        };
        for name in down.into_iter().take(MOST) {
            match state.waiver_asked_for(name) {
                Some(waiver) => offers.asked.push(Asked::of(waiver, &state, now)),
                None => match Possible::of(name, &state, now) {
                    Ok(possible) => offers.possible.push(possible),
                    Err(refusal) => offers.refused.push(refusal.to_string()),
                },
            }
        }
        offers
    }

    /// Whether something can be done that is not done yet.
    pub(in crate::operator) fn is_news(&self) -> bool {
        !self.asked.is_empty() || self.possible.iter().any(|one| !one.extends)
    }

    /// Whether there is nothing to be said.
    pub(in crate::operator) fn is_empty(&self) -> bool {
        self.possible.is_empty() && self.asked.is_empty() && self.refused.is_empty()
    }
}

impl Asked {
    fn of(waiver: &Waiver, state: &State, now: Timestamp) -> Asked {
        let (evidence, refused) = match state.waiver_grounds(&waiver.dependency, now) {
            Ok(grounds) => (grounds.evidence, None),
            Err(refusal) => (waiver.evidence.clone(), Some(refusal.to_string())),
        };
        Asked {
            id: waiver.id,
            dependency: waiver.dependency.clone(),
            by: waiver.requested.by.clone(),
            reason: waiver.reason.clone(),
            lasts: waiver.lasts,
            evidence,
            risks: state.waiver_risks(&waiver.dependency, waiver.lasts.0, now),
            refused,
        }
    }
}

impl Possible {
    fn of(name: &DependencyName, state: &State, now: Timestamp) -> Result<Possible, WaiverRefusal> {
        let grounds = state.waiver_grounds(name, now)?;
        let longest = state.longest_waiver();
        let usual = state.landscape().waivers.usual.min(longest);
        Ok(Possible {
            dependency: name.clone(),
            evidence: grounds.evidence,
            risks: state.waiver_risks(name, usual, now),
            lengths: lengths(usual, longest, now),
            extends: state.waiver_in_force(name, now).is_some(),
            relayed: state.landscape().dependencies.get(name).is_some_and(|one| one.relay.is_some()),
        })
    }
}

fn down(alert: &mainstay_model::Alert) -> Option<&DependencyName> {
    match &alert.key.subject {
        Subject::Dependency(name) if alert.key.rule == Rule::Down => Some(name),
        _ => None,
    }
}

fn lengths(usual: Duration, longest: Duration, now: Timestamp) -> Vec<Length> {
    let hours = HOURS.map(|hours| Duration::from_secs(hours * 3_600));
    let all: BTreeSet<Duration> =
        hours.into_iter().chain([usual, longest]).filter(|one| *one <= longest).collect();
    let length = |one: Duration| {
        let until = now.saturating_add(SignedDuration::try_from(one).unwrap_or_default()).unwrap_or(now);
        Length { value: HumanDuration(one), until: clock_time(until, now), usual: one == usual }
    };
    all.into_iter().map(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_length_is_offered_that_would_be_refused() {
        let now = "2026-11-22T22:41:00Z".parse().unwrap();
        let hours = |count: u64| Duration::from_secs(count * 3_600);
        let offered = lengths(hours(3), hours(5), now);
        let shown: Vec<String> =
            offered.iter().map(|one| format!("{} {} {}", one.value, one.until, one.usual)).collect();
        assert_eq!(
            shown,
            [
                "1h 23:41 UTC false",
                "2h 00:41 UTC on 23 Nov false",
                "3h 01:41 UTC on 23 Nov true",
                "4h 02:41 UTC on 23 Nov false",
                "5h 03:41 UTC on 23 Nov false",
            ]
        );
    }
}
