use std::collections::BTreeSet;

use mainstay_model::{ChannelName, Landscape, Manner, PersonName, Recipient, Route, Schedule};

use crate::operator::on_call::called;
use crate::operator::words::matching;

/// What leads to a channel: routes, escalations and the fallback, each as a clause, in the order of the configuration.
pub(super) fn used_by(name: &ChannelName, landscape: &Landscape) -> Vec<String> {
    let leads = Leads { name, landscape };
    let mut places = Vec::new();
    leads.routes(&landscape.routes, "", &mut places);
    for (policy, escalation) in &landscape.escalations {
        for (place, step) in escalation.steps.iter().enumerate() {
            let clause = |who: String| format!("step {} of {policy}{who}", place + 1);
            places.extend(leads.to(&step.to).map(clause));
        }
    }
    places.extend(leads.to(&landscape.fallback).map(|who| format!("the fallback{who}")));
    places
}

struct Leads<'a> {
    name: &'a ChannelName,
    landscape: &'a Landscape,
}

impl Leads<'_> {
    /// Routes are counted from 1, and finer ones below them: `2.1`.
    fn routes(&self, routes: &[Route], above: &str, places: &mut Vec<String>) {
        for (place, route) in routes.iter().enumerate() {
            let number = format!("{above}{}", place + 1);
            let daily = if route.manner == Manner::Digest { ", once a day" } else { "" };
            let what = matching(&route.when, self.landscape);
            let clause = |who: String| format!("route {number} ({what}{daily}){who}");
            places.extend(self.to(&route.to).map(clause));
            self.routes(&route.routes, &format!("{number}."), places);
        }
    }

    /// For whom the channel is used among those recipients: nothing more where it is named itself; `None` where it is not used.
    fn to(&self, recipients: &[Recipient]) -> Option<String> {
        let mut found = recipients.iter().filter_map(|one| self.as_whom(one));
        let first = found.next()?;
        Some(if found.any(|one| one.is_empty()) { String::new() } else { first })
    }

    fn as_whom(&self, recipient: &Recipient) -> Option<String> {
        match recipient {
            Recipient::Channel(channel) => (channel == self.name).then(String::new),
            Recipient::Person(person) => {
                self.is_of(person).then(|| format!(" for {}", called(self.landscape, person.as_str())))
            }
            Recipient::Schedule(schedule) => {
                let schedule = self.landscape.schedules.get(schedule)?;
                let people = people(schedule).filter(|person| self.is_of(person));
                let who: Vec<String> = people.map(|person| called(self.landscape, person.as_str())).collect();
                (!who.is_empty())
                    .then(|| format!(" while {} is on call for {}", who.join(" or "), schedule.title))
            }
        }
    }

    fn is_of(&self, person: &PersonName) -> bool {
        self.landscape.people.get(person).is_some_and(|person| person.channels.contains(self.name))
    }
}

/// Everybody who may be on call, each once.
fn people(schedule: &Schedule) -> impl Iterator<Item = &PersonName> {
    let layers = schedule.layers.iter().flat_map(|layer| &layer.people);
    let all: BTreeSet<_> = layers.chain(schedule.overrides.iter().map(|one| &one.person)).collect();
    all.into_iter()
}

#[cfg(test)]
mod tests {
    use mainstay_model::{Escalation, Layer, Match, Person, Severity, Step};

    use super::*;

    fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn landscape() -> Landscape {
        let mut landscape = Landscape::default();
        let anna = Person { title: "Anna".into(), channels: vec![name("anna-mail")], timezone: None };
        landscape.people.insert(name("anna"), anna);
        let layer = Layer {
            people: vec![name("anna")],
            rotation: "weekly".parse().unwrap(),
            start: "2026-01-05T09:00".parse().unwrap(),
            restriction: None,
        };
        let schedule = Schedule {
            title: "Platform".into(),
            timezone: jiff::tz::TimeZone::UTC,
            layers: vec![layer],
            overrides: vec![],
        };
        landscape.schedules.insert(name("platform"), schedule);
        let page = Match { severity: vec![Severity::Page], ..Match::default() };
        let finer = Route { when: page, to: vec![Recipient::Person(name("anna"))], ..Route::default() };
        let to = vec![Recipient::Channel(name("ops"))];
        landscape.routes =
            vec![Route { to, manner: Manner::Digest, routes: vec![finer], ..Route::default() }];
        let step = Step { to: vec![Recipient::Schedule(name("platform"))], wait: Default::default() };
        let policy = Escalation { steps: vec![step], repeat: 0, during: None };
        landscape.escalations.insert(name("team"), policy);
        landscape.fallback = vec![Recipient::Channel(name("ops"))];
        landscape
    }

    #[test]
    fn whatever_leads_to_a_channel_is_named() {
        let used = |channel: &str| used_by(&name(channel), &landscape());
        assert_eq!(used("ops"), ["route 1 (everything, once a day)", "the fallback"]);
        assert_eq!(
            used("anna-mail"),
            ["route 1.1 (severity page) for Anna", "step 1 of team while Anna is on call for Platform"]
        );
        assert!(used("another").is_empty());
    }
}
