//! Routes, escalations and quiet times: what is wrong with them, and what they become.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use mainstay_model as model;
use mainstay_model::{ChannelName, Recipient, Restriction, Weekdays};

use super::calendar::When;
use super::checks::{exists, names, values};
use super::mask::quoted;
use super::reader::Reader;
use super::sections::{Digest, Escalation, Maintenance, Root, Route, Selection, Silence, Step};
use super::shape::Spanned;

/// Nothing that recurs may last longer: it would hide everything there is.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// The names that conditions and recipients may use.
struct Known {
    providers: BTreeSet<String>,
    dependencies: BTreeSet<String>,
    components: BTreeSet<String>,
    escalations: BTreeSet<String>,
    /// With the section that each stands in.
    recipients: Vec<(&'static str, BTreeSet<String>)>,
}

impl Known {
    fn of(root: &Root) -> Known {
        Known {
            providers: names(&root.providers),
            dependencies: names(&root.dependencies),
            components: names(&root.components),
            escalations: names(&root.escalations),
            recipients: vec![
                ("channel", names(&root.channels)),
                ("person", names(&root.people)),
                ("schedule", names(&root.schedules)),
            ],
        }
    }
}

/// Everybody who is named must exist and be one and the same, every route must lead somewhere, and every time must be one.
pub(super) fn errors(root: &Root, reader: &mut Reader<'_>) {
    let known = Known::of(root);
    for route in root.routes.iter().flat_map(|routes| &routes.value) {
        self::route(route, &known, reader);
    }
    for escalation in values(&root.escalations) {
        steps(escalation, &known, reader);
    }
    for name in root.fallback.iter().flatten() {
        recipient(name, &known, reader);
    }
    for maintenance in root.maintenance.iter().flatten() {
        selection(maintenance.value.what.as_ref(), &known, reader);
        times(maintenance, reader);
    }
    for silence in root.silences.iter().flatten() {
        selection(silence.value.what.as_ref(), &known, reader);
        let Silence { from, until, timezone, .. } = &silence.value;
        order(from.as_ref(), until.as_ref(), timezone.as_ref(), reader);
    }
    digest(root, reader);
}

fn route(route: &Route, known: &Known, reader: &mut Reader<'_>) {
    let Route { provider, dependency, component, to, escalate, .. } = route;
    conditions(provider, dependency, component, known, reader);
    for name in to.iter().flatten() {
        recipient(name, known, reader);
    }
    if let Some(name) = escalate {
        exists(name, "escalation", "escalations", &known.escalations, reader);
    }
    leads_somewhere(route, reader);
    for finer in route.routes.iter().flatten() {
        self::route(finer, known, reader);
    }
}

/// A route that mutes tells nobody, and any other one tells somebody.
fn leads_somewhere(route: &Route, reader: &mut Reader<'_>) {
    let Some(mute) = &route.mute else { return };
    let has = |list: &Option<Vec<_>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let to = has(&route.to);
    let finer = route.routes.as_ref().is_some_and(|finer| !finer.is_empty());
    let leads = to || route.escalate.is_some() || finer;
    if mute.value && (leads || route.digest == Some(true)) {
        let hint = "remove `mute`, or what it would lead to";
        reader.error(mute.span, "a route that mutes leads to nobody", hint);
    }
    // A `to` that could not be read has been told already.
    if !mute.value && !leads && route.to.is_some() {
        let hint = "add `to: NAME` or `escalate: NAME`, or `mute: true` where nobody is to be told";
        reader.error(mute.span, "this route leads to nobody", hint);
    }
    if route.digest == Some(true) && !to && route.to.is_some() {
        reader.error(mute.span, "a digest needs somebody under `to`", "add `to: NAME`");
    }
}

fn conditions(
    provider: &Option<Vec<Spanned<model::ProviderName>>>,
    dependency: &Option<Vec<Spanned<model::DependencyName>>>,
    component: &Option<Vec<Spanned<model::ComponentName>>>,
    known: &Known,
    reader: &mut Reader<'_>,
) {
    for name in provider.iter().flatten() {
        exists(name, "provider", "providers", &known.providers, reader);
    }
    for name in dependency.iter().flatten() {
        exists(name, "dependency", "dependencies", &known.dependencies, reader);
    }
    for name in component.iter().flatten() {
        exists(name, "component", "components", &known.components, reader);
    }
}

fn selection(what: Option<&Selection>, known: &Known, reader: &mut Reader<'_>) {
    if let Some(Selection { provider, dependency, component, .. }) = what {
        conditions(provider, dependency, component, known, reader);
    }
}

/// A channel, a person or a schedule, and only one of them.
fn recipient(name: &Spanned<ChannelName>, known: &Known, reader: &mut Reader<'_>) {
    let text = name.value.as_str();
    let sections = known.recipients.iter().filter(|(_, names)| names.contains(text));
    let sections: Vec<&str> = sections.map(|(what, _)| *what).collect();
    match sections.as_slice() {
        [_] => {}
        [] => {
            let all = known.recipients.iter().flat_map(|(_, names)| names).cloned().collect();
            exists(name, "channel, person or schedule", "channels", &all, reader);
        }
        [first, second, ..] => {
            let message = format!("{} is a {first} and a {second}", quoted(text));
            reader.error(
                name.span,
                message,
                "give one of them another name, so that it is clear who is told",
            );
        }
    }
}

fn steps(escalation: &Escalation, known: &Known, reader: &mut Reader<'_>) {
    let Some(steps) = &escalation.steps else { return };
    if steps.value.is_empty() {
        reader.error(
            steps.span,
            "this escalation has no steps",
            "add for example `- { to: NAME, wait: 10m }`",
        );
    }
    for to in steps.value.iter().filter_map(|step| step.to.as_ref()) {
        if to.value.is_empty() {
            reader.error(to.span, "this step tells nobody", "name channels, people or schedules");
        }
        for name in &to.value {
            recipient(name, known, reader);
        }
    }
}

/// Either once or again and again, and each with what it needs.
fn times(maintenance: &Spanned<Maintenance>, reader: &mut Reader<'_>) {
    let Maintenance { from, until, start, recurs, lasts, timezone, .. } = &maintenance.value;
    let once = from.is_some() || until.is_some();
    let recurring = start.is_some() || recurs.is_some() || lasts.is_some();
    let (message, hint) = match (once, recurring) {
        (true, true) => {
            ("it is once and recurs", "write `from` and `until`, or `start`, `recurs` and `lasts`")
        }
        (false, false) => ("it is never", "add `from` and `until`, or `start`, `recurs` and `lasts`"),
        (true, false) if from.is_none() || until.is_none() => (
            "its time is not complete",
            "write both `from` and `until`; work that never ends is no maintenance",
        ),
        (false, true) if start.is_none() || recurs.is_none() || lasts.is_none() => {
            ("its times are not complete", "write all of `start`, `recurs` and `lasts`")
        }
        _ => {
            order(given(from), given(until), timezone.as_ref(), reader);
            if let Some(lasts) = given(lasts).filter(|lasts| lasts.value > LONGEST) {
                reader.error(
                    lasts.span,
                    "it lasts longer than 31 days",
                    "it would hide everything; write less",
                );
            }
            if let Some(Spanned { value: When::Moment(_), span, .. }) = given(start) {
                let hint = "write the time of `timezone`, such as 2026-01-04 02:00";
                reader.error(*span, "the first beginning has an offset of its own", hint);
            }
            return;
        }
    };
    reader.error(maintenance.span, message, hint);
}

/// What was given and could be read; what could not has been told.
fn given<T>(value: &Option<Option<T>>) -> Option<&T> {
    value.as_ref()?.as_ref()
}

fn order(
    from: Option<&Spanned<When>>,
    until: Option<&Spanned<When>>,
    zone: Option<&TimeZone>,
    reader: &mut Reader<'_>,
) {
    let (Some(from), Some(until), Some(zone)) = (from, until, zone) else { return };
    if let (Some(begin), Some(end)) = (from.value.within(zone), until.value.within(zone))
        && end <= begin
    {
        reader.error(until.span, "it ends before it begins", "write an `until` that is after `from`");
    }
}

fn digest(root: &Root, reader: &mut Reader<'_>) {
    let at = root.digest.as_ref().and_then(|digest| digest.at.as_ref());
    if let Some(at) = at.filter(|at| at.value.weekday.is_some()) {
        reader.error(at.span, "digests are sent every day", "write only the time, such as 09:00");
    }
}

/// Silences that would be forgotten.
pub(super) fn advice(root: &Root, reader: &mut Reader<'_>) {
    for silence in root.silences.iter().flatten() {
        if silence.value.until.is_none() {
            let hint = "add `until`, so that it ends when nobody thinks of it any more";
            reader.warning(silence.span, "this silence never ends", hint);
        }
    }
    let tags: BTreeSet<&str> =
        values(&root.dependencies).flat_map(|one| one.tags.iter().flatten()).map(String::as_str).collect();
    let in_routes = root.routes.iter().flat_map(|routes| &routes.value).flat_map(tags_of);
    let quiet = root.maintenance.iter().flatten().filter_map(|one| one.value.what.as_ref());
    let silent = root.silences.iter().flatten().filter_map(|one| one.value.what.as_ref());
    let in_quiet = quiet.chain(silent).flat_map(|what| what.tags.iter().flatten());
    for tag in in_routes.into_iter().chain(in_quiet).filter(|tag| !tags.contains(tag.value.as_str())) {
        let message = format!("no dependency has the tag {}", quoted(&tag.value));
        let hint = match model::nearest(&tag.value, tags.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "add it under `tags` of a dependency".into(),
        };
        reader.warning(tag.span, message, hint);
    }
}

fn tags_of(route: &Route) -> Vec<&Spanned<String>> {
    let below = route.routes.iter().flatten().flat_map(tags_of);
    route.tags.iter().flatten().chain(below).collect()
}

/// The channels, people and schedules that any route, step or fallback leads to.
pub(super) fn led_to(root: &Root) -> BTreeSet<&str> {
    fn of<'a>(route: &'a Route, all: &mut BTreeSet<&'a str>) {
        all.extend(route.to.iter().flatten().map(|name| name.value.as_str()));
        route.routes.iter().flatten().for_each(|finer| of(finer, all));
    }
    let mut all = BTreeSet::new();
    root.routes.iter().flat_map(|routes| &routes.value).for_each(|route| of(route, &mut all));
    let steps = values(&root.escalations).flat_map(|one| one.steps.iter().flat_map(|steps| &steps.value));
    let to = steps.filter_map(|step| step.to.as_ref()).flat_map(|to| &to.value);
    all.extend(to.chain(root.fallback.iter().flatten()).map(|name| name.value.as_str()));
    all
}

