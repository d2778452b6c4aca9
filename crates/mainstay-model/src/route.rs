use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::{
    Blame, ChannelName, ComponentName, Criticality, Dependency, DependencyName, EscalationName, Failure,
    FailureKind, PersonName, ProviderName, Restriction, ScheduleName, Severity,
};

/// One way for messages to people: what it takes, and whom it leads to.
///
/// Routes are read in their order, and every one that matches is used, until one says that it is the last.
/// Below a route that matches, its own routes are read in the same way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Route {
    /// What takes it.
    pub when: Match,
    /// The hours in which it exists; absent: always.
    pub during: Option<Hours>,
    /// Who is told.
    pub to: Vec<Recipient>,
    /// Who is told after them, until somebody takes it up.
    pub escalate: Option<EscalationName>,
    /// How it is told.
    pub manner: Manner,
    /// Whether the routes after it, on its level and those above, are not read any more.
    pub is_last: bool,
    /// Finer ones below it.
    pub routes: Vec<Route>,
}

/// Hours of the day, on some days of the week, somewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Hours {
    /// Which hours on which days.
    pub restriction: Restriction,
    /// Whose wall clock.
    pub timezone: TimeZone,
}

/// When what is collected in a day is told.
#[derive(Debug, Clone, PartialEq)]
pub struct DigestTime {
    /// The time of day.
    pub at: Time,
    /// Whose wall clock.
    pub timezone: TimeZone,
}

impl Default for DigestTime {
    fn default() -> Self {
        DigestTime { at: Time::constant(9, 0, 0, 0), timezone: TimeZone::UTC }
    }
}

/// How what takes a route is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// At once.
    #[default]
    AtOnce,
    /// Once a day, collected.
    Digest,
    /// Not at all. Routes after it are not read.
    Mute,
}

/// Somebody or something that a message goes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// A channel itself.
    Channel(ChannelName),
    /// A person, by each of their channels.
    Person(PersonName),
    /// Whoever is on call at that moment.
    Schedule(ScheduleName),
}

/// Conditions on an alert or an incident; all of those that say something must hold, an empty list says nothing.
///
/// The conditions on a dependency must hold for one and the same dependency.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Match {
    /// How urgent.
    pub severity: Vec<Severity>,
    /// Whose dependency.
    pub provider: Vec<ProviderName>,
    /// Which dependency.
    pub dependency: Vec<DependencyName>,
    /// Which component uses it.
    pub component: Vec<ComponentName>,
    /// How much depends on it.
    pub criticality: Vec<Criticality>,
    /// Tags, of which the dependency has at least one.
    pub tags: Vec<String>,
    /// What went wrong.
    pub failure: Vec<FailureKind>,
    /// Who is at fault.
    pub blame: Vec<Blame>,
}

impl Match {
    /// Whether everything matches.
    pub fn is_empty(&self) -> bool {
        self == &Match::default()
    }

    /// Whether it says anything about dependencies; what is about none, such as a channel that fails, then never matches.
    pub fn is_about_dependencies(&self) -> bool {
        let Match { provider, dependency, component, criticality, tags, .. } = self;
        !(provider.is_empty()
            && dependency.is_empty()
            && component.is_empty()
            && criticality.is_empty()
            && tags.is_empty())
    }

    /// Whether trouble of this severity and failure with these dependencies matches.
    ///
    /// `providers` are all that it is about, those of which it names no dependency among them: conditions on a provider alone take them.
    pub fn takes<'a>(
        &self,
        severity: Severity,
        failure: Option<&Failure>,
        mut dependencies: impl Iterator<Item = &'a Dependency>,
        providers: &[ProviderName],
    ) -> bool {
        let failed_so = |one: &Failure| fits(&self.failure, &one.kind) && fits(&self.blame, &one.blame);
        let any_failure = self.failure.is_empty() && self.blame.is_empty();
        fits(&self.severity, &severity)
            && (any_failure || failure.is_some_and(failed_so))
            && (!self.is_about_dependencies()
                || dependencies.any(|one| self.takes_dependency(one))
                || self.takes_as_a_whole(providers))
    }

    /// Whether it asks for one of these providers, and for nothing about its dependencies.
    fn takes_as_a_whole(&self, providers: &[ProviderName]) -> bool {
        let anything = Match { provider: Vec::new(), ..self.clone() };
        !anything.is_about_dependencies() && providers.iter().any(|one| self.provider.contains(one))
    }

    /// Whether the conditions on a dependency hold for this one.
    pub fn takes_dependency(&self, one: &Dependency) -> bool {
        let shares = |list: &[String]| list.is_empty() || list.iter().any(|tag| one.tags.contains(tag));
        let used = |list: &[ComponentName]| list.is_empty() || list.iter().any(|it| one.used_by.contains(it));
        let its = |list: &[ProviderName]| {
            list.is_empty() || one.provider.as_ref().is_some_and(|name| list.contains(name))
        };
        its(&self.provider)
            && fits(&self.dependency, &one.name)
            && used(&self.component)
            && fits(&self.criticality, &one.criticality)
            && shares(&self.tags)
    }
}

fn fits<T: PartialEq>(list: &[T], one: &T) -> bool {
    list.is_empty() || list.contains(one)
}
