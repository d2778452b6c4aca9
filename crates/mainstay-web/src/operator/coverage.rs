use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use mainstay_model::{BreakingGroup, Cover, Coverage, Covered, Hole, Stretch};
use mainstay_store::CoveragePoint;

use super::channels;
use super::context::Context;
use super::known::Known;
use super::overview::address_of;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use crate::show::{Sign, When, plural};

/// So many earlier proofs are listed.
const HISTORY: u32 = 30;

/// `GET /coverage`: whether somebody will be told, whatever breaks.
pub(super) async fn get(State(context): State<Arc<Context>>) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let store = &context.operator.store;
    let latest = store.coverage().await?;
    let history = store.coverage_history(HISTORY).await?;
    Ok(html(&page(&known, latest, &history)))
}

#[derive(Template)]
#[template(path = "operator/coverage.html")]
struct Proof {
    page: Page,
    sentence: String,
    proven: Option<When>,
    holes: Vec<Told>,
    advice: Vec<Told>,
    heads: Vec<&'static str>,
    rows: Vec<Row>,
    history: Vec<Past>,
}

/// A hole in words.
struct Told {
    sign: Sign,
    what: String,
    mend: String,
    code: &'static str,
    place: String,
    /// Where its place can be looked at; empty where it has no page.
    address: String,
    times: Vec<String>,
}

/// One dependency, with a cell for each group of ways to break.
struct Row {
    name: String,
    address: String,
    worst: Sign,
    cells: Vec<Cell>,
}

/// The worst of a group; without a sign where it cannot break so.
struct Cell {
    group: &'static str,
    sign: Option<Sign>,
    word: &'static str,
}

/// An earlier proof.
struct Past {
    at: When,
    sign: Sign,
    text: String,
}

fn page(known: &Known, latest: Option<(Timestamp, Coverage)>, history: &[CoveragePoint]) -> Proof {
    let coverage = latest.as_ref().map(|(_, coverage)| coverage);
    let all = coverage.map_or(&[][..], |coverage| &coverage.holes);
    let (holes, advice): (Vec<_>, Vec<_>) = all.iter().partition(|hole| hole.is_one());
    let worst = if holes.is_empty() { Sign::Healthy } else { Sign::Down };
    let mut rows: Vec<Row> = coverage.iter().flat_map(|one| &one.dependencies).map(row).collect();
    // Whatever is not covered stands at the top, and below it everything by name.
    rows.sort_by_key(|row| std::cmp::Reverse(row.worst));
    Proof {
        page: Page::new(known, Here::Coverage, &window_title(worst, "Coverage")),
        sentence: coverage.map_or_else(
            || "Nothing was rehearsed yet; the first proof follows within a minute of the start.".into(),
            Coverage::sentence,
        ),
        proven: latest.as_ref().map(|(at, _)| When::relative(*at, known.now)),
        holes: holes.into_iter().map(told).collect(),
        advice: advice.into_iter().map(told).collect(),
        heads: BreakingGroup::ALL.iter().map(|group| head(*group)).collect(),
        rows,
        history: history.iter().map(|point| past(point, known.now)).collect(),
    }
}

fn told(hole: &Hole) -> Told {
    let sign = match hole.severity {
        mainstay_model::Severity::Page | mainstay_model::Severity::High => Sign::Down,
        mainstay_model::Severity::Warn => Sign::Degraded,
        mainstay_model::Severity::Info => Sign::Unknown,
    };
    Told {
        sign,
        what: hole.what.clone(),
        mend: hole.mend.clone(),
        code: hole.code.as_str(),
        place: hole.place.clone(),
        address: hole.place.strip_prefix("channels.").map(channels::address_of).unwrap_or_default(),
        times: if hole.times.len() > 1 { hole.times.iter().map(stretch).collect() } else { Vec::new() },
    }
}

fn stretch(one: &Stretch) -> String {
    let format = "%a %Y-%m-%d %H:%M";
    format!("{} to {} UTC", one.from.strftime(format), one.until.strftime(format))
}

fn row(covered: &Covered) -> Row {
    let cells: Vec<Cell> = BreakingGroup::ALL
        .iter()
        .map(|group| {
            let cover = covered.worst_of(*group);
            Cell { group: head(*group), sign: cover.map(sign), word: cover.map_or("", word) }
        })
        .collect();
    let worst = cells.iter().filter_map(|cell| cell.sign).max().unwrap_or(Sign::Healthy);
    Row { name: covered.name.to_string(), address: address_of(&covered.name), worst, cells }
}

fn sign(cover: Cover) -> Sign {
    match cover {
        Cover::Covered => Sign::Healthy,
        Cover::Unproven => Sign::Unknown,
        Cover::Late | Cover::Fallback => Sign::Degraded,
        Cover::Shared | Cover::Nobody => Sign::Down,
    }
}

/// One word for a cell.
fn word(cover: Cover) -> &'static str {
    match cover {
        Cover::Covered => "told",
        Cover::Late => "late",
        Cover::Unproven => "unproven",
        Cover::Fallback => "fallback",
        Cover::Shared => "shared",
        Cover::Nobody => "nobody",
    }
}

fn head(group: BreakingGroup) -> &'static str {
    match group {
        BreakingGroup::Network => "Network",
        BreakingGroup::Tls => "TLS",
        BreakingGroup::Certificate => "Certificate",
        BreakingGroup::Ending => "Its end",
        BreakingGroup::Answer => "Answer",
        BreakingGroup::Slow => "Slow",
        BreakingGroup::Partly => "In part",
        BreakingGroup::Unchecked => "Unchecked",
    }
}

fn past(point: &CoveragePoint, now: Timestamp) -> Past {
    let holes = usize::try_from(point.holes).unwrap_or(usize::MAX);
    let text = match holes {
        0 => format!("no hole in {} ways", point.ways),
        count => format!("{} in {} ways", plural(count, "hole", "holes"), point.ways),
    };
    let sign = if holes == 0 { Sign::Healthy } else { Sign::Down };
    Past { at: When::relative(point.at, now), sign, text }
}