/// Whether a name is that of a channel, a person or a schedule.
#[derive(Clone, Copy)]
pub(super) struct Kinds<'a> {
    pub(super) people: &'a std::collections::BTreeMap<model::PersonName, model::Person>,
    pub(super) schedules: &'a std::collections::BTreeMap<model::ScheduleName, model::Schedule>,
}

impl Kinds<'_> {
    pub(super) fn recipients(self, names: Vec<Spanned<ChannelName>>) -> Vec<Recipient> {
        names.into_iter().map(|name| self.recipient(name.value)).collect()
    }

    fn recipient(self, name: ChannelName) -> Recipient {
        let text = name.as_str();
        if let Some((person, _)) = self.people.get_key_value(text) {
            Recipient::Person(person.clone())
        } else if let Some((schedule, _)) = self.schedules.get_key_value(text) {
            Recipient::Schedule(schedule.clone())
        } else {
            Recipient::Channel(name)
        }
    }

    /// A route as others use it.
    pub(super) fn route(self, read: Route) -> Option<model::Route> {
        let manner = match (read.mute?.value, read.digest?) {
            (true, _) => model::Manner::Mute,
            (false, true) => model::Manner::Digest,
            (false, false) => model::Manner::AtOnce,
        };
        let when = model::Match {
            severity: read.severity?,
            provider: bare(read.provider?),
            dependency: bare(read.dependency?),
            component: bare(read.component?),
            criticality: read.criticality?,
            tags: bare(read.tags?),
            failure: read.failure?,
            blame: read.blame?,
        };
        Some(model::Route {
            when,
            during: hours(read.hours, read.days?, read.timezone?),
            to: self.recipients(read.to?),
            escalate: read.escalate.map(|name| name.value),
            manner,
            is_last: !read.r#continue?,
            routes: read.routes?.into_iter().map(|finer| self.route(finer)).collect::<Option<_>>()?,
        })
    }

    /// An escalation as others use it.
    pub(super) fn escalation(self, read: Escalation) -> Option<model::Escalation> {
        let step = |step: Step| Some(model::Step { to: self.recipients(step.to?.value), wait: step.wait? });
        Some(model::Escalation {
            steps: read.steps?.value.into_iter().map(step).collect::<Option<_>>()?,
            repeat: read.repeat?,
            during: hours(read.hours, read.days?, read.timezone?),
        })
    }
}

