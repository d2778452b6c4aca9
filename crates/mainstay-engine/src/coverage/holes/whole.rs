//! What is wrong with the configuration as a whole, whatever breaks.

use std::collections::BTreeSet;

use mainstay_model::{
    Dependency, Hole, HoleCode, Landscape, Match, QuietKind, Recipient, Route, RuleKey, Schedule, Severity,
    Stretch, nearest,
};

use super::*;
use crate::coverage::calendar::led_to;
use crate::coverage::fate;

pub(super) fn all(rehearsal: &Rehearsal<'_>, fired: &Fired, rules: &[Own], holes: &mut Vec<Hole>) {
    let landscape = rehearsal.landscape;
    holes.extend(selections(landscape));
    holes.extend(of_rules(fired, rules));
    let told: BTreeSet<String> = holes.iter().map(|hole| hole.place.clone()).collect();
    let untold = |hole: &Hole| !told.contains(&hole.place);
    holes.extend(switched_off(landscape).into_iter().filter(untold));
    holes.extend(schedules(rehearsal).into_iter().filter(untold));
    holes.extend(escalations(landscape));
    holes.extend(people(landscape).into_iter().filter(untold));
    holes.extend(fallback(landscape));
    holes.extend(proof(rehearsal));
    holes.extend(fate(rehearsal));
}

fn advice(code: HoleCode, place: String, what: String, mend: String) -> Hole {
    let severity = Severity::Info;
    Hole { code, severity, place, what, mend, dependencies: vec![], ways: 0, times: vec![] }
}

fn warning(code: HoleCode, place: String, what: String, mend: String) -> Hole {
    Hole { severity: Severity::Warn, ..advice(code, place, what, mend) }
}

/// What routes and quiet times look for and nothing has.
fn selections(landscape: &Landscape) -> Vec<Hole> {
    let mut all = Vec::new();
    of_routes(&landscape.routes, "routes", &mut all);
    let (mut maintenance, mut silences) = (0, 0);
    for quiet in &landscape.quiets {
        let (section, count) = match quiet.kind {
            QuietKind::Maintenance => ("maintenance", &mut maintenance),
            QuietKind::Silence => ("silences", &mut silences),
        };
        all.push((format!("{section}.{count}"), &quiet.what));
        *count += 1;
    }
    all.into_iter().flat_map(|(place, what)| selection(&place, what, landscape)).collect()
}

fn of_routes<'a>(routes: &'a [Route], under: &str, all: &mut Vec<(String, &'a Match)>) {
    for (place, route) in routes.iter().enumerate() {
        let path = format!("{under}.{place}");
        of_routes(&route.routes, &format!("{path}.routes"), all);
        all.push((path, &route.when));
    }
}

fn selection(place: &str, what: &Match, landscape: &Landscape) -> Vec<Hole> {
    let tags: BTreeSet<&str> =
        landscape.dependencies.values().flat_map(|one| &one.tags).map(String::as_str).collect();
    let wrong = what.tags.iter().filter(|tag| !tags.contains(tag.as_str())).map(|tag| {
        let mend = match nearest(tag, tags.iter().copied()) {
            Some(near) => format!("Write `{near}`, if that is meant, or give dependencies the tag."),
            None => format!("Give dependencies the tag {tag}, or remove it here."),
        };
        let what = format!("No dependency has the tag {tag}, which {place} looks for.");
        warning(HoleCode::WrongTag, format!("{place}.tags"), what, mend)
    });
    let wrong: Vec<Hole> = wrong.collect();
    let takes_none = !landscape.dependencies.values().any(|one| what.takes_dependency(one));
    if wrong.is_empty() && what.is_about_dependencies() && takes_none && !landscape.dependencies.is_empty() {
        let said = format!("No dependency meets all the conditions of {place}.");
        let mend = "The conditions must hold for one and the same dependency: correct them, or remove it.";
        return vec![warning(HoleCode::SelectsNothing, place.to_owned(), said, mend.into())];
    }
    wrong
}

