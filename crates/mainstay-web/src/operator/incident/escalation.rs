use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Escalating, Escalation, EscalationName, Incident, Landscape, PersonName, Progress, Recipient,
    ScheduleName, Step,
};

use crate::show::clock_time;

/// Who is on call by a schedule now.
pub(super) type OnCall<'a> = &'a dyn Fn(&ScheduleName) -> Option<PersonName>;

/// How far each escalation of an incident has come, a sentence or two each.
pub(super) fn sentences(
    incident: &Incident,
    landscape: &Landscape,
    on_call: OnCall<'_>,
    now: Timestamp,
) -> Vec<String> {
    let known = incident.escalations.iter().filter_map(|(name, one)| {
        let policy = landscape.escalations.get(name)?;
        let assignee = incident.room.assignee.as_ref();
        Some(Telling { name, policy, landscape, on_call, assignee, now }.sentence(one))
    });
    known.collect()
}

struct Telling<'a> {
    name: &'a EscalationName,
    policy: &'a Escalation,
    landscape: &'a Landscape,
    on_call: OnCall<'a>,
    /// To whom the incident was handed.
    assignee: Option<&'a PersonName>,
    now: Timestamp,
}

impl Telling<'_> {
    fn sentence(&self, escalating: &Escalating) -> String {
        let name = self.name;
        match &escalating.progress {
            Progress::Exhausted { at } => {
                let at = clock_time(*at, self.now);
                format!(
                    "All of {name} was told, and nobody took it up until {at}. Then the fallback was told."
                )
            }
            Progress::Waiting { until, under_way, arrived, accepted } => {
                match self.latest(escalating.taken) {
                    None if *until > self.now => {
                        let at = clock_time(*until, self.now);
                        // Messages before the first step are those to whom it was handed.
                        match self.assignee.filter(|_| !(under_way.is_empty() && accepted.is_empty())) {
                            Some(who) => {
                                format!(
                                    "{} has until {at} to take it up, then {name} begins anew.",
                                    self.title(who)
                                )
                            }
                            None => format!("{name} waits for its hours, which begin at {at}."),
                        }
                    }
                    None => format!("{name} is about to be told."),
                    Some(step) => {
                        let arrived = *arrived || under_way.is_empty();
                        self.waiting(escalating, step, *until, arrived)
                    }
                }
            }
        }
    }

    fn waiting(&self, escalating: &Escalating, step: &Step, until: Timestamp, arrived: bool) -> String {
        let (name, number) = (self.name, escalating.taken);
        let who = self.names(&step.to);
        let have = if step.to.len() == 1 { "has" } else { "have" };
        let told_at =
            until.saturating_sub(SignedDuration::try_from(step.wait).unwrap_or_default()).unwrap_or(until);
        let told = clock_time(told_at, self.now);
        let doubt = if arrived { "" } else { " It is not known yet whether that arrived." };
        let deadline = clock_time(until, self.now);
        let then = self.after(escalating);
        format!(
            "Step {number} of {name} was told at {told}; {who} {have} until {deadline}, then {then}.{doubt}"
        )
    }

    /// The step that was told last; none before the first.
    fn latest(&self, taken: u32) -> Option<&Step> {
        self.policy.steps.get(usize::try_from(taken).ok()?.checked_sub(1)?)
    }

    fn after(&self, escalating: &Escalating) -> String {
        let next = usize::try_from(escalating.taken).ok().and_then(|place| self.policy.steps.get(place));
        match next {
            Some(step) => self.names(&step.to),
            None if escalating.rounds < self.policy.repeat => "it begins again".into(),
            None => "the fallback".into(),
        }
    }

    fn names(&self, to: &[Recipient]) -> String {
        to.iter().map(|one| self.named(one)).collect::<Vec<_>>().join(" and ")
    }

    fn named(&self, recipient: &Recipient) -> String {
        match recipient {
            Recipient::Channel(name) => name.to_string(),
            Recipient::Person(name) => self.title(name),
            Recipient::Schedule(name) => match (self.on_call)(name) {
                Some(person) => format!("{} (on call in {name})", self.title(&person)),
                None => format!("nobody (nobody is on call in {name})"),
            },
        }
    }

    fn title(&self, name: &PersonName) -> String {
        self.landscape.people.get(name).map_or_else(|| name.to_string(), |person| person.title.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use mainstay_model::Person;

    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-22T{text}:00Z").parse().unwrap()
    }

    fn policy() -> Escalation {
        let step = |to: &str, minutes: u64| Step {
            to: vec![match to.strip_prefix('@') {
                Some(schedule) => Recipient::Schedule(schedule.parse().unwrap()),
                None => Recipient::Person(to.parse().unwrap()),
            }],
            wait: Duration::from_secs(minutes * 60),
        };
        Escalation {
            steps: vec![step("@platform", 5), step("ben", 10), step("@platform-second", 15)],
            repeat: 1,
            during: None,
        }
    }

    #[track_caller]
    fn check(escalating: Escalating, expected: &str) {
        check_handed(None, escalating, expected);
    }

    #[track_caller]
    fn check_handed(to: Option<&str>, escalating: Escalating, expected: &str) {
        let mut landscape = Landscape::default();
        let ben = Person { title: "Ben".into(), channels: vec![], timezone: None };
        landscape.people.insert("ben".parse().unwrap(), ben);
        let on_call: OnCall<'_> = &|name| (name.as_str() == "platform").then(|| "anna".parse().unwrap());
        let name = "database-team".parse().unwrap();
        let assignee = to.map(|to| to.parse().unwrap());
        let telling = Telling {
            name: &name,
            policy: &policy(),
            landscape: &landscape,
            on_call,
            assignee: assignee.as_ref(),
            now: at("03:15"),
        };
        assert_eq!(telling.sentence(&escalating), expected);
    }

    fn waiting(taken: u32, rounds: u32, until: &str, arrived: bool) -> Escalating {
        let random = &mut mainstay_model::Random::seeded(1);
        let under_way = BTreeSet::from([mainstay_model::DeliveryId::new(at("03:12"), random)]);
        Escalating {
            taken,
            rounds,
            progress: Progress::Waiting { until: at(until), under_way, arrived, accepted: BTreeSet::new() },
        }
    }

    #[test]
    fn each_place_in_a_policy_has_its_sentence() {
        check(
            waiting(2, 0, "03:22", true),
            "Step 2 of database-team was told at 03:12 UTC; Ben has until 03:22 UTC, then nobody (nobody is on call in \
             platform-second).",
        );
        check(
            waiting(1, 0, "03:17", false),
            "Step 1 of database-team was told at 03:12 UTC; anna (on call in platform) has until 03:17 UTC, then Ben. It is not \
             known yet whether that arrived.",
        );
        check(
            waiting(3, 0, "03:27", true),
            "Step 3 of database-team was told at 03:12 UTC; nobody (nobody is on call in platform-second) has until 03:27 UTC, \
             then it begins again.",
        );
        check(
            waiting(2, 1, "03:22", true),
            "Step 2 of database-team was told at 03:12 UTC; Ben has until 03:22 UTC, then nobody (nobody is on call in \
             platform-second).",
        );
        check(waiting(0, 0, "09:00", true), "database-team waits for its hours, which begin at 09:00 UTC.");
        check_handed(
            Some("ben"),
            waiting(0, 0, "03:20", true),
            "Ben has until 03:20 UTC to take it up, then database-team begins anew.",
        );
        check(
            Escalating { taken: 3, rounds: 1, progress: Progress::Exhausted { at: at("03:14") } },
            "All of database-team was told, and nobody took it up until 03:14 UTC. Then the fallback was told.",
        );
    }
}