pub(super) fn bare<T>(spanned: Vec<Spanned<T>>) -> Vec<T> {
    spanned.into_iter().map(|one| one.value).collect()
}

pub(super) fn hours(
    hours: Option<(Time, Time)>,
    days: Vec<civil::Weekday>,
    timezone: TimeZone,
) -> Option<model::Hours> {
    let restriction = restriction(hours, days)?;
    Some(model::Hours { restriction, timezone })
}

/// Hours on days; days alone mean the whole of them, and neither means no restriction.
pub(super) fn restriction(hours: Option<(Time, Time)>, days: Vec<civil::Weekday>) -> Option<Restriction> {
    let days = if days.is_empty() { Weekdays::ALL } else { days.into_iter().collect() };
    match hours {
        Some((from, until)) => Some(Restriction { from, until, days }),
        None if days == Weekdays::ALL => None,
        None => Some(Restriction { from: Time::midnight(), until: Time::midnight(), days }),
    }
}

/// Maintenance as others use it.
pub(super) fn maintenance(read: Maintenance) -> Option<model::Quiet> {
    let zone = read.timezone?;
    let when = match (read.start.flatten(), read.recurs.flatten(), read.lasts.flatten()) {
        (Some(start), Some(recurs), Some(lasts)) => {
            let When::Local(start) = start.value else { return None };
            let (recurrence, length) = (recurs.value, lasts.value);
            model::QuietTime::Recurring { start, recurrence, length, timezone: zone }
        }
        _ => once(read.from.flatten(), read.until.flatten(), &zone)?,
    };
    let kind = model::QuietKind::Maintenance;
    Some(model::Quiet { kind, reason: read.reason?, what: select(read.what?)?, when })
}