fn of_rules(fired: &Fired, rules: &[Own]) -> Vec<Hole> {
    let hole = |(name, fault)| {
        let place = format!("rules.{name}");
        match fault {
            Fault::FiresTooLate => warning(
                HoleCode::RuleFiresTooLate,
                place,
                format!("The rule {name} fires for a certificate only when that has ended."),
                "Raise its threshold, or shorten its `for`.".into(),
            ),
            Fault::NeverFires => warning(
                HoleCode::RuleNeverFires,
                place,
                format!("The rule {name} never fires, whatever breaks."),
                "See whether its conditions exclude each other; `mainstay rule` tries it against what was seen.".into(),
            ),
            Fault::AlwaysFires(dependency) => warning(
                HoleCode::RuleAlwaysFires,
                place,
                format!("The rule {name} fires for {dependency} while nothing is wrong with it."),
                "Narrow its condition: what always holds is read by nobody.".into(),
            ),
        }
    };
    fired.faults(rules).into_iter().map(hole).collect()
}

/// Rules that are switched off, though nothing is missed for it.
fn switched_off(landscape: &Landscape) -> Vec<Hole> {
    let built_in = landscape.rules.built_in.iter().filter(|(_, rule)| !rule.enabled);
    let built_in = built_in.map(|(rule, _)| RuleKey::from(*rule));
    let own = landscape.rules.own.iter().filter(|(_, rule)| !rule.enabled);
    let own = own.map(|(name, _)| RuleKey::Own(name.clone()));
    built_in
        .chain(own)
        .map(|rule| {
            let what = format!("The rule {rule} is switched off.");
            let mend = "Remove it, if it is not wanted any more.".to_owned();
            advice(HoleCode::RuleSwitchedOff, format!("rules.{rule}"), what, mend)
        })
        .collect()
}

/// Schedules with gaps in which others are told, and schedules that nothing leads to.
fn schedules(rehearsal: &Rehearsal<'_>) -> Vec<Hole> {
    let landscape = rehearsal.landscape;
    let used = recipients(landscape);
    let of_one = |(name, schedule): (&ScheduleName, &Schedule)| {
        let place = format!("schedules.{name}");
        if !used.contains(&Recipient::Schedule(name.clone())) {
            let what = format!("Nothing leads to the schedule {name}.");
            let mend = "Name it under `to` of a route or of a step, or remove it.".to_owned();
            return Some(advice(HoleCode::ScheduleUnused, place, what, mend));
        }
        let times = gaps_in(rehearsal, name, schedule);
        let hole = match times.as_slice() {
            [] => return None,
            [one] if one.from <= rehearsal.from && one.until >= rehearsal.until => warning(
                HoleCode::EmptyRotation,
                place,
                format!("Nobody is ever on call in {name}; only others are told."),
                format!("See the layers of {name}: when they start, and which hours they leave."),
            ),
            _ => advice(
                HoleCode::ScheduleGap,
                place,
                format!("Nobody is on call in {name} {}; others are told then.", when(&times)),
                "Have somebody stand in by an override, or close the gap in its layers.".into(),
            ),
        };
        Some(Hole { times: times.into_iter().take(Hole::MOST_TIMES).collect(), ..hole })
    };
    landscape.schedules.iter().filter_map(of_one).collect()
}

/// When nobody is on call, in the time played.
pub(super) fn gaps_of(rehearsal: &Rehearsal<'_>, schedule: &str) -> Vec<Stretch> {
    let found = rehearsal.landscape.schedules.iter().find(|(name, _)| name.as_str() == schedule);
    found.map_or_else(Vec::new, |(name, schedule)| gaps_in(rehearsal, name, schedule))
}

fn gaps_in(rehearsal: &Rehearsal<'_>, name: &ScheduleName, schedule: &Schedule) -> Vec<Stretch> {
    let made = rehearsal.known.into_iter().flat_map(|known| &known.overrides);
    let made = made.filter(|kept| kept.schedule == *name).map(|kept| &kept.terms);
    let gaps = gaps(schedule, made, rehearsal.from, rehearsal.until);
    gaps.into_iter().map(|gap| Stretch { from: gap.from, until: gap.until }).collect()
}

/// `from Sun 2026-06-14 00:00 UTC until Mon 2026-06-15 00:00 UTC`; of several the first, and how many more.
pub(super) fn when(gaps: &[Stretch]) -> String {
    let clock = |at: Timestamp| at.strftime("%a %Y-%m-%d %H:%M UTC").to_string();
    match gaps {
        [] => String::new(),
        [one] => format!("from {} until {}", clock(one.from), clock(one.until)),
        [one, more @ ..] => {
            let times = if more.len() == 1 { "once more" } else { "again after that" };
            let count = if more.len() == 1 { String::new() } else { format!(" {} times", more.len()) };
            format!("from {} until {}, and{count} {times}", clock(one.from), clock(one.until))
        }
    }
}

