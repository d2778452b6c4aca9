use std::collections::BTreeMap;

use jiff::SignedDuration;
use mainstay_model::{
    BreakingGroup, Course, Cover, Coverage, Covered, Heard, Hole, Leads, Severity, Stretch, Way, in_words,
};

use crate::terminal::{cell, fit};

/// Columns of a narrow terminal.
const WIDTH: usize = 80;
/// Columns of the names.
const NAME: usize = 22;
/// Columns of each group of ways.
const COLUMN: usize = 7;
/// More rows than these are shown only where something is not covered.
const ROWS: usize = 40;

/// The sentence, the table, the holes.
pub(super) fn whole(coverage: &Coverage, colour: bool) -> String {
    let mut lines = fit(&coverage.sentence(), WIDTH);
    if !coverage.dependencies.is_empty() {
        lines.push(String::new());
        lines.extend(table(coverage, colour));
    }
    lines.extend(holes(coverage, colour));
    finish(lines)
}

/// Each dependency with everybody who is told.
pub(super) fn each(coverage: &Coverage, colour: bool) -> String {
    let mut lines = fit(&coverage.sentence(), WIDTH);
    for covered in &coverage.dependencies {
        lines.push(String::new());
        lines.push(covered.name.to_string());
        lines.extend(courses(covered, coverage, colour));
    }
    lines.extend(holes(coverage, colour));
    finish(lines)
}

