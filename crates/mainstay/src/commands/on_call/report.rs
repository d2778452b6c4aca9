use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Duty, Source, gaps, on_call};
use mainstay_model::{
    KeptOverride, Landscape, Override, PersonName, Schedule, ScheduleName, in_words, moment,
};
use serde::Serialize;

/// A moment, or a time on the clock of each schedule.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    Moment(Timestamp),
    Local(DateTime),
}

impl Asked {
    /// Reads what stands on the command line.
    pub(super) fn read(text: &str) -> Result<Asked, String> {
        let local = || text.parse().map(Asked::Local);
        text.parse().map(Asked::Moment).or_else(|_| local()).map_err(|_| {
            "write for example 2026-08-01T09:00, or with its offset 2026-08-01T09:00:00Z".to_owned()
        })
    }

    fn within(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Asked::Moment(at) => Some(at),
            Asked::Local(local) => moment(zone, local),
        }
    }
}

/// More gaps than these are only counted.
const LISTED: usize = 5;

/// Who is on call for each schedule.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schedules: Vec<Rota>,
}

#[derive(Debug, Serialize)]
struct Rota {
    name: ScheduleName,
    title: String,
    timezone: String,
    /// The moment that is told of.
    at: Timestamp,
    now: Option<Who>,
    until: Option<Timestamp>,
    next: Option<Who>,
    /// When the next one's time ends.
    next_until: Option<Timestamp>,
    /// Times without anybody, within the horizon of `server.gap_warning`.
    gaps: Vec<Gap>,
    #[serde(skip)]
    zone: TimeZone,
}

#[derive(Debug, Serialize)]
struct Who {
    person: PersonName,
    title: String,
    by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Gap {
    from: Timestamp,
    until: Timestamp,
}

impl Report {
    pub(super) fn of(
        landscape: &Landscape,
        kept: &[KeptOverride],
        only: Option<&str>,
        asked: Asked,
    ) -> Report {
        let wanted = |name: &ScheduleName| only.is_none_or(|only| only == name.as_str());
        let schedules = landscape.schedules.iter().filter(|(name, _)| wanted(name));
        let rota = |(name, schedule)| rota(landscape, name, schedule, kept, asked);
        Report { schedules: schedules.filter_map(rota).collect() }
    }

    /// Whether somebody is on call for each schedule.
    pub(super) fn is_covered(&self) -> bool {
        !self.schedules.is_empty() && self.schedules.iter().all(|rota| rota.now.is_some())
    }
}

fn rota(
    landscape: &Landscape,
    name: &ScheduleName,
    schedule: &Schedule,
    kept: &[KeptOverride],
    asked: Asked,
) -> Option<Rota> {
    let at = asked.within(&schedule.timezone)?;
    let extra: Vec<Override> =
        kept.iter().filter(|one| one.schedule == *name).map(|one| one.terms.clone()).collect();
    let duty = on_call(schedule, &extra, at);
    let who = |duty: Duty| who(landscape, duty);
    let next_until = duty.until.and_then(|until| on_call(schedule, &extra, until).until);
    let horizon = SignedDuration::try_from(landscape.gap_warning.0).unwrap_or(SignedDuration::MAX);
    let ahead = gaps(schedule, &extra, at, at.saturating_add(horizon).unwrap_or(at));
    Some(Rota {
        name: name.clone(),
        title: schedule.title.clone(),
        timezone: schedule.timezone.iana_name().unwrap_or("local time").to_owned(),
        at,
        now: duty.now.map(who),
        until: duty.until,
        next: duty.next.map(who),
        next_until,
        gaps: ahead.into_iter().map(|gap| Gap { from: gap.from, until: gap.until }).collect(),
        zone: schedule.timezone.clone(),
    })
}

fn who(landscape: &Landscape, duty: Duty) -> Who {
    let title = landscape.people.get(&duty.person).map(|person| person.title.clone());
    let (by, layer) = match duty.source {
        Source::Layer(place) => ("layer", Some(place + 1)),
        Source::Override(_) => ("override", None),
    };
    Who { title: title.unwrap_or_else(|| duty.person.to_string()), person: duty.person, by, layer }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, rota) in self.schedules.iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            write!(f, "{rota}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Rota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |at: Timestamp| at.to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string();
        let until = |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!(" until {}", clock(at)));
        let name = |who: &Option<Who>| who.as_ref().map_or("nobody", |who| who.title.as_str()).to_owned();
        let stands_in = |who: &Option<Who>| match who {
            Some(Who { by: "override", .. }) => ", standing in",
            _ => "",
        };
        writeln!(f, "{} at {} ({})", self.title, clock(self.at), self.timezone)?;
        writeln!(f, "  now   {}{}{}", name(&self.now), until(self.until), stands_in(&self.now))?;
        if self.until.is_some() {
            writeln!(f, "  next  {}{}{}", name(&self.next), until(self.next_until), stands_in(&self.next))?;
        }
        // The one that runs now is told already.
        let ahead: Vec<&Gap> = self.gaps.iter().filter(|gap| gap.from > self.at).collect();
        for gap in ahead.iter().take(LISTED) {
            let length = in_words(gap.until.duration_since(gap.from));
            writeln!(f, "  gap   nobody from {} for {length}", clock(gap.from))?;
        }
        if ahead.len() > LISTED {
            writeln!(f, "  gap   and {} more; --output json lists them all", ahead.len() - LISTED)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Surroundings, parse};

