//! A year of on-call against the `rrule` crate, which shares no code with ours: neither the rules nor the time zones.

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Shift, on_call, shifts};
use mainstay_model::{Layer, Override, PersonName, Recurrence, Restriction, Schedule, Weekdays, moment};
use proptest::prelude::*;

const PEOPLE: [&str; 3] = ["anna", "ben", "carla"];

fn person(name: &str) -> PersonName {
    name.parse().unwrap()
}

fn layer(people: &[&str], rotation: &str, start: DateTime) -> Layer {
    let people = people.iter().map(|name| person(name)).collect();
    Layer { people, rotation: rotation.parse().unwrap(), start, restriction: None }
}

fn schedule(zone: &str, layers: Vec<Layer>) -> Schedule {
    let timezone = TimeZone::get(zone).unwrap();
    Schedule { title: "Platform".into(), timezone, layers, overrides: Vec::new() }
}

/// The occurrences of a rule until the end of 2027, as the other implementation has them, in seconds of Unix time.
fn occurrences(zone: &str, start: DateTime, rule: &str) -> Vec<i64> {
    let start = start.strftime("%Y%m%dT%H%M%S");
    let text = format!("DTSTART;TZID={zone}:{start}\nRRULE:{rule};UNTIL=20271231T235959Z");
    let set: rrule::RRuleSet = text.parse().unwrap();
    let result = set.all(u16::MAX);
    assert!(!result.limited);
    result.dates.iter().map(|date| date.timestamp()).collect()
}

/// How many of them have begun.
fn begun(occurrences: &[i64], at: Timestamp) -> usize {
    occurrences.partition_point(|occurrence| *occurrence <= at.as_second())
}

/// Every half hour of 2026 in UTC, so that the half-hour clock of Lord Howe Island is met as well; the whole hours are among them.
fn half_hours() -> impl Iterator<Item = Timestamp> {
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    (0..365 * 48).map(move |half_hours| begin + SignedDuration::from_mins(30 * half_hours))
}

/// Who is on call at each of these moments, by one look at the whole year.
fn by_shifts(schedule: &Schedule, extra: &[Override]) -> Vec<Option<PersonName>> {
    let times: Vec<Timestamp> = half_hours().collect();
    let end = *times.last().unwrap() + SignedDuration::from_mins(30);
    let shifts = shifts(schedule, extra, times[0], end);
    let at = |at: &Timestamp| &shifts[shifts.partition_point(|shift| shift.until <= *at)];
    times.iter().map(|time| at(time).person().cloned()).collect()
}

/// Each zone with hand-overs at nine, within the hour that is skipped in spring, and within the one that comes twice in autumn.
const ZONES: [(&str, [&str; 3]); 3] = [
    ("Europe/Berlin", ["09:00", "02:30", "02:15"]),
    ("America/New_York", ["09:00", "02:30", "01:30"]),
    ("Australia/Lord_Howe", ["09:00", "02:15", "01:45"]),
];

/// Rotations in our words and in the RFC's, with the first hand-over of 2025.
const ROTATIONS: [(&str, &str, &str); 7] = [
    ("daily", "FREQ=DAILY", "2025-12-30"),
    ("every 3 days", "FREQ=DAILY;INTERVAL=3", "2025-11-30"),
    ("weekly", "FREQ=WEEKLY", "2025-12-29"),
    // On Sundays, when the clocks are set.
    ("every 2 weeks", "FREQ=WEEKLY;INTERVAL=2", "2025-12-21"),
    ("FREQ=WEEKLY;BYDAY=MO,WE,SU", "FREQ=WEEKLY;BYDAY=MO,WE,SU", "2025-12-28"),
    ("FREQ=MONTHLY;BYDAY=2TU", "FREQ=MONTHLY;BYDAY=2TU", "2025-12-09"),
    ("FREQ=MONTHLY;BYDAY=-1SU", "FREQ=MONTHLY;BYDAY=-1SU", "2025-12-28"),
];