/// Everybody that anything leads to.
fn recipients(landscape: &Landscape) -> BTreeSet<Recipient> {
    fn below(routes: &[Route], all: &mut BTreeSet<Recipient>) {
        for route in routes {
            all.extend(route.to.iter().cloned());
            below(&route.routes, all);
        }
    }
    let mut all: BTreeSet<Recipient> = landscape.fallback.iter().cloned().collect();
    below(&landscape.routes, &mut all);
    let policies = led_to(&landscape.routes, &landscape.escalations);
    all.extend(policies.values().flat_map(|policy| &policy.steps).flat_map(|step| step.to.iter().cloned()));
    all
}

fn escalations(landscape: &Landscape) -> Vec<Hole> {
    let reached = led_to(&landscape.routes, &landscape.escalations);
    let unreached = landscape.escalations.keys().filter(|name| !reached.contains_key(name));
    unreached
        .map(|name| {
            let what = format!("No route leads to the escalation {name}.");
            let mend = format!("Write `escalate: {name}` in a route, or remove it.");
            advice(HoleCode::EscalationUnreachable, format!("escalations.{name}"), what, mend)
        })
        .collect()
}

fn people(landscape: &Landscape) -> Vec<Hole> {
    let without = landscape.people.iter().filter(|(_, person)| person.channels.is_empty());
    without
        .map(|(name, _)| {
            let what = format!("{name} has no channel, and cannot be told of anything.");
            let mend = "Name channels under `channels`.".to_owned();
            warning(HoleCode::PersonWithoutChannel, format!("people.{name}"), what, mend)
        })
        .collect()
}

fn fallback(landscape: &Landscape) -> Option<Hole> {
    let missing = landscape.fallback.is_empty() && !landscape.escalations.is_empty();
    missing.then(|| {
        let what = "Nobody in particular is told when nobody was reached: there is no fallback.".to_owned();
        let mend = "Name a channel or a person under `fallback`.".to_owned();
        advice(HoleCode::NoFallback, "fallback".into(), what, mend)
    })
}

fn proof(rehearsal: &Rehearsal<'_>) -> Option<Hole> {
    let unknown =
        rehearsal.known.is_none() && !rehearsal.require_proven && !rehearsal.landscape.channels.is_empty();
    unknown.then(|| {
        let what = "Whether the channels work is not known: only the configuration was looked at.".to_owned();
        let mend = "Rehearse where Mainstay runs, or with --require-proven.".to_owned();
        advice(HoleCode::ProofUnknown, "channels".into(), what, mend)
    })
}

/// Names that nobody could resolve may lead to whom they are to tell of.
fn fate(rehearsal: &Rehearsal<'_>) -> Option<Hole> {
    /// So many are named.
    const MOST: usize = 3;
    let missing = fate::unanswered(rehearsal.landscape, rehearsal.resolved?);
    let others = missing.len().saturating_sub(MOST);
    let mut named: Vec<String> = missing.into_iter().take(MOST).collect();
    if others > 0 {
        named.push(format!("{others} more"));
    }
    (!named.is_empty()).then(|| {
        let what = format!(
            "Whether a channel or the status page fails together with what it tells of is known only by how names are spelt: \
             nobody could say where {} {}.",
            list(&named),
            if named.len() == 1 { "leads" } else { "lead" }
        );
        let mend = "Rehearse where these names can be resolved.".to_owned();
        advice(HoleCode::FateUnknown, "channels".into(), what, mend)
    })
}

/// The status page must outlive those that it is to tell of.
pub(super) fn status_page(fates: &Fates<'_>, dependencies: &[&Dependency]) -> Option<Hole> {
    let with = dependencies.iter().filter_map(|one| Some((one, fates.takes_the_status_page(one)?)));
    let (names, why): (Vec<DependencyName>, Vec<&str>) =
        with.map(|(one, why)| (one.name.clone(), why)).unzip();
    let why = why.first().copied().unwrap_or_default();
    (!names.is_empty()).then(|| Hole {
        dependencies: names.clone(),
        ..warning(
            HoleCode::StatusPageSharesFate,
            "status_page.public_url".into(),
            format!("The status page fails together with {}: {why}.", list(&names)),
            "Serve it from somebody else.".into(),
        )
    })
}
