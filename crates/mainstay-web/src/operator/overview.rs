use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use mainstay_model::{Criticality, DependencyName, DependencyState, ProviderName};

use super::asked::Asked;
use super::channels::in_doubt;
use super::context::Context;
use super::courses::Course;
use super::filter::{Filter, NO_PROVIDER, escaped};
use super::incidents::Line;
use super::known::{Known, needs_people};
use super::page::{Here, Page, html, window_title};
use super::words;
use crate::picture::Spark;
use crate::show::{Sign, When, grouped, millis, plural};

/// At most so many dependencies stand on a page; more are folded into their providers, or come on further pages.
const ROWS: usize = 200;

/// At most so many providers that have nothing to show but a number.
const FOLDED: usize = 100;

/// `GET /`: is everything in order, and if not, what needs people first.
pub(super) async fn get(State(context): State<Arc<Context>>, Asked(filter): Asked<Filter>) -> Response {
    let known = Known::read(&context);
    let sorted = sorted(&known, &filter);
    let shown = shown(&sorted, &filter);
    let courses = context.courses.of(&context.operator.store, &shown).await;
    html(&overview(&known, filter, &sorted, &shown, &courses))
}

#[derive(Template)]
#[template(path = "operator/overview.html")]
struct Overview {
    page: Page,
    sentence: String,
    lede: Option<String>,
    /// What is the matter with the channels.
    doubts: Option<String>,
    counts: Vec<Count>,
    incidents: Vec<Line>,
    groups: Vec<Group>,
    unlisted: Option<String>,
    filter: Filter,
    found: usize,
    all: usize,
    at: usize,
    pages: usize,
}

/// How many dependencies are in a state, and the way to see only them.
struct Count {
    sign: Sign,
    count: usize,
    address: String,
    current: bool,
}

/// A provider and those of its dependencies that are shown.
struct Group {
    title: String,
    status_page: Option<String>,
    summary: String,
    rows: Vec<Row>,
    folded: usize,
    address: String,
}

struct Row {
    name: DependencyName,
    sign: Sign,
    since: When,
    target: String,
    why: String,
    latency: String,
    spark: Option<Spark>,
    end: Option<End>,
}

/// The end of the certificate that ends first.
struct End {
    when: When,
    sign: Sign,
}

fn overview(
    known: &Known,
    filter: Filter,
    sorted: &[Arc<DependencyState>],
    shown: &[Arc<DependencyState>],
    courses: &HashMap<DependencyName, Course>,
) -> Overview {
    let worst = known.dependencies.iter().map(|state| Sign::of(state)).max().unwrap_or(Sign::Unknown);
    let sentence = words::overview(known);
    let mut groups = groups(known, sorted, shown, courses, &filter);
    let unlisted = cut_folded(&mut groups);
    let pages = if filter.is_empty() { 1 } else { pages(sorted) };
    Overview {
        page: Page::new(known, Here::Overview, &window_title(worst, sentence.trim_end_matches('.'))),
        lede: lede(known),
        doubts: in_doubt(known),
        sentence,
        counts: counts(known, &filter),
        incidents: known.open.iter().take(20).map(|one| Line::of(one, known)).collect(),
        groups,
        unlisted,
        found: sorted.len(),
        all: known.dependencies.len(),
        at: filter.page(pages),
        pages,
        filter,
    }
}

/// When there is one thing to say about the most urgent, it is said at once.
fn lede(known: &Known) -> Option<String> {
    let mut needing = known.needing();
    match (needing.next(), needing.next()) {
        (Some(one), None) => {
            Some(format!("{} {}", words::dependency(one, known.now), words::explanation(one)))
        }
        _ => None,
    }
}

fn counts(known: &Known, filter: &Filter) -> Vec<Count> {
    let count = |sign: Sign| {
        let state = Filter { state: sign.class().into(), ..Filter::default() };
        let current = filter.sign() == Some(sign);
        let address = if current { "/".into() } else { state.address(1) };
        Count { sign, count: known.count(sign), address, current }
    };
    Sign::ALL.into_iter().map(count).filter(|one| one.count > 0 || one.current).collect()
}

/// What is asked for, worst first, then what most depends on.
pub(super) fn sorted(known: &Known, filter: &Filter) -> Vec<Arc<DependencyState>> {
    let mut states: Vec<_> =
        known.dependencies.iter().filter(|one| filter.takes(known, one)).cloned().collect();
    let criticality =
        |state: &DependencyState| known.configured(state).map_or(Criticality::Low, |one| one.criticality);
    states.sort_by_cached_key(|state| {
        (std::cmp::Reverse((Sign::of(state), needs_people(state))), criticality(state), state.name.clone())
    });
    states
}

