use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Action, quiet_until};
use mainstay_model::{
    Landscape, Match, NameError, Quiet, QuietId, QuietKind, QuietTime, Severity, Silence, in_words,
};
use serde::Deserialize;

use super::by::By;
use super::context::Context;
use super::incident::{filled, one_of, silence};
use super::known::Known;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use super::words::matched;
use crate::show::{Sign, clock_time, plural};

/// So many of the next times of something that recurs are named.
const NEXT: usize = 3;

/// What is to be quiet, as the form has it: a choice that is left open says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    dependency: String,
    provider: String,
    component: String,
    tags: String,
    severity: String,
    until: String,
    reason: String,
}

/// `GET /quiet`: what nobody is told of now and when that ends, and what is to come.
pub(super) async fn get(State(context): State<Arc<Context>>) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    Ok(html(&page(&known)))
}

/// `POST /quiet`: has nobody told of something for a while.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    by: By,
    form: Result<Form<Wish>, FormRejection>,
) -> Result<Response, Trouble> {
    let done = async {
        let known = Known::read(&context);
        let wish = filled(form)?;
        let what = wish.what()?;
        context.submit(by, silencing(&known, what, &wish.until, wish.reason)?).await
    };
    done.await.map_err(back)?;
    Ok(Redirect::to("/quiet").into_response())
}

/// `POST /quiet/{id}/end`: has people told again.
pub(super) async fn end(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    context.submit(by, ending(&known, &id)?).await.map_err(back)?;
    Ok(Redirect::to("/quiet").into_response())
}

fn back(trouble: Trouble) -> Trouble {
    trouble.leading_to("/quiet".into(), "Back to what is quiet")
}

/// A silence of something that exists.
pub(super) fn silencing(known: &Known, what: Match, until: &str, reason: String) -> Result<Action, Trouble> {
    if what.is_empty() {
        let advice = "Name a dependency, a provider, a component, a tag or a severity.";
        return Err(Trouble::unusable(
            "A silence of everything would keep every alarm from everybody.",
            advice,
        ));
    }
    if let Some((kind, name)) = unknown(&what, &known.landscape) {
        let advice = "Names are written as in the configuration.";
        return Err(Trouble::unusable(format!("No {kind} is called {name}."), advice));
    }
    silence(known, what, until, reason)
}

/// The end of a silence that holds.
pub(super) fn ending(known: &Known, id: &str) -> Result<Action, Trouble> {
    let id: Option<QuietId> = id.parse().ok();
    let holds = id.filter(|id| known.silences.iter().any(|one| one.id == *id));
    holds.map(Action::EndSilence).ok_or_else(|| {
        let advice = "It ended already, or it stands in the configuration and ends there.";
        Trouble::nothing("There is no such silence.", advice).leading_to("/quiet".into(), "What is quiet")
    })
}

fn unknown(what: &Match, landscape: &Landscape) -> Option<(&'static str, String)> {
    let dependency = what.dependency.iter().find(|name| !landscape.dependencies.contains_key(*name));
    let provider = what.provider.iter().find(|name| !landscape.providers.contains_key(*name));
    let component = what.component.iter().find(|name| !landscape.components.contains_key(*name));
    let is_worn = |tag: &String| landscape.dependencies.values().any(|one| one.tags.contains(tag));
    let tag = what.tags.iter().find(|tag| !is_worn(tag));
    dependency
        .map(|name| ("dependency", name.to_string()))
        .or_else(|| provider.map(|name| ("provider", name.to_string())))
        .or_else(|| component.map(|name| ("component", name.to_string())))
        .or_else(|| tag.map(|tag| ("tag", tag.clone())))
}

impl Wish {
    fn what(&self) -> Result<Match, Trouble> {
        let words = Severity::ALL.map(Severity::as_str);
        let severity = match self.severity.trim() {
            "" => Vec::new(),
            word => vec![one_of("severity", word, &words)?],
        };
        let tags = self.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        Ok(Match {
            severity,
            provider: named(&self.provider)?,
            dependency: named(&self.dependency)?,
            component: named(&self.component)?,
            tags: tags.map(str::to_owned).collect(),
            ..Match::default()
        })
    }
}

fn named<T: std::str::FromStr<Err = NameError>>(text: &str) -> Result<Vec<T>, Trouble> {
    let name = Some(text.trim()).filter(|text| !text.is_empty()).map(str::parse).transpose();
    name.map(|name| name.into_iter().collect())
        .map_err(|error| Trouble::unusable(format!("That is no name: {error}."), "Choose one of the list."))
}

#[derive(Template)]
#[template(path = "operator/quiet.html")]
struct QuietPage {
    page: Page,
    sentence: String,
    now: Vec<Line>,
    to_come: Vec<Line>,
    dependencies: Vec<String>,
    providers: Vec<(String, String)>,
    components: Vec<(String, String)>,
    morning: String,
    zone: String,
}

