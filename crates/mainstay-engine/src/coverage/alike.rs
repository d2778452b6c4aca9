//! Dependencies that nothing in the configuration can tell apart.

use std::collections::BTreeMap;

use mainstay_model::{Dependency, Landscape, Match, Route};

use super::{Known, breaks};
use crate::expr::Fact;
use crate::network;
use crate::rules::Own;

/// Dependencies in groups that are alike in everything that the engine looks at when it decides who is told: provider, criticality, tags,
/// components, the ways in which they break, their timing, how far away they are, the life of their certificate, and whether a
/// route or a quiet time names them. Where a rule of one's own may look at a name, a host or a port, so does this.
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
    matches.retain(|what| !what.dependency.is_empty());
    let asks = |fact: Fact| rules.iter().any(|rule| rule.program.facts().contains(&fact));
    let by_name = asks(Fact::DependencyName) || asks(Fact::Host) || asks(Fact::Port);
    let mut groups: BTreeMap<String, Vec<&Dependency>> = BTreeMap::new();
    for dependency in all {
        let signature = signature(dependency, &matches, known, by_name);
        groups.entry(signature).or_default().push(dependency);
    }
    groups.into_values().collect()
}

fn of_routes<'b>(routes: &'b [Route], matches: &mut Vec<&'b Match>) {
    for route in routes {
        matches.push(&route.when);
        of_routes(&route.routes, matches);
    }
}

/// What tells a dependency from others, in a text that is only compared.
fn signature(one: &Dependency, matches: &[&Match], known: Option<&Known>, by_name: bool) -> String {
    let Dependency { name, provider, target, tls, every, timeout, slow, used_by, criticality, confirm, tags, .. } =
        one;
    let sorted = |list: Vec<String>| {
        let mut list = list;
        list.sort();
        list
    };
    let used_by = sorted(used_by.iter().map(ToString::to_string).collect());
    let named: Vec<bool> = matches.iter().map(|what| what.dependency.contains(name)).collect();
    let life = known.and_then(|known| known.lives.get(name));
    let itself = by_name.then_some((name, &target.host, target.port));
    format!(
        "{provider:?} {criticality} {:?} {used_by:?} {:?} {:?} {every:?} {timeout:?} {slow:?} {confirm:?} {:?} {:?} {named:?} \
         {life:?} {itself:?}",
        sorted(tags.clone()),
        target.protocol,
        tls.mode,
        network::reach(target, None),
        breaks::breaks(one),
    )
}
