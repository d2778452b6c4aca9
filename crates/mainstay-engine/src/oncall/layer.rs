use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use mainstay_model::{Layer, PersonName, Restriction, moment};

use super::cover::add;
use super::{Duty, Shift, Source};

/// When a layer has somebody, within the time asked for.
pub(super) fn shifts(
    layer: &Layer,
    place: usize,
    zone: &TimeZone,
    from: Timestamp,
    until: Timestamp,
) -> Vec<Shift> {
    let hours = match &layer.restriction {
        Some(restriction) => hours(restriction, zone, from, until),
        None => vec![(from, until)],
    };
    let mut shifts = Vec::new();
    let mut hours = hours.as_slice();
    for turn in turns(layer, zone, from, until) {
        let duty = Some(Duty { person: turn.person.clone(), source: Source::Layer(place) });
        while let [(begin, end), rest @ ..] = hours
            && *begin < turn.until
        {
            add(&mut shifts, turn.from.max(*begin), turn.until.min(*end), &duty);
            if *end > turn.until {
                break;
            }
            hours = rest;
        }
    }
    shifts
}

/// From one hand-over to the next.
struct Turn<'a> {
    from: Timestamp,
    until: Timestamp,
    person: &'a PersonName,
}

/// The turns that lie in the time asked for at least in part; none before the layer's start.
fn turns<'a>(layer: &'a Layer, zone: &TimeZone, from: Timestamp, until: Timestamp) -> Vec<Turn<'a>> {
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for (number, date) in hand_overs(layer, zone.to_datetime(from).date()) {
        let Some(at) = moment(zone, date.to_datetime(layer.start.time())) else { break };
        if let Some(before) = turns.last_mut() {
            before.until = at;
        }
        if at >= until {
            break;
        }
        // Of the turns that are over by then, none but the last one seen could still matter.
        if at <= from {
            turns.clear();
        }
        let Some(person) = number.checked_rem(layer.people.len()).and_then(|turn| layer.people.get(turn))
        else {
            break;
        };
        turns.push(Turn { from: at, until: Timestamp::MAX, person });
    }
    turns
}

/// The days of hand-overs with their numbers, in order, beginning with one before `near` where there is one.
///
/// The first turn begins with the start and has the number 0, whether the rule names that day or not.
fn hand_overs(layer: &Layer, near: Date) -> impl Iterator<Item = (usize, Date)> + '_ {
    let start = layer.start.date();
    let named = layer.rotation.dates(start).next() == Some(start);
    let begin = (!named).then_some((0, start));
    let number = move |(number, date)| Some((usize::try_from(number).ok()? + usize::from(!named), date));
    begin.into_iter().chain(layer.rotation.numbered(start, near).map_while(number))
}

/// The hours of a restriction that lie in the time asked for at least in part, in order and without overlaps.
pub(crate) fn hours(
    restriction: &Restriction,
    zone: &TimeZone,
    from: Timestamp,
    until: Timestamp,
) -> Vec<(Timestamp, Timestamp)> {
    let mut hours: Vec<(Timestamp, Timestamp)> = Vec::new();
    // Hours that began the day before may last until now; another day, because the clock may have been set in between.
    let mut day = zone.to_datetime(from).date().saturating_sub(2.days());
    while let Some((begin, end)) = on_day(restriction, zone, day) {
        if begin >= until {
            break;
        }
        // Where the clock is set forward, the end of one day's hours may come after the beginning of the next day's.
        let begin = hours.last().map_or(begin, |before| before.1.max(begin));
        if restriction.days.contains(day.weekday()) && end > begin.max(from) {
            hours.push((begin, end));
        }
        let Ok(next) = day.tomorrow() else { break };
        day = next;
    }
    hours
}

/// The hours as they would be on that day; they end before they begin where the clock skips them.
fn on_day(restriction: &Restriction, zone: &TimeZone, day: Date) -> Option<(Timestamp, Timestamp)> {
    let Restriction { from, until, days: _ } = restriction;
    let last_day = if until <= from { day.tomorrow().ok()? } else { day };
    let at = |day: Date, time: &Time| moment(zone, day.to_datetime(*time));
    Some((at(day, from)?, at(last_day, until)?))
}
