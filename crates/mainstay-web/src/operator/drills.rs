//! Drills: what they showed, which come next, and the form that begins one once it is known who will be told.

use std::sync::{Arc, PoisonError};

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{DrillPlan, Stage, StageKind, drill_score, is_down_by};
use mainstay_model::{DrillResult, FailureKind, Incident, Landscape, in_words};
use serde::Deserialize;

use super::asked::Asked;
use super::by::By;
use super::context::Context;
use super::incident::filled;
use super::known::Known;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use crate::show::{Sign, When, listed, plural};

mod act;

pub(super) use act::{Wanted, begin, plan};

/// As many of the latest drills are shown.
const ROWS: u32 = 50;

/// As many of the next ones are shown.
const NEXT: usize = 10;

/// What the page is asked for: nothing, or who would be told of a drill.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ask {
    dependency: String,
    failure: String,
}

/// `GET /drills`: the latest, the next, and who would be told of one that begins now.
pub(super) async fn get(
    State(context): State<Arc<Context>>,
    Asked(ask): Asked<Ask>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let preview = match ask.dependency.as_str() {
        "" => None,
        _ => Some(
            preview(&context, &ask).map_err(|one| one.leading_to("/drills".into(), "Back to the drills"))?,
        ),
    };
    let incidents = context.operator.store.drills(None, ROWS).await?;
    let rows: Vec<Row> = incidents.iter().filter_map(|one| Row::of(one, known.now)).collect();
    let sign = rows.first().map_or(Sign::Unknown, |row| row.sign);
    Ok(html(&Drills {
        page: Page::new(&known, Here::Drills, &window_title(sign, "Drills")),
        sentence: sentence(&rows),
        preview,
        dependencies: known.landscape.dependencies.keys().map(|name| name.to_string()).collect(),
        failures: failures(),
        next: next(&context, known.now),
        rows,
    }))
}

/// `POST /drills`: begins one, and leads to its incident.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    by: By,
    form: Result<Form<Wanted>, FormRejection>,
) -> Result<Response, Trouble> {
    let begun = begin(&context, by, filled(form)?).await;
    let id = begun.map_err(|one| one.leading_to("/drills".into(), "Back to the drills"))?;
    Ok(Redirect::to(&format!("/incidents/{id}")).into_response())
}

#[derive(Template)]
#[template(path = "operator/drills.html")]
struct Drills {
    page: Page,
    sentence: String,
    preview: Option<Preview>,
    dependencies: Vec<String>,
    failures: Vec<&'static str>,
    next: Vec<NextRow>,
    rows: Vec<Row>,
}

/// Who would be told, before it is so.
struct Preview {
    dependency: String,
    failure: FailureKind,
    warning: String,
    stages: Vec<String>,
    ends: String,
}

struct NextRow {
    when: When,
    dependency: String,
    failure: FailureKind,
    recurs: String,
}

/// One drill and what it showed.
pub(super) struct Row {
    pub(super) sign: Sign,
    pub(super) result: DrillResult,
    pub(super) id: String,
    pub(super) dependency: String,
    pub(super) score: String,
    pub(super) when: When,
}

impl Row {
    /// `None` for what is no drill.
    pub(super) fn of(incident: &Incident, now: Timestamp) -> Option<Row> {
        let rehearsal = incident.rehearsal()?;
        let failed = rehearsal.failed().next().is_some();
        Some(Row {
            sign: sign(rehearsal.result(), failed),
            result: rehearsal.result(),
            id: incident.id.to_string(),
            dependency: rehearsal.dependency.to_string(),
            score: drill_score(rehearsal, incident.opened_at),
            when: When::relative(incident.opened_at, now),
        })
    }
}

fn sign(result: DrillResult, failed: bool) -> Sign {
    match result {
        DrillResult::Answered if !failed => Sign::Healthy,
        DrillResult::Answered => Sign::Degraded,
        DrillResult::AnsweredLate => Sign::Degraded,
        DrillResult::Unanswered => Sign::Down,
        DrillResult::Running | DrillResult::CalledOff | DrillResult::Interrupted => Sign::Unknown,
    }
}

