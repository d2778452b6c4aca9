//! Dependencies that nothing in the configuration can tell apart.

use std::collections::BTreeMap;

use mainstay_model::{Breaking, Dependency, FailureKind, Landscape, Match, Route};

use super::{Known, breaks};
use crate::expr::Fact;
use crate::network;
use crate::rules::{Own, is_in_tls};

/// Dependencies in groups that are alike in everything that the engine looks at when it decides who is told: which routes and quiet times
/// take them, how much depends on them, the ways in which they break, their timing, how far away they are, and the life of their
/// certificate. Where a rule of one's own may look at more, such as a name, so does this. What channels share with their provider
/// is judged for each of them.
pub(super) fn groups<'a>(
    all: &[&'a Dependency],
    landscape: &Landscape,
    known: Option<&Known>,
    rules: &[Own],
) -> Vec<Vec<&'a Dependency>> {
    let mut matches: Vec<&Match> = Vec::new();
    of_routes(&landscape.routes, &mut matches);
    matches.extend(landscape.quiets.iter().map(|quiet| &quiet.what));
    matches.extend(known.into_iter().flat_map(|known| &known.silences).map(|silence| &silence.what));
    matches.retain(|what| what.is_about_dependencies());
    let asks = |fact: Fact| rules.iter().any(|rule| rule.program.facts().contains(&fact));
    let asked = [Fact::DependencyName, Fact::Host, Fact::Port, Fact::Provider, Fact::UsedBy].map(asks);
    let mut groups: BTreeMap<String, Vec<&Dependency>> = BTreeMap::new();
    for dependency in all {
        let signature = signature(dependency, &matches, known, asked);
        groups.entry(signature).or_default().push(dependency);
    }
    groups.into_values().collect()
}

/// What tells a way to break from others of the same dependency, in a text that is only compared.
///
/// Of a failure the engine looks at how often it has to be seen, at whether it may be our own network's and at whether it hides what
/// was known of a certificate; routes and quiet times look at its kind and its blame, and rules of one's own may look at everything.
pub(super) fn way(
    one: &Dependency,
    breaking: Breaking,
    landscape: &Landscape,
    known: Option<&Known>,
    rules: &[Own],
) -> String {
    let Breaking::Failure(kind) = breaking else { return breaking.to_string() };
    let failure = breaks::failure(one, kind);
    let mut matches: Vec<&Match> = Vec::new();
    of_routes(&landscape.routes, &mut matches);
    matches.extend(landscape.quiets.iter().map(|quiet| &quiet.what));
    matches.extend(known.into_iter().flat_map(|known| &known.silences).map(|silence| &silence.what));
    let asked = [Fact::FailureKind, Fact::FailureBlame, Fact::FailurePhase, Fact::FailureMessage];
    let by_rules = rules.iter().any(|rule| rule.program.facts().iter().any(|fact| asked.contains(fact)));
    let named = by_rules || matches.iter().any(|what| what.failure.contains(&kind));
    if named || kind == FailureKind::TooSlow {
        return kind.to_string();
    }
    let once = kind == FailureKind::CertificateExpired;
    let seldom = kind.is_certificate() || kind == FailureKind::LoginRejected;
    let lost = network::is_lost_by(&failure);
    format!("{:?} {once} {seldom} {} {lost}", failure.blame, is_in_tls(&failure))
}

fn of_routes<'b>(routes: &'b [Route], matches: &mut Vec<&'b Match>) {
    for route in routes {
        matches.push(&route.when);
        of_routes(&route.routes, matches);
    }
}

/// What tells a dependency from others, in a text that is only compared.
fn signature(one: &Dependency, matches: &[&Match], known: Option<&Known>, asked: [bool; 5]) -> String {
    let taken: Vec<bool> = matches.iter().map(|what| what.takes_dependency(one)).collect();
    let life = known.and_then(|known| known.lives.get(&one.name));
    let [name, host, port, provider, used_by] = asked;
    let rules = (
        name.then_some(&one.name),
        host.then_some(&one.target.host),
        port.then_some(one.target.port),
        provider.then_some(&one.provider),
        used_by.then_some(&one.used_by),
    );
    let Dependency { target, tls, every, timeout, slow, criticality, confirm, .. } = one;
    format!(
        "{taken:?} {criticality} {:?} {:?} {every:?} {timeout:?} {slow:?} {confirm:?} {:?} {:?} {life:?} {rules:?}",
        target.protocol,
        tls.mode,
        network::reach(target, None),
        breaks::breaks(one),
    )
}