/// A maintenance or a silence.
struct Line {
    sign: Sign,
    kind: &'static str,
    what: String,
    reason: String,
    /// Who made it; empty where the configuration says it.
    by: String,
    when: String,
    /// The times after that, where it recurs.
    then: Vec<String>,
    id: Option<QuietId>,
}

fn page(known: &Known) -> QuietPage {
    let landscape = &known.landscape;
    let made = known.silences.iter().map(|one| Line::made(one, known));
    let holding = landscape.quiets.iter().filter_map(|one| Line::holding(one, known));
    let now: Vec<Line> = made.chain(holding).collect();
    let mut to_come: Vec<(Timestamp, Line)> =
        landscape.quiets.iter().filter_map(|one| Line::coming(one, known)).collect();
    to_come.sort_by_key(|(at, _)| *at);
    let sentence = sentence(now.len(), to_come.first().map(|(at, _)| *at), known.now);
    let sign = if now.is_empty() { Sign::Healthy } else { Sign::Maintenance };
    QuietPage {
        page: Page::new(known, Here::Quiet, &window_title(sign, sentence.trim_end_matches('.'))),
        sentence,
        now,
        to_come: to_come.into_iter().map(|(_, line)| line).collect(),
        dependencies: landscape.dependencies.keys().map(ToString::to_string).collect(),
        providers: landscape
            .providers
            .iter()
            .map(|(name, one)| (name.to_string(), one.title.clone()))
            .collect(),
        components: landscape
            .components
            .iter()
            .map(|(name, one)| (name.to_string(), one.title.clone()))
            .collect(),
        morning: landscape.digest_at.at.strftime("%H:%M").to_string(),
        zone: landscape.digest_at.timezone.iana_name().unwrap_or("UTC").to_owned(),
    }
}

fn sentence(holding: usize, next: Option<Timestamp>, now: Timestamp) -> String {
    let holds = match holding {
        0 => "Nothing is quiet: everybody is told of everything.".to_owned(),
        1 => "1 thing is quiet now.".into(),
        several => format!("{} are quiet now.", plural(several, "thing", "things")),
    };
    match next {
        Some(at) => format!("{holds} The next time begins in {}.", in_words(at.duration_since(now))),
        None => holds,
    }
}

impl Line {
    fn made(silence: &Silence, known: &Known) -> Line {
        Line {
            sign: Sign::Maintenance,
            kind: QuietKind::Silence.as_str(),
            what: matched(&silence.what, &known.landscape),
            reason: silence.reason.clone(),
            by: format!("{}, {}", silence.by, clock_time(silence.from, known.now)),
            when: until(Some(silence.until), known.now),
            then: Vec::new(),
            id: Some(silence.id),
        }
    }

    fn of(quiet: &Quiet, known: &Known, when: String, then: Vec<String>) -> Line {
        Line {
            sign: Sign::Maintenance,
            kind: quiet.kind.as_str(),
            what: matched(&quiet.what, &known.landscape),
            reason: quiet.reason.clone(),
            by: String::new(),
            when,
            then,
            id: None,
        }
    }

    fn holding(quiet: &Quiet, known: &Known) -> Option<Line> {
        let end = quiet_until(&quiet.when, known.now)?;
        Some(Line::of(quiet, known, until(end, known.now), coming(&quiet.when, known.now)))
    }

    /// What does not hold now and will, with when it begins.
    fn coming(quiet: &Quiet, known: &Known) -> Option<(Timestamp, Line)> {
        if quiet_until(&quiet.when, known.now).is_some() {
            return None;
        }
        let begin = next_beginnings(&quiet.when, known.now).into_iter().next()?;
        let mut times = coming(&quiet.when, known.now);
        let first = times.remove(0);
        Some((begin, Line::of(quiet, known, first, times)))
    }
}

fn until(end: Option<Timestamp>, now: Timestamp) -> String {
    match end {
        Some(end) => {
            format!("until {}, for another {}", clock_time(end, now), in_words(end.duration_since(now)))
        }
        None => "for ever: it has no end".into(),
    }
}

/// When it begins after now, the next times first.
pub(super) fn next_beginnings(when: &QuietTime, now: Timestamp) -> Vec<Timestamp> {
    match when {
        QuietTime::Once { from, .. } => from.iter().copied().filter(|from| *from > now).collect(),
        QuietTime::Recurring { start, recurrence, timezone, .. } => {
            recurrence.occurrences(*start, timezone, now).filter(|begin| *begin > now).take(NEXT).collect()
        }
    }
}

fn coming(when: &QuietTime, now: Timestamp) -> Vec<String> {
    let end = |begin: Timestamp| match when {
        QuietTime::Once { until, .. } => *until,
        QuietTime::Recurring { length, .. } => {
            let length = SignedDuration::try_from(*length).unwrap_or(SignedDuration::MAX);
            begin.saturating_add(length).ok()
        }
    };
    let span = |begin: Timestamp| match end(begin) {
        Some(end) => format!("{}, for {}", clock_time(begin, now), in_words(end.duration_since(begin))),
        None => format!("{}, for ever", clock_time(begin, now)),
    };
    next_beginnings(when, now).into_iter().map(span).collect()
}