fn preview(context: &Context, ask: &Ask) -> Result<Preview, Trouble> {
    let wanted =
        Wanted { dependency: ask.dependency.clone(), failure: ask.failure.clone(), ..Wanted::default() };
    let (terms, plan) = plan(context, &wanted)?;
    let landscape = Known::read(context).landscape;
    let first: Vec<String> = plan
        .stages
        .iter()
        .filter(|stage| stage.after.is_zero())
        .flat_map(|one| who(one, &landscape))
        .collect();
    let warning = match first.as_slice() {
        _ if plan.reaches_nobody() => "Nobody would be told: no route leads to anybody.".to_owned(),
        [] => "Nobody is told at once; see below who is after that.".to_owned(),
        all => format!("The moment you begin it, {} told.", are(all)),
    };
    Ok(Preview {
        dependency: terms.dependency.to_string(),
        failure: terms.failure,
        warning,
        stages: plan.stages.iter().map(|stage| line(stage, &landscape)).collect(),
        ends: ends(&plan, Known::read(context).now),
    })
}

fn are(who: &[String]) -> String {
    let names: Vec<&str> = who.iter().map(String::as_str).collect();
    format!("{} {}", listed(&names), if names.len() == 1 { "is" } else { "are" })
}

fn ends(plan: &DrillPlan, now: Timestamp) -> String {
    let length = in_words(plan.until.duration_since(now));
    format!(
        "It ends as soon as somebody takes it up, and otherwise after {length}. Customers see nothing of it."
    )
}

/// Everybody whom a stage tells, by their titles where they have one.
fn who(stage: &Stage, landscape: &Landscape) -> Vec<String> {
    let called = stage.called.iter().map(|one| match &one.person {
        Some(name) => {
            let title = landscape.people.get(name).map_or_else(|| name.to_string(), |one| one.title.clone());
            format!("{title} by {}", one.channel)
        }
        None => one.channel.to_string(),
    });
    called.collect()
}

/// `After 10 min, step 2 of db-team: Ben by ben-sms.`
fn line(stage: &Stage, landscape: &Landscape) -> String {
    let when =
        if stage.after.is_zero() { "At once".to_owned() } else { format!("After {}", in_words(stage.after)) };
    let by = match &stage.kind {
        StageKind::Route => String::new(),
        StageKind::Step(step) => format!(", step {} of {}", step.number, step.escalation),
        StageKind::Fallback => ", the fallback".to_owned(),
    };
    let called = who(stage, landscape);
    let nobody = stage.nobody.iter().map(|why| format!("nobody, because {why}"));
    let told: Vec<String> = called.into_iter().chain(nobody).collect();
    let told = if told.is_empty() { "nobody".to_owned() } else { told.join(", ") };
    format!("{when}{by}: {told}.")
}

fn failures() -> Vec<&'static str> {
    FailureKind::ALL.iter().copied().filter(|kind| is_down_by(*kind)).map(FailureKind::as_str).collect()
}

fn next(context: &Context, now: Timestamp) -> Vec<NextRow> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let next = state.next_drills(now).into_iter().take(NEXT);
    next.map(|one| NextRow {
        when: When::relative(one.at, now),
        dependency: one
            .dependency
            .map_or_else(|| "nobody can be drilled now".into(), |name| name.to_string()),
        failure: one.plan.failure,
        recurs: one.plan.recurrence.to_string(),
    })
    .collect()
}

/// A quarter: what was not drilled for longer is not known any more.
const LONG_AGO: SignedDuration = SignedDuration::from_hours(90 * 24);

fn sentence(rows: &[Row]) -> String {
    let running = rows.iter().filter(|row| row.result == DrillResult::Running).count();
    if running > 0 {
        return format!("{} on.", plural(running, "drill goes", "drills go"));
    }
    match rows.first() {
        None => "Nothing was ever drilled.".into(),
        Some(row) if row.when.is_before(LONG_AGO) => "Nothing was drilled for long.".into(),
        Some(row) => row.score.clone(),
    }
}