fn finish(lines: Vec<String>) -> String {
    lines.into_iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn table(coverage: &Coverage, colour: bool) -> Vec<String> {
    let head: String = BreakingGroup::ALL.iter().map(|group| cell(group.as_str(), COLUMN)).collect();
    let mut lines = vec![format!("{}{head}", cell("", NAME + 1))];
    let all = &coverage.dependencies;
    let is_sound = |one: &&Covered| one.ways.iter().all(|way| way.cover == Cover::Covered);
    let shown = all.iter().filter(|one| all.len() <= ROWS || !is_sound(one));
    lines.extend(shown.map(|one| row(one, colour)));
    let hidden = all.iter().filter(|one| all.len() > ROWS && is_sound(one)).count();
    if hidden > 0 {
        lines.push(format!("{hidden} more are covered in every way."));
    }
    lines.push(String::new());
    lines.extend(fit("● told  ▲ late  ◇ never proven  ◐ fallback only  ◆ fails with it  ■ nobody", WIDTH));
    lines
}

fn row(one: &Covered, colour: bool) -> String {
    let cells = BreakingGroup::ALL.iter().map(|group| match one.worst_of(*group) {
        Some(cover) => painted(cover, &cell(&cover.symbol().to_string(), COLUMN), colour),
        None => cell("", COLUMN),
    });
    format!("{} {}", cell(one.name.as_str(), NAME), cells.collect::<String>())
}

fn painted(cover: Cover, text: &str, colour: bool) -> String {
    let code = match cover {
        Cover::Covered => "32",
        Cover::Late | Cover::Unproven | Cover::Fallback => "33",
        Cover::Shared | Cover::Nobody => "31",
    };
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn holes(coverage: &Coverage, colour: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for hole in &coverage.holes {
        lines.push(String::new());
        let mark = if hole.is_one() { "■" } else { "·" };
        let cover = if hole.severity == Severity::High { Cover::Nobody } else { Cover::Late };
        let mark = if hole.is_one() { painted(cover, mark, colour) } else { mark.to_owned() };
        let mut said = fit(&hole.what, WIDTH - 2).into_iter();
        lines.push(format!("{mark} {}", said.next().unwrap_or_default()));
        let rest = said.chain(fit(&hole.mend, WIDTH - 2));
        lines.extend(rest.map(|line| format!("  {line}")));
        lines.push(format!("  {} at {}", hole.code, hole.place));
        lines.extend(times(hole).into_iter().map(|line| format!("  {line}")));
    }
    lines
}

/// The sentence of a schedule names its first gap already; of several, and of anything else, the times are listed.
fn times(hole: &Hole) -> Vec<String> {
    let clock = |stretch: &Stretch| {
        let format = "%a %Y-%m-%d %H:%M";
        format!("{} to {} UTC", stretch.from.strftime(format), stretch.until.strftime(format))
    };
    if hole.times.len() <= 1 && hole.place.starts_with("schedules.") {
        return Vec::new();
    }
    hole.times.iter().map(clock).collect()
}

/// Ways that have the same courses are told once.
fn courses(covered: &Covered, coverage: &Coverage, colour: bool) -> Vec<String> {
    let mut alike: BTreeMap<String, Vec<&Way>> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for way in &covered.ways {
        let key = format!("{:?}", way.courses);
        if !alike.contains_key(&key) {
            order.push(key.clone());
        }
        alike.entry(key).or_default().push(way);
    }
    let whole = coverage.until.duration_since(coverage.from).as_secs().unsigned_abs();
    let mut lines = Vec::new();
    for ways in order.iter().filter_map(|key| alike.get(key)) {
        let words: Vec<&str> = ways.iter().map(|way| way.breaking.as_str()).collect();
        lines.push(String::new());
        lines.extend(fit(&words.join(", "), WIDTH - 2).into_iter().map(|line| format!("  {line}")));
        for (who, group) in by_outcome(&ways[0].courses) {
            lines.extend(course(&who, &group, whole, colour));
        }
    }
    lines
}

/// Courses that tell the same in the same order: in what they differ is how long it takes at which moments.
fn by_outcome(courses: &[Course]) -> Vec<(Vec<&Heard>, Vec<&Course>)> {
    let mut groups: Vec<(Vec<&Heard>, Vec<&Course>)> = Vec::new();
    for course in courses {
        let same = |(heard, group): &&mut (Vec<&Heard>, Vec<&Course>)| {
            group.iter().all(|one| one.cover == course.cover)
                && heard.len() == course.told.len()
                && heard
                    .iter()
                    .zip(course.told.iter())
                    .all(|(a, b)| (&a.channel, &a.by) == (&b.channel, &b.by))
        };
        match groups.iter_mut().find(same) {
            Some((_, group)) => group.push(course),
            None => groups.push((course.told.iter().collect(), vec![course])),
        }
    }
    groups
}

fn course(told: &[&Heard], group: &[&Course], whole: u64, colour: bool) -> Vec<String> {
    let seconds: u64 = group.iter().map(|one| one.seconds).sum();
    let cover = group.iter().map(|one| one.cover).max().unwrap_or(Cover::Covered);
    let share = match group.iter().map(|one| one.first).min() {
        _ if seconds >= whole => "at every moment".to_owned(),
        Some(first) => {
            let hours = seconds.div_ceil(3_600);
            format!("from {} on, for {hours} h in all", first.strftime("%a %Y-%m-%d %H:%M UTC"))
        }
        None => String::new(),
    };
    let mark = painted(cover, &cover.symbol().to_string(), colour);
    let clause = cover.in_words().map_or(String::new(), |clause| format!(": {clause}"));
    let mut said_of_it = fit(&format!("{share}{clause}"), WIDTH - 6).into_iter();
    let mut lines = vec![format!("    {mark} {}", said_of_it.next().unwrap_or_default())];
    lines.extend(said_of_it.map(|line| format!("      {line}")));
    for (place, heard) in told.iter().enumerate() {
        let after = group.iter().filter_map(|one| one.told.get(place)).map(|one| one.after_ms).max();
        lines.push(format!("        {} {}", cell(&waited(after.unwrap_or_default()), 12), said(heard)));
    }
    lines
}

/// `after 31 s`, always rounded up.
fn waited(ms: u64) -> String {
    let seconds = i64::try_from(ms.div_ceil(1_000)).unwrap_or(i64::MAX);
    match seconds {
        0 => "at once".to_owned(),
        _ => format!("after {}", in_words(SignedDuration::from_secs(seconds)).replace(" min", "\u{a0}min")),
    }
}

fn said(heard: &Heard) -> String {
    let who = match &heard.person {
        Some(person) => format!("{person} by {}", heard.channel),
        None => heard.channel.to_string(),
    };
    let by = match &heard.by {
        Leads::Route => "route".to_owned(),
        Leads::Step { escalation, step, round: 1 } => format!("{escalation}, step {step}"),
        Leads::Step { escalation, step, round } => format!("{escalation}, step {step}, round {round}"),
        Leads::Digest => "digest".to_owned(),
        Leads::Fallback => "fallback, as nobody took it up".to_owned(),
    };
    format!("{who} ({by}), {}", heard.severity)
}
