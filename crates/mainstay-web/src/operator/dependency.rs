use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use mainstay_model::{
    Alert, Dependency, DependencyState, Diagnosis, HumanDuration, Incident, Observation, TimelineEntry,
    TlsFacts, TlsMode,
};
use mainstay_store::{CheckPoint, TimelineFilter};

use super::context::Context;
use super::drills::Row as Drilled;
use super::incidents::Line;
use super::known::Known;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use super::waivers::Row as WaiverRow;
use super::words;
use crate::picture::{Chain, History, PhaseChart};
use crate::show::{Sign, When, millis};

mod past;

use past::Past;

/// The latest of its waivers that the page shows.
const WAIVERS: u32 = 20;

/// `GET /dependencies/{name}`: how one dependency is, why, and what shows it.
pub(super) async fn get(
    State(context): State<Arc<Context>>,
    Path(name): Path<String>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let state = find(&known, &name)?;
    let past = Past::read(&context, &known, &state).await?;
    let filter =
        TimelineFilter { dependency: Some(state.name.clone()), limit: 20, ..TimelineFilter::default() };
    let timeline = context.operator.store.timeline(&filter).await?;
    let drills = context.operator.store.drills(Some(&state.name), 1).await?;
    let drill = drills.first().and_then(|one| Drilled::of(one, known.now));
    let waivers = context.operator.store.waivers(Some(&state.name), WAIVERS).await?;
    let waivers = waivers.iter().map(|one| WaiverRow::of(one, known.now)).collect();
    let kept = Kept { timeline, drill, waivers };
    Ok(html(&page(&known, &state, past, kept)))
}

/// The dependency of that name, or the nearest name as advice.
pub(super) fn find(known: &Known, name: &str) -> Result<Arc<DependencyState>, Trouble> {
    if let Some(found) = known.dependencies.iter().find(|state| state.name.as_str() == name) {
        return Ok(Arc::clone(found));
    }
    let name: String = name.chars().take(100).collect();
    let nearest = mainstay_model::nearest(&name, known.dependencies.iter().map(|state| state.name.as_str()));
    let advice = match nearest {
        Some(nearest) => format!("Did you mean {nearest}? "),
        None => String::new(),
    };
    let rest = "It may have been renamed or removed in the configuration.";
    Err(Trouble::nothing(format!("No dependency is called {name}."), advice + rest))
}