/// A silence as others use it.
pub(super) fn silence(read: Silence) -> Option<model::Quiet> {
    let when = once(read.from, read.until, &read.timezone?)?;
    let kind = model::QuietKind::Silence;
    Some(model::Quiet { kind, reason: read.reason?, what: select(read.what?)?, when })
}

fn once(
    from: Option<Spanned<When>>,
    until: Option<Spanned<When>>,
    zone: &TimeZone,
) -> Option<model::QuietTime> {
    let at = |when: Option<Spanned<When>>| -> Option<Option<Timestamp>> {
        when.map_or(Some(None), |when| when.value.within(zone).map(Some))
    };
    Some(model::QuietTime::Once { from: at(from)?, until: at(until)? })
}

fn select(read: Selection) -> Option<model::Match> {
    Some(model::Match {
        severity: read.severity?,
        provider: bare(read.provider?),
        dependency: bare(read.dependency?),
        component: bare(read.component?),
        criticality: read.criticality?,
        tags: bare(read.tags?),
        failure: read.failure?,
        blame: read.blame?,
    })
}

/// The time of digests as others use it.
pub(super) fn digest_at(read: Digest) -> Option<model::DigestTime> {
    Some(model::DigestTime { at: read.at?.value.time, timezone: read.timezone? })
}
