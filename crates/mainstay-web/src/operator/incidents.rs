use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use mainstay_model::{ComponentName, Incident, IncidentId, IncidentState};
use mainstay_store::IncidentFilter;
use serde::Deserialize;

use super::asked::Asked;
use super::context::Context;
use super::known::Known;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use super::words;
use crate::show::{Sign, When};

mod figures;

use figures::Figures;
pub(crate) use figures::{Span, length};

/// Past incidents on a page.
const ROWS: u32 = 50;

/// So many are counted by month, the latest.
const COUNTED: u32 = 2_000;

/// Where in the past the page begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct From {
    before: String,
}

/// `GET /incidents`: what is open, then what was.
pub(super) async fn get(
    State(context): State<Arc<Context>>,
    Asked(from): Asked<From>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let before: Option<IncidentId> = from.before.parse().ok();
    let filter = IncidentFilter { open: Some(false), before, limit: ROWS, ..IncidentFilter::default() };
    let past = context.operator.store.incidents(&filter).await?;
    let older = (past.len() == ROWS as usize).then(|| past.last().map(|one| one.id)).flatten();
    let worst = known.in_earnest().map(|one| sign(one, known.now)).max().unwrap_or(Sign::Healthy);
    let sentence = sentence(&known);
    let figures = match before {
        None => Figures::of(&of_a_year(&context, known.now).await?, known.now),
        Some(_) => None,
    };
    Ok(html(&Incidents {
        page: Page::new(&known, Here::Incidents, &window_title(worst, sentence.trim_end_matches('.'))),
        sentence,
        incidents: known.open.iter().map(|one| Line::of(one, &known)).collect(),
        past: past.iter().map(|one| Line::of(one, &known)).collect(),
        first: before.is_none(),
        older,
        figures,
    }))
}

/// The latest of those that were open within a year, so many at most, without drills: those have figures of their own.
async fn of_a_year(context: &Context, now: Timestamp) -> Result<Vec<Incident>, Trouble> {
    let since = now.saturating_sub(SignedDuration::from_hours(366 * 24)).unwrap_or(Timestamp::MIN);
    let filter = IncidentFilter { since: Some(since), limit: COUNTED, ..IncidentFilter::default() };
    let mut incidents = context.operator.store.incidents(&filter).await?;
    incidents.retain(|one| !one.is_drill());
    Ok(incidents)
}

#[derive(Template)]
#[template(path = "operator/incidents.html")]
struct Incidents {
    page: Page,
    sentence: String,
    incidents: Vec<Line>,
    past: Vec<Line>,
    first: bool,
    older: Option<IncidentId>,
    figures: Option<Figures>,
}

/// An incident on a line or two.
pub(super) struct Line {
    pub(super) id: IncidentId,
    pub(super) title: String,
    pub(super) sign: Sign,
    pub(super) state: String,
    pub(super) when: When,
    pub(super) detail: String,
}

impl Line {
    pub(super) fn of(incident: &Incident, known: &Known) -> Line {
        let now = known.now;
        let sign = sign(incident, now);
        Line {
            id: incident.id,
            title: incident.title.clone(),
            sign,
            state: state(incident, now).to_owned(),
            when: When::relative(incident.resolved_at().unwrap_or(words::broke(incident)), now),
            detail: detail(incident, known),
        }
    }
}

/// The shape and colour of an incident.
pub(super) fn sign(incident: &Incident, now: Timestamp) -> Sign {
    match &incident.state {
        IncidentState::Resolved { .. } => Sign::Healthy,
        _ if incident.breaks_at.is_some_and(|at| at > now) => Sign::Impending,
        _ if incident.severity >= mainstay_model::Severity::High => Sign::Down,
        _ => Sign::Degraded,
    }
}

/// The word for where it stands.
pub(super) fn state(incident: &Incident, now: Timestamp) -> &'static str {
    match &incident.state {
        IncidentState::Open if incident.breaks_at.is_some_and(|at| at > now) => "impending",
        other => other.as_str(),
    }
}

fn detail(incident: &Incident, known: &Known) -> String {
    let mut parts = Vec::new();
    if !incident.components.is_empty() {
        parts.push(format!("affects {}", components(known, incident)));
    }
    if incident.publication.is_some() {
        parts.push("customers see it".into());
    }
    if let IncidentState::Resolved { at, .. } = incident.state {
        parts.push(format!("lasted {}", When::length(at, words::broke(incident)).text()));
    }
    let sentence = if parts.is_empty() { String::new() } else { capitalised(&parts.join(", ")) };
    format!("{} {sentence}", incident.diagnosis.cause).trim().to_owned()
}

/// The components that an incident affects, by their titles.
pub(super) fn components(known: &Known, incident: &Incident) -> String {
    let title = |name: &ComponentName| {
        known.landscape.components.get(name).map_or_else(|| name.to_string(), |one| one.title.clone())
    };
    incident.components.iter().map(title).collect::<Vec<_>>().join(", ")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn sentence(known: &Known) -> String {
    let unclaimed = known.in_earnest().filter(|one| matches!(one.state, IncidentState::Open)).count();
    match (known.in_earnest().count(), unclaimed) {
        (0, _) if !known.open.is_empty() => "No incident is open in earnest; a drill goes on.".into(),
        (0, _) => "No incident is open.".into(),
        (open, 0) => format!("{} open, all taken up.", are(open)),
        (1, _) => "1 incident is open, and nobody has taken it up.".into(),
        (open, unclaimed) if open == unclaimed => {
            format!("{open} incidents are open, and nobody has taken them up.")
        }
        (open, unclaimed) => format!("{open} incidents are open; nobody has taken up {unclaimed} of them."),
    }
}

fn are(count: usize) -> String {
    if count == 1 { "1 incident is".into() } else { format!("{count} incidents are") }
}