#[test]
fn in_a_year_of_three_zones_no_hour_differs() {
    let mut compared = 0;
    for (zone, times) in ZONES {
        for time in times {
            for (ours, theirs, day) in ROTATIONS {
                let start: DateTime = format!("{day}T{time}").parse().unwrap();
                let schedule = schedule(zone, vec![layer(&PEOPLE, ours, start)]);
                let hand_overs = occurrences(zone, start, theirs);
                for (at, who) in half_hours().zip(by_shifts(&schedule, &[])) {
                    let expected = PEOPLE[(begun(&hand_overs, at) - 1) % PEOPLE.len()];
                    assert_eq!(who, Some(person(expected)), "{zone} {ours} from {start} at {at}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 3 * 3 * 7 * 365 * 48);
}

#[test]
fn asked_hour_by_hour_it_says_the_same_and_when_it_changes() {
    for (zone, times) in ZONES {
        let start: DateTime = format!("2025-12-21T{}", times[1]).parse().unwrap();
        let schedule = schedule(zone, vec![layer(&PEOPLE, "weekly", start)]);
        let hand_overs = occurrences(zone, start, "FREQ=WEEKLY");
        for at in half_hours().step_by(2) {
            let turn = begun(&hand_overs, at);
            let answer = on_call(&schedule, &[], at);
            assert_eq!(answer.now.unwrap().person, person(PEOPLE[(turn - 1) % 3]), "{zone} at {at}");
            assert_eq!(answer.until.unwrap().as_second(), hand_overs[turn], "{zone} at {at}");
            assert_eq!(answer.next.unwrap().person, person(PEOPLE[turn % 3]), "{zone} at {at}");
        }
    }
}

/// Hours in which a layer has somebody: from a rule of beginnings to a rule of ends.
struct Hours {
    begins: Vec<i64>,
    ends: Vec<i64>,
}

impl Hours {
    fn hold(&self, at: Timestamp) -> bool {
        begun(&self.begins, at) > begun(&self.ends, at)
    }
}

#[test]
fn layers_with_hours_and_an_override_agree_too() {
    for (zone, _) in ZONES {
        let start = |text: &str| text.parse::<DateTime>().unwrap();
        let office = Restriction {
            from: Time::constant(9, 0, 0, 0),
            until: Time::constant(17, 0, 0, 0),
            days: (0..5).map(|day| Weekday::from_monday_zero_offset(day).unwrap()).collect(),
        };
        // Over midnight and through the hour in which the clocks are set, on Saturdays.
        let night = Restriction {
            from: Time::constant(22, 0, 0, 0),
            until: Time::constant(2, 15, 0, 0),
            days: [Weekday::Saturday].into_iter().collect(),
        };
        let base = layer(&PEOPLE, "weekly", start("2025-12-29T09:00"));
        let by_day = Layer {
            restriction: Some(office),
            ..layer(&["dina", "emil"], "daily", start("2025-12-29T00:00"))
        };
        let by_night =
            Layer { restriction: Some(night), ..layer(&["finn"], "weekly", start("2025-12-27T22:00")) };
        let schedule = schedule(zone, vec![base, by_day, by_night]);
        let zoned = |text: &str| moment(&schedule.timezone, start(text)).unwrap();
        let swap = Override {
            from: zoned("2026-03-25T00:00"),
            until: zoned("2026-04-08T00:00"),
            person: person("gina"),
            instead_of: Some(person("ben")),
            by: None,
            reason: None,
        };

        let weeks = occurrences(zone, start("2025-12-29T09:00"), "FREQ=WEEKLY");
        let days = occurrences(zone, start("2025-12-29T00:00"), "FREQ=DAILY");
        let weekdays = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR";
        let office = Hours {
            begins: occurrences(zone, start("2025-12-29T09:00"), weekdays),
            ends: occurrences(zone, start("2025-12-29T17:00"), weekdays),
        };
        let night = Hours {
            begins: occurrences(zone, start("2025-12-27T22:00"), "FREQ=WEEKLY"),
            ends: occurrences(zone, start("2025-12-28T02:15"), "FREQ=WEEKLY"),
        };
        let expected = |at: Timestamp| {
            let turn = PEOPLE[(begun(&weeks, at) - 1) % 3];
            let turn = if turn == "ben" && swap.from <= at && at < swap.until { "gina" } else { turn };
            match (night.hold(at), office.hold(at)) {
                (true, _) => "finn",
                (_, true) => ["dina", "emil"][(begun(&days, at) - 1) % 2],
                _ => turn,
            }
        };
        let after_start = |(at, _): &(Timestamp, _)| *at >= zoned("2025-12-29T09:00");
        let swaps = [swap.clone()];
        for (at, who) in half_hours().zip(by_shifts(&schedule, &swaps)).filter(after_start) {
            assert_eq!(who, Some(person(expected(at))), "{zone} at {at}");
        }
    }
}

prop_compose! {
    fn a_rule()(
        frequency in 0..4usize,
        interval in 1..5u32,
        nth in prop::sample::select(vec!["", "1", "2", "-1", "-2"]),
        days in prop::sample::subsequence(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"], 0..4),
        month_days in prop::sample::subsequence(vec!["1", "13", "29", "31", "-1", "-7"], 0..3),
        months in prop::sample::subsequence(vec!["1", "2", "6", "12"], 0..3),
        week_start in prop::sample::select(vec!["MO", "SU", "WE"]),
    ) -> String {
        let name = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"][frequency];
        let mut rule = format!("FREQ={name};INTERVAL={interval};WKST={week_start}");
        let nth = if frequency >= 2 && month_days.is_empty() { nth } else { "" };
        if !days.is_empty() {
            let days: Vec<_> = days.iter().map(|day| format!("{nth}{day}")).collect();
            rule.push_str(&format!(";BYDAY={}", days.join(",")));
        }
        if !month_days.is_empty() && frequency != 1 {
            rule.push_str(&format!(";BYMONTHDAY={}", month_days.join(",")));
        }
        if !months.is_empty() {
            rule.push_str(&format!(";BYMONTH={}", months.join(",")));
        }
        rule
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever the rule, our occurrences are the other implementation's.
    #[test]
    fn any_rule_has_the_same_occurrences(rule in a_rule(), day in 0..800i64, zone in 0..3usize) {
        let zone = ZONES[zone].0;
        let first: jiff::civil::Date = "2023-01-01".parse().unwrap();
        let start = first.saturating_add(jiff::Span::new().days(day)).at(9, 30, 0, 0);
        let theirs = occurrences(zone, start, &rule);
        let ours: Recurrence = rule.parse().unwrap();
        let timezone = TimeZone::get(zone).unwrap();
        let last: Timestamp = "2027-12-31T23:59:59Z".parse().unwrap();
        let all = ours.occurrences(start, &timezone, Timestamp::MIN).take_while(|at| *at <= last);
        prop_assert_eq!(all.map(Timestamp::as_second).collect::<Vec<_>>(), theirs.clone(), "{}", rule);
        let middle: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
        let next = ours.next_after(start, &timezone, middle).filter(|at| *at <= last);
        prop_assert_eq!(next.map(Timestamp::as_second), theirs.get(begun(&theirs, middle)).copied(), "{}", rule);
        // Numbers that are counted without a look are those that counting one by one gives.
        let near = timezone.to_datetime(middle).date();
        let all: Vec<_> = ours.dates(start.date()).take(5_000).take_while(|date| date.year() < 2028).collect();
        let numbered: Vec<_> = ours.numbered(start.date(), near).take_while(|(_, date)| date.year() < 2028).collect();
        prop_assert!(numbered.iter().all(|(number, date)| all[*number as usize] == *date), "{}", rule);
        prop_assert_eq!(numbered.last().map(|(_, date)| *date), all.last().copied(), "{}", rule);
        let early = all.first().is_none_or(|first| *first > near) || numbered[0].1 <= near;
        prop_assert!(early, "{} begins too late", rule);
        prop_assert_eq!(ours.to_string().parse::<Recurrence>().unwrap(), ours);
    }
}

fn a_layer() -> impl Strategy<Value = Layer> {
    let rotations =
        vec!["daily", "every 3 days", "weekly", "FREQ=MONTHLY;BYDAY=2TU", "FREQ=WEEKLY;BYDAY=MO,FR"];
    let people = prop::sample::subsequence(vec!["anna", "ben", "carla", "dina"], 1..4);
    let hours = prop::option::of((0..24i8, 0..24i8, 0..128u8));
    (people, prop::sample::select(rotations), 0..200i64, 0..24i8, hours).prop_map(
        |(people, rotation, day, hour, hours)| {
            let first: jiff::civil::Date = "2025-10-01".parse().unwrap();
            let start = first.saturating_add(jiff::Span::new().days(day)).at(hour, 0, 0, 0);
            let restriction = hours.map(|(from, until, days)| Restriction {
                from: Time::constant(from, 0, 0, 0),
                until: Time::constant(until, 0, 0, 0),
                days: (0..7)
                    .filter(|day| days >> day & 1 == 1)
                    .map(|day| Weekday::from_monday_zero_offset(day).unwrap())
                    .collect::<Weekdays>(),
            });
            Layer { restriction, ..layer(&people, rotation, start) }
        },
    )
}

fn an_override() -> impl Strategy<Value = Override> {
    let who = || prop::sample::select(vec!["anna", "ben", "emil"]);
    (0..200i64 * 24, 1..100i64, who(), prop::option::of(who())).prop_map(|(from, hours, who, instead_of)| {
        let from = begin() + SignedDuration::from_hours(from);
        let until = from + SignedDuration::from_hours(hours);
        Override {
            from,
            until,
            person: person(who),
            instead_of: instead_of.map(person),
            by: None,
            reason: None,
        }
    })
}

fn begin() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Shifts are in order, without holes, no two neighbours are the same, and any question in between agrees with them.
    #[test]
    fn shifts_are_whole_and_agree_with_every_moment(
        layers in prop::collection::vec(a_layer(), 0..4),
        overrides in prop::collection::vec(an_override(), 0..4),
        extra in prop::collection::vec(an_override(), 0..3),
        zone in 0..3usize,
        first in 0..150i64 * 24 * 60,
        minutes in 1..40i64 * 24 * 60,
        moments in prop::collection::vec(0.0..1.0f64, 12),
    ) {
        let schedule = Schedule { overrides, ..schedule(ZONES[zone].0, layers) };
        let from = begin() + SignedDuration::from_mins(first);
        let until = from + SignedDuration::from_mins(minutes);
        let whole = shifts(&schedule, &extra, from, until);
        prop_assert_eq!(whole.first().map(|shift| shift.from), Some(from));
        prop_assert_eq!(whole.last().map(|shift| shift.until), Some(until));
        prop_assert!(whole.iter().all(|shift| shift.from < shift.until));
        prop_assert!(whole.windows(2).all(|pair| pair[0].until == pair[1].from && pair[0].duty != pair[1].duty));
        for share in moments {
            let at = from + SignedDuration::from_secs_f64(share * 60.0 * minutes as f64).round(jiff::Unit::Second).unwrap();
            let Some(shift) = whole.iter().find(|shift| shift.from <= at && at < shift.until) else { continue };
            let answer = on_call(&schedule, &extra, at);
            prop_assert_eq!(&answer.now, &shift.duty, "at {}", at);
            prop_assert!(answer.until.is_none_or(|end| end > at));
            // A change of person within what was asked for is the one that is answered.
            let change = whole.iter().find(|later| later.from > at && later.person() != shift.person());
            if let Some(Shift { from, .. }) = change {
                prop_assert_eq!(answer.until, Some(*from), "at {}", at);
            }
        }
        let nobody: Vec<Shift> = whole.iter().filter(|shift| shift.duty.is_none()).cloned().collect();
        prop_assert_eq!(mainstay_engine::gaps(&schedule, &extra, from, until), nobody);
    }
}
