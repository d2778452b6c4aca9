use askama::Template;
use askama::filters::HtmlSafe;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use mainstay_engine::Shift;

/// Rows of the calendar, a week each.
const WEEKS: i32 = 4;

/// Height of a row in pixels, and of the line of days above it.
const ROW: i32 = 28;

/// From this many hours on a block has room for a name on a phone, and from this many for its first letter.
const ROOM_FOR_NAME: f64 = 30.0;
const ROOM_FOR_LETTER: f64 = 8.0;

/// The tints that the people of a schedule take turns in; each block says its name too, or the list does.
const TINTS: usize = 4;

/// Who is on call in the four weeks from today: a row a week in the schedule's own days, a block for each shift.
#[derive(Template)]
#[template(path = "picture/rota.html")]
pub(crate) struct Rota {
    words: String,
    /// The names of the seven days of a row, each with its place.
    days: Vec<(String, String)>,
    weeks: Vec<Week>,
}

struct Week {
    label: String,
    blocks: Vec<Block>,
}

struct Block {
    x: String,
    width: String,
    class: String,
    text: String,
    /// Whether there is room for a single letter only.
    narrow: bool,
    title: String,
}

impl HtmlSafe for Rota {}

impl Rota {
    /// The moments from which to which a calendar drawn now reaches.
    pub(crate) fn reach(zone: &TimeZone, now: Timestamp) -> (Timestamp, Timestamp) {
        let today = zone.to_datetime(now).date();
        let midnight =
            |date: Date| mainstay_model::moment(zone, date.to_datetime(jiff::civil::Time::midnight()));
        let end = today.saturating_add((7 * WEEKS).days());
        (midnight(today).unwrap_or(now), midnight(end).unwrap_or(now))
    }

    /// `shifts` are those of the reach; `name` is how a person is called, and `words` say the same as the picture.
    pub(crate) fn draw(
        shifts: &[Shift],
        zone: &TimeZone,
        now: Timestamp,
        name: impl Fn(&str) -> String,
        words: String,
    ) -> Rota {
        let today = zone.to_datetime(now).date();
        let mut people: Vec<&str> = Vec::new();
        for person in shifts.iter().filter_map(Shift::person) {
            if !people.contains(&person.as_str()) {
                people.push(person.as_str());
            }
        }
        let week = |number: i32| {
            let first = today.saturating_add((7 * number).days());
            let blocks =
                shifts.iter().filter_map(|shift| block(shift, first, zone, &people, &name)).collect();
            Week { label: first.strftime("%-d %b").to_string(), blocks }
        };
        let day = |number: i32| {
            let date = today.saturating_add(number.days());
            (percent(f64::from(number) * 24.0), date.strftime("%a").to_string())
        };
        Rota { words, days: (0..7).map(day).collect(), weeks: (0..WEEKS).map(week).collect() }
    }
}

/// The part of a shift that lies in the week that begins with this day.
fn block(
    shift: &Shift,
    first: Date,
    zone: &TimeZone,
    people: &[&str],
    name: &impl Fn(&str) -> String,
) -> Option<Block> {
    let place = |at: Timestamp| hours_from(first, zone.to_datetime(at)).clamp(0.0, 168.0);
    let (from, until) = (place(shift.from), place(shift.until));
    let length = until - from;
    if length <= 0.0 {
        return None;
    }
    let (who, class) = match shift.person() {
        Some(person) => {
            let at = people.iter().position(|one| *one == person.as_str()).unwrap_or(0);
            (name(person.as_str()), format!("who who-{}", at % TINTS + 1))
        }
        None => ("nobody".to_owned(), "who who-nobody".to_owned()),
    };
    let text = match length {
        ROOM_FOR_NAME.. => who.clone(),
        ROOM_FOR_LETTER.. => who.chars().take(1).collect(),
        _ => String::new(),
    };
    let clock = |at: Timestamp| zone.to_datetime(at).strftime("%a %-d %b %H:%M").to_string();
    let title = format!("{who}: {} to {}", clock(shift.from), clock(shift.until));
    let narrow = length < ROOM_FOR_NAME;
    Some(Block { x: percent(from), width: percent(length), class, text, narrow, title })
}

/// Hours on the clock, so that every day is as wide as the others, also one of 23 or 25 hours.
fn hours_from(first: Date, at: DateTime) -> f64 {
    at.duration_since(first.to_datetime(jiff::civil::Time::midnight())).as_secs_f64() / 3600.0
}

fn percent(hours: f64) -> String {
    format!("{:.3}%", hours / 168.0 * 100.0)
}

#[cfg(test)]
mod tests {
    use mainstay_engine::{Duty, Source};

    use super::*;

    fn shift(from: &str, until: &str, person: Option<&str>) -> Shift {
        let duty = person.map(|name| Duty { person: name.parse().unwrap(), source: Source::Layer(0) });
        Shift { from: from.parse().unwrap(), until: until.parse().unwrap(), duty }
    }

    #[test]
    fn a_shift_over_two_weeks_is_a_block_in_each_and_a_gap_is_one_of_its_own() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now: Timestamp = "2026-11-22T22:41:00Z".parse().unwrap();
        let (from, until) = Rota::reach(&zone, now);
        assert_eq!(
            (from.to_string(), until.to_string()),
            ("2026-11-21T23:00:00Z".into(), "2026-12-19T23:00:00Z".into())
        );
        let shifts = [
            shift("2026-11-21T23:00:00Z", "2026-11-23T08:00:00Z", Some("anna")),
            shift("2026-11-23T08:00:00Z", "2026-12-01T08:00:00Z", Some("ben")),
            shift("2026-12-01T08:00:00Z", "2026-12-01T20:00:00Z", None),
            shift("2026-12-01T20:00:00Z", "2026-12-19T23:00:00Z", Some("anna")),
        ];
        let rota = Rota::draw(&shifts, &zone, now, str::to_uppercase, "words".into());
        let line = |week: &Week| {
            let blocks = week.blocks.iter().map(|one| format!("{} {} {}", one.x, one.class, one.text));
            format!("{}: {}", week.label, blocks.collect::<Vec<_>>().join(", "))
        };
        assert_eq!(
            rota.weeks.iter().map(line).collect::<Vec<_>>(),
            [
                "22 Nov: 0.000% who who-1 ANNA, 19.643% who who-2 BEN",
                "29 Nov: 0.000% who who-2 BEN, 33.929% who who-nobody n, 41.071% who who-1 ANNA",
                "6 Dec: 0.000% who who-1 ANNA",
                "13 Dec: 0.000% who who-1 ANNA",
            ]
        );
        assert_eq!(rota.weeks[0].blocks[1].title, "BEN: Mon 23 Nov 09:00 to Tue 1 Dec 09:00");
        assert_eq!(rota.days[1], ("14.286%".into(), "Mon".into()));
        assert!(rota.render().unwrap().contains("aria-label=\"words\""));
    }
}
