//! What speaks for a certificate that expired, and what against, for whoever has to decide.

use jiff::Timestamp;
use mainstay_model::{Certificate, Dependency, DependencyState, Observation, in_words};

use super::gate::{Shown, pin};
use crate::time::{clock, since};
use crate::wording::list;
use crate::{State, short_cause};

/// As many voices of other systems are told; more say no more.
const VOICES: usize = 3;

/// The facts, the most telling first.
pub(super) fn collect(
    whole: &State,
    dependency: &Dependency,
    state: &DependencyState,
    shown: &Shown<'_>,
    now: Timestamp,
) -> Vec<String> {
    let leaf = shown.leaf;
    let mut facts = vec![
        format!(
            "The certificate {} expired at {}, {} ago.",
            leaf.subject,
            clock(leaf.not_after),
            in_words(since(leaf.not_after, now))
        ),
        seen_before(state, leaf),
        addresses(shown),
        rest(shown),
    ];
    facts.extend(provider(whole, dependency));
    facts.push(format!("SHA-256 of the certificate: {}", leaf.sha256));
    facts.push(format!("SHA-256 of its key: {}", leaf.spki_sha256));
    facts
}

/// Whether it is what was seen while it was valid: the strongest sign that it is the same server.
fn seen_before(state: &DependencyState, leaf: &Certificate) -> String {
    let seen = || state.seen_valid.iter().rev();
    if let Some(same) = seen().find(|one| one.pin == pin(leaf)) {
        let at = clock(same.last_at);
        return format!("This very certificate and key passed full verification here before, last at {at}.");
    }
    if let Some(same) = seen().find(|one| one.pin.spki_sha256 == leaf.spki_sha256) {
        let at = clock(same.last_at);
        return format!(
            "Its key is the one that passed full verification here before, last at {at}, then in another certificate."
        );
    }
    let advice = "Ask the provider by another way whether the fingerprint below is theirs.";
    match seen().next() {
        Some(other) => format!(
            "Its key is another than the one that passed full verification here last, at {}. {advice}",
            clock(other.last_at)
        ),
        None => {
            format!("Nothing was seen here while it was valid, so only its chain says whose it is. {advice}")
        }
    }
}

fn addresses(shown: &Shown<'_>) -> String {
    let (by, others) = (shown.by.len(), shown.others.len());
    match (by, others) {
        (1, 0) => "The one address that there is shows it.".into(),
        (_, 0) => format!("All {by} addresses show it."),
        _ => {
            let silent = shown.others.iter().map(|one| format!("{}, {}", one.address, why(one)));
            format!("{by} of {} addresses show it; none is shown by {}.", by + others, list(silent))
        }
    }
}

fn why(one: &Observation) -> String {
    let kind = one.failure.as_ref().map(|failure| failure.kind);
    kind.map_or_else(|| "of which nothing is known".into(), |kind| format!("where {}", short_cause(kind)))
}

/// What holds beside its end, and for how long the rest of its path lasts.
fn rest(shown: &Shown<'_>) -> String {
    let holds = "Everything else about it holds, as of its end: name, trust, purpose and signatures.";
    let issuers = shown.chain.iter().filter(|one| one.position != 0 && one.in_path);
    match issuers.min_by_key(|one| one.not_after) {
        Some(next) => {
            format!("{holds} Of its path, {} ends next, at {}.", next.short_name(), clock(next.not_after))
        }
        None => holds.into(),
    }
}

/// What the provider, or another system, says about it, as far as that is known.
fn provider(whole: &State, dependency: &Dependency) -> Vec<String> {
    let open = whole.incidents.values().filter(|incident| incident.is_open());
    let voices =
        open.flat_map(|incident| incident.alerts.values()).filter_map(|alert| alert.external.as_ref());
    let about = |one: &&mainstay_model::External| {
        one.dependency.as_ref() == Some(&dependency.name)
            || (one.provider.is_some() && one.provider == dependency.provider)
    };
    let said = voices.filter(about).take(VOICES);
    let said = said.map(|one| format!("Another system says: {}.", one.title.trim_end_matches('.')));
    let named = dependency.provider.as_ref().and_then(|name| whole.landscape.providers.get(name));
    let page = named.and_then(|provider| Some((&provider.title, provider.status_page.as_ref()?)));
    let page = page.map(|(title, page)| format!("What {title} says itself is not read here: see {page}"));
    said.chain(page).collect()
}
