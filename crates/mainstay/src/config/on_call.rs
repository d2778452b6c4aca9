//! People and schedules: what is wrong with them, and what they become.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use mainstay_model as model;
use mainstay_model::Recurrence;

use super::calendar::{HandOverTime, weekday_name};
use super::checks::{exists, names, values};
use super::mask::quoted;
use super::reader::Reader;
use super::sections::{Layer, Override, Person, Root, Schedule};
use super::shape::Spanned;
use super::telling::restriction;

/// Everybody who is named must exist, and every rotation must go on for ever from where it starts.
pub(super) fn errors(root: &Root, reader: &mut Reader<'_>) {
    let channels = names(&root.channels);
    for person in root.people.iter().flatten() {
        let Some(listed) = person.value.as_ref().and_then(|value| value.channels.as_ref()) else { continue };
        for channel in &listed.value {
            exists(channel, "channel", "channels", &channels, reader);
        }
        if listed.value.is_empty() {
            let message = format!("{} can be told by no channel", quoted(person.name.as_str()));
            reader.error(listed.span, message, "name a key of `channels`, such as [anna-mail]");
        }
    }
    let people = names(&root.people);
    for schedule in values(&root.schedules) {
        layers(schedule, &people, reader);
        for stand_in in schedule.overrides.iter().flatten() {
            for person in stand_in.person.iter().chain(&stand_in.instead_of) {
                exists(person, "person", "people", &people, reader);
            }
            order(stand_in, schedule, reader);
        }
    }
}

/// Swaps that swap nothing.
pub(super) fn advice(root: &Root, reader: &mut Reader<'_>) {
    for schedule in values(&root.schedules) {
        let layers = schedule.layers.iter().flat_map(|layers| &layers.value);
        let in_layers =
            layers.filter_map(|layer| layer.value.people.as_ref()).flat_map(|people| &people.value);
        let stand_ins = schedule.overrides.iter().flatten().filter_map(|one| one.person.as_ref());
        let known: BTreeSet<&str> = in_layers.chain(stand_ins).map(|name| name.value.as_str()).collect();
        for swapped in schedule.overrides.iter().flatten().filter_map(|one| one.instead_of.as_ref()) {
            if !known.contains(swapped.value.as_str()) {
                let message = format!("{} is never on call in this schedule", quoted(swapped.value.as_str()));
                let hint = "without `instead_of`, the person takes over from whoever is on call";
                reader.warning(swapped.span, message, hint);
            }
        }
    }
}

fn layers(schedule: &Schedule, people: &BTreeSet<String>, reader: &mut Reader<'_>) {
    let Some(layers) = &schedule.layers else { return };
    if layers.value.is_empty() {
        let hint = "add for example `- { people: [anna, ben], rotation: weekly, start: 2026-01-05 }`";
        reader.error(layers.span, "this schedule has no layers, so that nobody is ever on call", hint);
    }
    for Spanned { value: layer, .. } in &layers.value {
        for person in layer.people.iter().flat_map(|listed| &listed.value) {
            exists(person, "person", "people", people, reader);
        }
        if let Some(listed) = layer.people.as_ref().filter(|listed| listed.value.is_empty()) {
            reader.error(listed.span, "this layer has nobody", "name keys of `people`, or remove the layer");
        }
        rotation(layer, reader);
    }
}

/// The first hand-over must be one of the rotation's, or the turns would not be where one looks for them.
fn rotation(layer: &Layer, reader: &mut Reader<'_>) {
    let (Some(rotation), Some(start)) = (&layer.rotation, &layer.start) else { return };
    if let Some(at) = &layer.hand_over
        && let Some(weekday) = at.value.weekday
    {
        let weekly = rotation.value.plain_days().is_some_and(|days| days % 7 == 0);
        if !weekly {
            let hint = "write only the time, such as 09:00; the rotation says the days";
            reader.error(at.span, "a day of the week goes only with a rotation in weeks", hint);
        } else if start.value.weekday() != weekday {
            off_its_weekday(start, weekday, reader);
        }
    }
    let later = || rotation.value.dates(start.value).any(|date| date > start.value);
    if rotation.value.plain_days().is_none() && !later() {
        reader.error(
            rotation.span,
            "this rule names no day, so that nobody would ever take over",
            "see RFC 5545, or write weekly",
        );
    }
}

fn off_its_weekday(start: &Spanned<Date>, weekday: Weekday, reader: &mut Reader<'_>) {
    let back = i32::from(start.value.weekday().since(weekday));
    let before = start.value.saturating_sub(back.days());
    let message = format!(
        "the layer starts on a {}, and hands over on {}s",
        weekday_name(start.value.weekday()),
        weekday_name(weekday)
    );
    reader.error(start.span, message, format!("write the {} before it: {before}", weekday_name(weekday)));
}

fn order(stand_in: &Override, schedule: &Schedule, reader: &mut Reader<'_>) {
    let Some(zone) = &schedule.timezone else { return };
    let (Some(from), Some(until)) = (&stand_in.from, &stand_in.until) else { return };
    let moments = (from.value.within(zone), until.value.within(zone));
    if let (Some(begin), Some(end)) = moments
        && end <= begin
    {
        reader.error(
            until.span,
            "this override ends before it begins",
            "write an `until` that is after `from`",
        );
    }
}

/// A person as others use it.
pub(super) fn person(name: &model::PersonName, read: Person) -> Option<model::Person> {
    Some(model::Person {
        title: read.name.unwrap_or_else(|| name.to_string()),
        channels: read.channels?.value.into_iter().map(|channel| channel.value).collect(),
        timezone: read.timezone,
    })
}

/// A schedule as others use it.
pub(super) fn schedule(name: &model::ScheduleName, read: Schedule) -> Option<model::Schedule> {
    let timezone = read.timezone?;
    let overrides = read.overrides?.into_iter().map(|one| stand_in(one, &timezone)).collect::<Option<_>>()?;
    Some(model::Schedule {
        title: read.name.unwrap_or_else(|| name.to_string()),
        layers: read.layers?.value.into_iter().map(|read| layer(read.value)).collect::<Option<_>>()?,
        overrides,
        timezone,
    })
}

fn layer(read: Layer) -> Option<model::Layer> {
    let restriction = restriction(read.hours, read.days?);
    let HandOverTime { time, weekday: _ } = read.hand_over?.value;
    let rotation: Recurrence = read.rotation?.value;
    Some(model::Layer {
        people: read.people?.value.into_iter().map(|person| person.value).collect(),
        rotation,
        start: read.start?.value.to_datetime(time),
        restriction,
    })
}

fn stand_in(read: Override, zone: &jiff::tz::TimeZone) -> Option<model::Override> {
    let at = |when: Spanned<super::calendar::When>| -> Option<Timestamp> { when.value.within(zone) };
    Some(model::Override {
        from: at(read.from?)?,
        until: at(read.until?)?,
        person: read.person?.value,
        instead_of: read.instead_of.map(|person| person.value),
        by: None,
        reason: read.reason,
    })
}
