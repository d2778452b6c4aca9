use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    ChannelName, Dependency, EscalationName, Failure, Hours, Incident, Landscape, Manner, PersonName,
    ProviderName, Recipient, Route, Severity,
};

use crate::State;
use crate::oncall::hours;
use crate::time::later;

/// What routes look at.
#[derive(Debug, Clone)]
pub struct Topic<'a> {
    /// How urgent it is.
    pub severity: Severity,
    /// What went wrong, where something did.
    pub failure: Option<&'a Failure>,
    /// What it is about; empty for what concerns Mainstay itself.
    pub dependencies: Vec<&'a Dependency>,
    /// The providers that it is about, those of which it names no dependency among them.
    pub providers: &'a [ProviderName],
}

impl<'a> Topic<'a> {
    /// What an incident is about, as far as it is still configured.
    pub fn of(incident: &'a Incident, landscape: &'a Landscape) -> Topic<'a> {
        let known = incident.dependencies.iter().filter_map(|name| landscape.dependencies.get(name));
        Topic {
            severity: incident.severity,
            failure: incident.failure.as_ref(),
            dependencies: known.collect(),
            providers: &incident.providers,
        }
    }
}

/// Whom the routes lead to at one moment, each once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Audience {
    /// Told at once.
    pub at_once: Vec<Recipient>,
    /// Told once a day.
    pub digest: Vec<Recipient>,
    /// Told one after the other, until somebody takes it up.
    pub escalations: Vec<EscalationName>,
    /// Whether a route said that nobody is to be told.
    pub is_muted: bool,
}

impl Audience {
    /// Whom the routes of this configuration lead to.
    pub fn of(topic: &Topic<'_>, landscape: &Landscape, at: Timestamp) -> Audience {
        let mut audience = Audience::default();
        audience.walk(&landscape.routes, topic, at);
        audience.digest.retain(|one| !audience.at_once.contains(one));
        audience
    }

    /// Whether no route took it.
    pub fn is_empty(&self) -> bool {
        self == &Audience::default()
    }

    /// `false` when no further route is to be read.
    fn walk(&mut self, routes: &[Route], topic: &Topic<'_>, at: Timestamp) -> bool {
        routes.iter().filter(|route| takes(route, topic, at)).all(|route| self.take(route, topic, at))
    }

    fn take(&mut self, route: &Route, topic: &Topic<'_>, at: Timestamp) -> bool {
        let told = match route.manner {
            Manner::AtOnce => &mut self.at_once,
            Manner::Digest => &mut self.digest,
            Manner::Mute => {
                self.is_muted = true;
                return false;
            }
        };
        add_all(told, &route.to);
        add_all(&mut self.escalations, route.escalate.as_slice());
        self.walk(&route.routes, topic, at) && !route.is_last
    }
}

/// The first route that mutes this, as a path of places from 0; `None` where none does.
pub(crate) fn muted_by(routes: &[Route], topic: &Topic<'_>, at: Timestamp) -> Option<Vec<usize>> {
    routes.iter().enumerate().filter(|(_, route)| takes(route, topic, at)).find_map(|(place, route)| {
        if route.manner == Manner::Mute {
            return Some(vec![place]);
        }
        let below = muted_by(&route.routes, topic, at)?;
        Some([place].into_iter().chain(below).collect())
    })
}

fn takes(route: &Route, topic: &Topic<'_>, at: Timestamp) -> bool {
    route.during.as_ref().is_none_or(|during| is_within(during, at))
        && route.when.takes(
            topic.severity,
            topic.failure,
            topic.dependencies.iter().copied(),
            topic.providers,
        )
}

fn add_all<T: PartialEq + Clone>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

/// How far ahead hours are looked for: a week has all of them.
const A_WEEK: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Whether a moment lies within hours.
pub(crate) fn is_within(during: &Hours, at: Timestamp) -> bool {
    let instant = later(at, SignedDuration::from_nanos(1));
    !hours(&during.restriction, &during.timezone, at, instant).is_empty()
}

