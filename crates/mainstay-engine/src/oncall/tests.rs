use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use mainstay_model::{Layer, Override, PersonName, Restriction, Schedule, Weekdays};

use super::*;

fn name(name: &str) -> PersonName {
    name.parse().unwrap()
}

fn layer(people: &[&str], rotation: &str, start: &str) -> Layer {
    Layer {
        people: people.iter().map(|person| name(person)).collect(),
        rotation: rotation.parse().unwrap(),
        start: start.parse().unwrap(),
        restriction: None,
    }
}

fn during(mut layer: Layer, from: &str, until: &str, days: &[Weekday]) -> Layer {
    let time = |text: &str| text.parse::<Time>().unwrap();
    let days = if days.is_empty() { Weekdays::ALL } else { days.iter().copied().collect() };
    layer.restriction = Some(Restriction { from: time(from), until: time(until), days });
    layer
}

fn schedule(zone: &str, layers: Vec<Layer>) -> Schedule {
    let timezone = TimeZone::get(zone).unwrap();
    Schedule { title: "Platform".into(), timezone, layers, overrides: Vec::new() }
}

fn at(zone: &TimeZone, local: &str) -> Timestamp {
    mainstay_model::moment(zone, local.parse().unwrap()).unwrap()
}

fn stand_in(zone: &TimeZone, from: &str, until: &str, person: &str, instead_of: Option<&str>) -> Override {
    Override {
        from: at(zone, from),
        until: at(zone, until),
        person: name(person),
        instead_of: instead_of.map(name),
        by: None,
        reason: None,
    }
}

/// `MM-DD HH:MM person` of each shift in the zone of the schedule.
fn told(schedule: &Schedule, extra: &[Override], from: &str, until: &str) -> Vec<String> {
    let zone = &schedule.timezone;
    let line = |shift: &Shift| {
        let begin = shift.from.to_zoned(zone.clone()).strftime("%m-%d %H:%M").to_string();
        format!("{begin} {}", shift.person().map_or("nobody", PersonName::as_str))
    };
    shifts(schedule, extra, at(zone, from), at(zone, until)).iter().map(line).collect()
}

#[test]
fn a_weekly_rotation_hands_over_at_its_wall_clock_time() {
    let schedule = schedule("Europe/Berlin", vec![layer(&["anna", "ben"], "weekly", "2026-03-16T09:00")]);
    // The clock is set forward on 29 March; the hand-over stays at nine.
    assert_eq!(
        told(&schedule, &[], "2026-03-15T09:00", "2026-04-07T00:00"),
        ["03-15 09:00 nobody", "03-16 09:00 anna", "03-23 09:00 ben", "03-30 09:00 anna", "04-06 09:00 ben"]
    );
}

#[test]
fn a_later_layer_covers_an_earlier_one_in_its_hours() {
    let office = layer(&["carla"], "weekly", "2026-01-05T09:00");
    let office = during(office, "09:00", "17:00", &[Weekday::Monday, Weekday::Tuesday]);
    let schedule =
        schedule("Europe/Berlin", vec![layer(&["anna", "ben"], "daily", "2026-01-05T12:00"), office]);
    assert_eq!(
        told(&schedule, &[], "2026-01-06T00:00", "2026-01-08T00:00"),
        ["01-06 00:00 anna", "01-06 09:00 carla", "01-06 17:00 ben", "01-07 12:00 anna"]
    );
}

#[test]
fn hours_over_midnight_belong_to_the_day_they_begin_on() {
    let night = during(layer(&["anna"], "daily", "2026-01-01T00:00"), "22:00", "06:00", &[Weekday::Friday]);
    assert_eq!(
        told(&schedule("Europe/Berlin", vec![night]), &[], "2026-01-09T00:00", "2026-01-11T00:00"),
        ["01-09 00:00 nobody", "01-09 22:00 anna", "01-10 06:00 nobody"]
    );
}

#[test]
fn a_swap_takes_only_what_one_person_had() {
    let schedule = schedule("Europe/Berlin", vec![layer(&["anna", "ben"], "daily", "2026-01-05T09:00")]);
    let zone = schedule.timezone.clone();
    let swap = stand_in(&zone, "2026-01-05T00:00", "2026-01-08T00:00", "carla", Some("ben"));
    assert_eq!(
        told(&schedule, &[swap], "2026-01-05T12:00", "2026-01-08T12:00"),
        ["01-05 12:00 anna", "01-06 09:00 carla", "01-07 09:00 anna", "01-08 09:00 ben"]
    );
    let all = stand_in(&zone, "2026-01-04T12:00", "2026-01-06T12:00", "carla", None);
    assert_eq!(
        told(&schedule, &[all], "2026-01-04T09:00", "2026-01-07T00:00"),
        ["01-04 09:00 nobody", "01-04 12:00 carla", "01-06 12:00 ben"]
    );
}

#[test]
fn a_hand_over_that_the_clock_skips_or_repeats_is_read_as_the_rfc_says() {
    // 02:30 does not exist on 29 March 2026 and is read as 02:30+01:00; on 25 October it exists twice and is the first.
    let schedule = schedule("Europe/Berlin", vec![layer(&["anna", "ben"], "daily", "2026-03-28T02:30")]);
    let zone = schedule.timezone.clone();
    let instants = |from: &str, until: &str| -> Vec<String> {
        shifts(&schedule, &[], at(&zone, from), at(&zone, until))
            .iter()
            .map(|shift| shift.from.to_string())
            .collect()
    };
    assert_eq!(
        instants("2026-03-29T00:00", "2026-03-29T12:00"),
        ["2026-03-28T23:00:00Z", "2026-03-29T01:30:00Z"]
    );
    assert_eq!(
        instants("2026-10-25T00:00", "2026-10-25T12:00"),
        ["2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z"]
    );
}

#[test]
fn now_and_next() {
    let schedule = schedule("Europe/Berlin", vec![layer(&["anna", "ben"], "weekly", "2026-03-16T09:00")]);
    let zone = schedule.timezone.clone();
    let now = on_call(&schedule, &[], at(&zone, "2026-03-24T00:00"));
    assert_eq!(now.now.unwrap().person, name("ben"));
    assert_eq!(now.until, Some(at(&zone, "2026-03-30T09:00")));
    assert_eq!(now.next.unwrap().person, name("anna"));
}

#[test]
fn somebody_alone_is_on_call_without_end() {
    let schedule = schedule("Europe/Berlin", vec![layer(&["anna"], "weekly", "2026-03-16T09:00")]);
    let now = on_call(&schedule, &[], at(&schedule.timezone, "2026-03-24T00:00"));
    assert_eq!((now.until, now.next), (None, None));
    assert_eq!(now.now.unwrap().person, name("anna"));
    let before = on_call(&schedule, &[], at(&schedule.timezone, "2026-03-15T00:00"));
    assert_eq!((before.now, before.until), (None, Some(at(&schedule.timezone, "2026-03-16T09:00"))));
}

#[test]
fn the_second_tuesday_of_each_month() {
    let rotation = "FREQ=MONTHLY;BYDAY=2TU";
    let schedule =
        schedule("America/New_York", vec![layer(&["anna", "ben", "carla"], rotation, "2026-01-13T10:00")]);
    assert_eq!(
        told(&schedule, &[], "2026-02-01T00:00", "2026-04-30T00:00"),
        ["02-01 00:00 anna", "02-10 10:00 ben", "03-10 10:00 carla", "04-14 10:00 anna"]
    );
}