    const EXAMPLE: &str = include_str!("../../../../../examples/on-call.yaml");

    fn landscape(text: &str) -> Landscape {
        let env = |_: &str| Some("hush".to_owned());
        let read = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        parse(text, &Surroundings { file: Path::new("on-call.yaml"), env: &env, read: &read })
            .unwrap()
            .landscape
    }

    fn report(landscape: &Landscape, kept: &[KeptOverride], at: &str) -> Report {
        Report::of(landscape, kept, None, Asked::read(at).unwrap())
    }

    #[test]
    fn the_example_on_an_ordinary_day_and_in_the_holidays() {
        let landscape = landscape(EXAMPLE);
        insta::assert_snapshot!(report(&landscape, &[], "2026-11-27T10:00:00Z"), @r"
        Databases at Fri 2026-11-27 05:00 (America/New_York)
          now   Dina until Tue 2026-12-08 10:00
          next  Anna until Tue 2027-01-12 10:00

        Platform at Fri 2026-11-27 11:00 (Europe/Berlin)
          now   Anna until Fri 2026-11-27 19:00
          next  Carla until Sat 2026-11-28 07:00
        ");
        let holidays = report(&landscape, &[], "2026-12-25 12:00");
        insta::assert_snapshot!(holidays.schedules[1], @r"
        Platform at Fri 2026-12-25 12:00 (Europe/Berlin)
          now   Dina until Fri 2026-12-25 19:00, standing in
          next  Carla until Sat 2026-12-26 07:00
        ");
        assert!(holidays.is_covered());
    }

    #[test]
    fn a_gap_is_told_and_an_override_of_the_running_server_counts() {
        let text = EXAMPLE.replace(", hours: 19:00-07:00", ", hours: 19:00-06:00");
        let landscape = landscape(&text);
        let night = report(&landscape, &[], "2026-11-28 06:30");
        assert!(!night.is_covered());
        insta::assert_snapshot!(night.schedules[1], @r"
        Platform at Sat 2026-11-28 06:30 (Europe/Berlin)
          now   nobody until Sat 2026-11-28 07:00
          next  Anna until Sat 2026-11-28 19:00
          gap   nobody from Sun 2026-11-29 06:00 for 1 h
          gap   nobody from Mon 2026-11-30 06:00 for 1 h
          gap   nobody from Tue 2026-12-01 06:00 for 1 h
          gap   nobody from Wed 2026-12-02 06:00 for 1 h
          gap   nobody from Thu 2026-12-03 06:00 for 1 h
          gap   and 2 more; --output json lists them all
        ");
        let kept = KeptOverride {
            id: "01a20534-dc00-71bb-94d8-d101b5b9c34d".parse().unwrap(),
            schedule: "platform".parse().unwrap(),
            created_at: Timestamp::UNIX_EPOCH,
            terms: Override {
                from: "2026-11-28T05:00:00Z".parse().unwrap(),
                until: "2026-11-28T06:00:00Z".parse().unwrap(),
                person: "ben".parse().unwrap(),
                instead_of: None,
                by: Some("operator".into()),
                reason: None,
            },
        };
        let night = report(&landscape, &[kept], "2026-11-28 06:30");
        assert!(night.is_covered());
        let json = serde_json::to_value(&night).unwrap();
        let platform = &json["schedules"][1];
        assert_eq!(platform["now"], serde_json::json!({ "person": "ben", "title": "Ben", "by": "override" }));
        assert_eq!(platform["next"]["layer"], 1);
        assert_eq!(platform["gaps"][0]["from"], "2026-11-29T05:00:00Z");
    }

    #[test]
    fn times_as_people_write_them() {
        assert!(matches!(Asked::read("2026-08-01T09:00"), Ok(Asked::Local(_))));
        assert!(matches!(Asked::read("2026-08-01 09:00"), Ok(Asked::Local(_))));
        assert!(matches!(Asked::read("2026-08-01T09:00+02:00"), Ok(Asked::Moment(_))));
        assert!(Asked::read("tomorrow").unwrap_err().contains("2026-08-01T09:00"));
    }
}