/// When hours begin or end next after a moment; `None` when they never do.
pub(crate) fn next_change(during: &Hours, at: Timestamp) -> Option<Timestamp> {
    let ahead = hours(&during.restriction, &during.timezone, at, later(at, A_WEEK));
    ahead.into_iter().flat_map(|(begin, end)| [begin, end]).find(|change| *change > at)
}

/// When hours begin next; the moment itself when it lies within them.
pub(crate) fn next_beginning(during: &Hours, at: Timestamp) -> Option<Timestamp> {
    let ahead = hours(&during.restriction, &during.timezone, at, later(at, A_WEEK));
    ahead.first().map(|(begin, _)| at.max(*begin))
}

/// When routes of the whole tree may lead elsewhere only because time passed.
pub(crate) fn next_change_of(routes: &[Route], at: Timestamp) -> Option<Timestamp> {
    let own = routes.iter().filter_map(|route| next_change(route.during.as_ref()?, at));
    let below = routes.iter().filter_map(|route| next_change_of(&route.routes, at));
    own.chain(below).min()
}

/// One channel that a message goes to, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) channel: ChannelName,
    pub(crate) person: Option<PersonName>,
}

/// Where messages for some recipients go at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Each channel once.
    pub(crate) all: Vec<Address>,
    /// Why a recipient is reached by no channel, a clause each.
    pub(crate) nobody: Vec<String>,
}

impl Addresses {
    fn add(&mut self, channel: &ChannelName, person: Option<&PersonName>) {
        if !self.all.iter().any(|one| one.channel == *channel) {
            self.all.push(Address { channel: channel.clone(), person: person.cloned() });
        }
    }

    fn add_person(&mut self, name: &PersonName, landscape: &Landscape) {
        let channels = landscape.people.get(name).map_or(&[][..], |person| &person.channels);
        if channels.is_empty() {
            self.nobody.push(format!("{name} has no channel"));
        }
        channels.iter().for_each(|channel| self.add(channel, Some(name)));
    }
}

impl State {
    /// Where messages for these recipients go at that moment: schedules stand for whoever is on call.
    pub(crate) fn addresses<'b>(
        &self,
        to: impl IntoIterator<Item = &'b Recipient>,
        at: Timestamp,
    ) -> Addresses {
        let mut addresses = Addresses::default();
        for recipient in to {
            match recipient {
                Recipient::Channel(name) => addresses.add(name, None),
                Recipient::Person(name) => addresses.add_person(name, &self.landscape),
                Recipient::Schedule(name) => {
                    match self.on_call(name.as_str(), at).and_then(|shift| shift.now) {
                        Some(duty) => addresses.add_person(&duty.person, &self.landscape),
                        None => addresses.nobody.push(format!("nobody is on call in {name}")),
                    }
                }
            }
        }
        addresses
    }

    /// When a recipient stands for somebody else next.
    pub(crate) fn next_hand_over(&self, to: &Recipient, at: Timestamp) -> Option<Timestamp> {
        let Recipient::Schedule(name) = to else { return None };
        self.on_call(name.as_str(), at)?.until
    }

    /// The channels that are told at once of trouble of this severity that concerns no dependency, such as a store that refuses.
    pub fn told_of(&self, severity: Severity, at: Timestamp) -> Vec<ChannelName> {
        let topic = Topic { severity, failure: None, dependencies: Vec::new(), providers: &[] };
        let audience = Audience::of(&topic, &self.landscape, at);
        let policies = audience.escalations.iter().filter_map(|name| self.landscape.escalations.get(name));
        let first = policies.filter_map(|policy| policy.steps.first()).flat_map(|step| &step.to);
        let to = audience.at_once.iter().chain(first).chain(&self.landscape.fallback);
        self.addresses(to, at).all.into_iter().map(|one| one.channel).collect()
    }
}