#[derive(Template)]
#[template(path = "operator/dependency.html")]
struct DependencyPage {
    page: Page,
    name: String,
    sign: Sign,
    sentence: String,
    explanation: String,
    checked: Option<When>,
    every: String,
    diagnosis: Diagnosis,
    incidents: Vec<Line>,
    alerts: Vec<AlertLine>,
    day: Option<History>,
    week: Option<History>,
    phases: Option<PhaseChart>,
    /// The last one of it.
    drill: Option<Drilled>,
    chains: Vec<ChainOf>,
    addresses: Vec<AddressRow>,
    resolve: Option<String>,
    checks: Vec<CheckRow>,
    timeline: Vec<super::incident::Moment>,
    waivers: Vec<WaiverRow>,
    facts: Vec<(&'static str, String)>,
    provider: Option<ProviderFacts>,
}

struct AlertLine {
    severity: &'static str,
    rule: String,
    cause: String,
    since: When,
}

/// The chain that one or more addresses serve.
struct ChainOf {
    addresses: String,
    connection: String,
    verified: bool,
    /// A file whose trust or name nobody asked to judge.
    not_judged: bool,
    chain: Chain,
}

struct AddressRow {
    address: String,
    sign: Sign,
    phases: Vec<String>,
    total: String,
    message: String,
}

struct CheckRow {
    at: When,
    sign: Sign,
    total: String,
    message: String,
}

struct ProviderFacts {
    title: String,
    status_page: Option<String>,
    contacts: String,
    sla: Option<String>,
}

/// What the store keeps of one dependency beside its checks.
struct Kept {
    timeline: Vec<TimelineEntry>,
    drill: Option<Drilled>,
    waivers: Vec<WaiverRow>,
}

fn page(known: &Known, state: &DependencyState, past: Past, kept: Kept) -> DependencyPage {
    let Kept { timeline, drill, waivers } = kept;
    let sign = Sign::of(state);
    let configured = known.configured(state);
    let title = window_title(sign, &format!("{}: {}", state.name, sign.word()));
    DependencyPage {
        page: Page::new(known, Here::Overview, &title),
        name: state.name.to_string(),
        sign,
        sentence: words::dependency(state, known.now),
        explanation: words::explanation(state),
        checked: state.last.as_ref().map(|last| When::relative(last.checked_at, known.now)),
        every: configured.map(|one| HumanDuration(one.every).to_string()).unwrap_or_default(),
        diagnosis: diagnosis(state),
        drill,
        incidents: incidents(known, state),
        alerts: state.alerts.iter().map(|alert| alert_line(alert, known)).collect(),
        phases: PhaseChart::draw(&past.samples),
        chains: chains(state, known),
        addresses: addresses(state),
        resolve: state.last.as_ref().and_then(|last| last.resolve_ms).map(millis),
        checks: past.checks.iter().take(15).map(|check| check_row(check, known)).collect(),
        day: past.day,
        week: past.week,
        timeline: super::incident::moments(&timeline, known.now),
        waivers,
        facts: configured.map(|one| facts(known, one)).unwrap_or_default(),
        provider: configured.and_then(|one| provider(known, one)),
    }
}

/// The diagnosis of the most urgent alert, else that of the latest check.
fn diagnosis(state: &DependencyState) -> Diagnosis {
    let alert = words::most_urgent(state).map(|alert| &alert.diagnosis);
    let last = state.last.as_ref().and_then(|last| last.diagnosis.as_ref());
    alert.or(last).cloned().unwrap_or_default()
}

fn incidents(known: &Known, state: &DependencyState) -> Vec<Line> {
    let about = |incident: &&Arc<Incident>| incident.dependencies.contains(&state.name);
    known.open.iter().filter(about).map(|one| Line::of(one, known)).collect()
}

fn alert_line(alert: &Alert, known: &Known) -> AlertLine {
    AlertLine {
        severity: alert.severity.as_str(),
        rule: alert.key.rule.to_string(),
        cause: alert.diagnosis.cause.clone(),
        since: When::relative(alert.since, known.now),
    }
}

/// Addresses that serve the same chain share one picture of it.
fn chains(state: &DependencyState, known: &Known) -> Vec<ChainOf> {
    let observations = state.last.iter().flat_map(|last| &last.addresses);
    let mut groups: Vec<(Vec<&str>, &Observation, &TlsFacts)> = Vec::new();
    for (one, tls) in observations.filter_map(|one| Some((one, one.tls.as_ref()?))) {
        match groups.iter_mut().find(|(_, _, facts)| is_alike(facts, tls)) {
            Some((addresses, ..)) => addresses.push(&one.address),
            None => groups.push((vec![&one.address], one, tls)),
        }
    }
    let several = groups.len() > 1;
    let chain = |(index, (addresses, one, tls)): (usize, (Vec<&str>, &Observation, &TlsFacts))| ChainOf {
        addresses: if several { addresses.join(", ") } else { String::new() },
        connection: [tls.version.as_deref(), tls.cipher.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", "),
        verified: tls.verified,
        not_judged: !tls.verified && one.certificates_hold(),
        chain: Chain::draw(&tls.certificates, &format!("certificate-{index}"), known.now),
    };
    groups.into_iter().take(8).enumerate().map(chain).collect()
}

fn is_alike(one: &TlsFacts, other: &TlsFacts) -> bool {
    let chain = |facts: &TlsFacts| facts.certificates.iter().map(|c| c.sha256).collect::<Vec<_>>();
    one.verified == other.verified && chain(one) == chain(other)
}

fn addresses(state: &DependencyState) -> Vec<AddressRow> {
    let rows = state.last.iter().flat_map(|last| &last.addresses).take(64).map(|one| AddressRow {
        address: one.address.clone(),
        sign: Sign::from(one.verdict),
        phases: one.phases.named().iter().map(|(_, ms)| ms.map(millis).unwrap_or_default()).collect(),
        total: one.phases.total_ms().map(millis).unwrap_or_default(),
        message: one
            .failure
            .iter()
            .chain(&one.also)
            .map(|failure| failure.message.as_str())
            .collect::<Vec<_>>()
            .join(" "),
    });
    rows.collect()
}

fn check_row(check: &CheckPoint, known: &Known) -> CheckRow {
    CheckRow {
        at: When::clock(check.at, known.now),
        sign: Sign::from(check.verdict),
        total: check.total_ms.map(millis).unwrap_or_default(),
        message: check.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default(),
    }
}

/// How it is configured, without anything secret.
fn facts(known: &Known, one: &Dependency) -> Vec<(&'static str, String)> {
    let duration = |length| HumanDuration(length).to_string();
    let mut facts = vec![
        ("Target", one.target.to_string()),
        (
            "Checked every",
            format!("{}, each time for at most {}", duration(one.every), duration(one.timeout)),
        ),
        ("Verification", verification(one)),
        ("Criticality", one.criticality.to_string()),
        (
            "Believed down",
            format!(
                "after {} bad checks of {}, and up again after {} good ones in a row",
                one.confirm.failures, one.confirm.of, one.confirm.recoveries
            ),
        ),
    ];
    facts.extend(one.slow.map(|slow| ("Slow above", duration(slow))));
    facts.extend(one.query.clone().map(|query| ("Query", query)));
    let components: Vec<&str> = one
        .used_by
        .iter()
        .map(|name| known.landscape.components.get(name).map_or(name.as_str(), |component| &component.title))
        .collect();
    facts
        .push(("Used by", if components.is_empty() { "no component".into() } else { components.join(", ") }));
    facts
}

fn verification(one: &Dependency) -> String {
    if one.tls.mode == TlsMode::Off {
        return "off: the connection is not encrypted".into();
    }
    let roots = one
        .tls
        .ca_file
        .as_ref()
        .map_or("the roots of this system".into(), |file| format!("only {}", file.display()));
    let name = one.tls.server_name.as_ref().map(|name| format!(", for the name {name}")).unwrap_or_default();
    format!("full, trusting {roots}{name}")
}

fn provider(known: &Known, one: &Dependency) -> Option<ProviderFacts> {
    let provider = known.landscape.providers.get(one.provider.as_ref()?)?;
    Some(ProviderFacts {
        title: provider.title.clone(),
        status_page: provider.status_page.clone(),
        contacts: provider.contacts.join(", "),
        sla: provider.sla_percent.map(|percent| format!("{percent} %")),
    })
}