/// Those that get a row: all where there is room, else those that need people, or one page of what was asked for.
fn shown(sorted: &[Arc<DependencyState>], filter: &Filter) -> Vec<Arc<DependencyState>> {
    if !filter.is_empty() {
        let before = filter.page(pages(sorted)) - 1;
        return sorted.iter().skip(before * ROWS).take(ROWS).cloned().collect();
    }
    let all = sorted.len() <= ROWS;
    sorted.iter().filter(|state| all || needs_people(state)).take(ROWS).cloned().collect()
}

fn pages(sorted: &[Arc<DependencyState>]) -> usize {
    sorted.len().div_ceil(ROWS)
}

fn groups(
    known: &Known,
    sorted: &[Arc<DependencyState>],
    shown: &[Arc<DependencyState>],
    courses: &HashMap<DependencyName, Course>,
    filter: &Filter,
) -> Vec<Group> {
    let provider = |state: &DependencyState| known.configured(state).and_then(|one| one.provider.clone());
    // Both are worst first, so the providers come in the order of their worst dependency.
    let mut order: Vec<Option<ProviderName>> = Vec::new();
    let mut members: HashMap<Option<ProviderName>, (Vec<&DependencyState>, Vec<Row>)> = HashMap::new();
    for state in sorted {
        let key = provider(state);
        let entry = members.entry(key.clone()).or_insert_with(|| {
            order.push(key);
            Default::default()
        });
        entry.0.push(state);
    }
    for state in shown {
        let row = row(known, state, courses.get(&state.name));
        members.entry(provider(state)).or_default().1.push(row);
    }
    let groups = order.into_iter().filter_map(|key| {
        let (states, rows) = members.remove(&key)?;
        Some(group(known, key, &states, rows))
    });
    groups.filter(|group| filter.is_empty() || !group.rows.is_empty()).collect()
}

fn group(known: &Known, key: Option<ProviderName>, states: &[&DependencyState], rows: Vec<Row>) -> Group {
    let provider = key.as_ref().and_then(|name| known.landscape.providers.get(name));
    let filter = Filter {
        provider: key.as_ref().map_or(NO_PROVIDER.into(), |name| name.to_string()),
        ..Filter::default()
    };
    Group {
        title: key.as_ref().map_or("Your own", |name| known.landscape.provider_title(name)).to_owned(),
        status_page: provider.and_then(|one| one.status_page.clone()),
        summary: summary(states),
        folded: states.len() - rows.len(),
        rows,
        address: filter.address(1),
    }
}

fn summary(states: &[&DependencyState]) -> String {
    let mut parts = vec![plural(states.len(), "dependency", "dependencies")];
    for sign in Sign::ALL {
        let count = states.iter().filter(|state| Sign::of(state) == sign).count();
        if count > 0 && count < states.len() {
            parts.push(format!("{} {}", grouped(count), sign.word()));
        } else if count > 0 {
            parts[0] += &format!(", {}{}", if count > 1 { "all " } else { "" }, sign.word());
        }
    }
    parts.join(", ")
}

/// Providers without a single row are many in a large house; the page says how many it leaves out.
fn cut_folded(groups: &mut Vec<Group>) -> Option<String> {
    let mut kept = 0;
    let (mut providers, mut dependencies) = (0, 0);
    groups.retain(|group| {
        kept += usize::from(group.rows.is_empty());
        let keep = !group.rows.is_empty() || kept <= FOLDED;
        if !keep {
            providers += 1;
            dependencies += group.folded;
        }
        keep
    });
    let all = plural(dependencies, "dependency", "dependencies");
    (providers > 0).then(|| {
        format!(
            "And {} with {all}; find them by a part of their name.",
            plural(providers, "more provider", "more providers")
        )
    })
}

fn row(known: &Known, state: &DependencyState, course: Option<&Course>) -> Row {
    let sign = Sign::of(state);
    Row {
        name: state.name.clone(),
        sign,
        since: When::length(state.since, known.now),
        target: known.configured(state).map(|one| one.target.to_string()).unwrap_or_default(),
        why: if sign == Sign::Healthy { String::new() } else { why(state) },
        latency: latency(state),
        spark: course.and_then(|course| Spark::draw(course)),
        end: end(known, state),
    }
}

fn why(state: &DependencyState) -> String {
    match words::cause(state) {
        cause if cause.is_empty() && state.last.is_none() => "Not checked yet.".into(),
        cause => cause,
    }
}

/// How long the latest check took, where that says how fast the dependency is.
pub(super) fn latency(state: &DependencyState) -> String {
    let working =
        state.last.as_ref().filter(|last| matches!(Sign::from(last.verdict), Sign::Healthy | Sign::Degraded));
    working.and_then(|last| last.total_ms()).map(millis).unwrap_or_default()
}

fn end(known: &Known, state: &DependencyState) -> Option<End> {
    let end = state.nearest_end.as_ref()?;
    let sign = crate::picture::end_sign(end.not_before, end.not_after, known.now);
    Some(End { when: When::relative(end.not_after, known.now), sign })
}

/// The address of a dependency's page.
pub(super) fn address_of(name: &DependencyName) -> String {
    format!("/dependencies/{}", escaped(name.as_str()))
}
