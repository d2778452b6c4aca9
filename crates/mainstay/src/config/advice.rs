//! What a configuration may say and probably does not mean.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::time::Duration;

use mainstay_model::{HumanDuration, Severity, Target};

use super::mask::quoted;
use super::reader::Reader;
use super::sections::{Dependency, Root, Route};
use super::shape::Named;
use super::source::Span;
use super::telling;

/// Warnings about single dependencies and listeners.
pub(super) fn each(root: &Root, reader: &mut Reader<'_>) {
    for named in root.dependencies.iter().flatten() {
        if let Some(dependency) = &named.value {
            slow_timeout(dependency, reader);
        }
    }
    unreachable_links(root, reader);
    super::rules::advice(root, reader);
}

/// Warnings about the whole, which make sense only when no part of it is faulty.
pub(super) fn whole(root: &Root, reader: &mut Reader<'_>) {
    if root.dependencies.as_ref().is_some_and(Vec::is_empty) {
        let hint = "add a dependency with its url, or let `mainstay init URL…` write a first configuration";
        reader.warning(Span::WHOLE, "nothing is watched: there are no dependencies", hint);
    }
    same_target(root, reader);
    unused(root, reader);
    untold(root, reader);
}

fn slow_timeout(dependency: &Dependency, reader: &mut Reader<'_>) {
    let (Some(timeout), Some(every)) = (&dependency.timeout, &dependency.every) else { return };
    let words = |length: Duration| HumanDuration(length).to_string();
    if timeout.value > every.value {
        let message = match timeout.filled || every.filled {
            true => "a check may take longer than the time between checks".into(),
            false => {
                format!("a check may take {} and is due every {}", words(timeout.value), words(every.value))
            }
        };
        let hint = "a slow check makes the next one late; write a `timeout` of at most `every`";
        reader.warning(timeout.span, message, hint);
    }
}

/// The same target twice is checked twice, and told twice.
fn same_target(root: &Root, reader: &mut Reader<'_>) {
    let mut seen: HashMap<String, (&Target, &Dependency, &str)> = HashMap::new();
    for named in root.dependencies.iter().flatten() {
        let Some((dependency, url)) = named.value.as_ref().and_then(|d| Some((d, d.url.as_ref()?))) else {
            continue;
        };
        let Some((target, other, name)) = seen.get(&url.value.to_string()) else {
            seen.insert(url.value.to_string(), (&url.value, dependency, named.name.as_str()));
            continue;
        };
        if **target == url.value && question(dependency) == question(other) {
            let message = format!("{} and {} have the same URL", quoted(named.name.as_str()), quoted(name));
            reader.warning(url.span, message, "one dependency can be used by several components");
        }
    }
}

fn question(dependency: &Dependency) -> Option<&str> {
    dependency.query.as_ref().map(|query| query.value.as_str())
}

/// Providers, components and channels that nothing refers to.
fn unused(root: &Root, reader: &mut Reader<'_>) {
    let dependencies = || root.dependencies.iter().flatten().filter_map(|named| named.value.as_ref());
    let of_channels =
        root.channels.iter().flatten().filter_map(|named| named.value.as_ref()?.provider.as_ref());
    let providers = dependencies().filter_map(|d| d.provider.as_ref()).chain(of_channels);
    let providers = providers.map(|name| &name.value).collect();
    let components =
        dependencies().flat_map(|d| d.used_by.iter().flatten()).map(|name| &name.value).collect();
    let people = root.people.iter().flatten().filter_map(|named| named.value.as_ref()?.channels.as_ref());
    let of_people = people.flat_map(|channels| &channels.value).map(|name| name.value.as_str());
    let led_to: BTreeSet<&str> = telling::led_to(root).into_iter().chain(of_people).collect();
    let channels = root.channels.iter().flatten().map(|named| &named.name);
    let channels = channels.filter(|name| led_to.contains(name.as_str())).collect();
    let hint = "name it as the `provider` of a dependency, or remove it";
    each_unused(
        &root.providers,
        &providers,
        |name| (format!("no dependency is of the provider {name}"), hint),
        reader,
    );
    let hint = "name it under `used_by` of what it needs; until then its status never changes by itself";
    each_unused(
        &root.components,
        &components,
        |name| (format!("the component {name} needs no dependency"), hint),
        reader,
    );
    let hint = "name it under `to` of a route, or remove it";
    each_unused(
        &root.channels,
        &channels,
        |name| (format!("no route leads to the channel {name}"), hint),
        reader,
    );
}

fn each_unused<K: Ord + Display, T>(
    named: &Option<Vec<Named<K, T>>>,
    used: &BTreeSet<&K>,
    words: impl Fn(&str) -> (String, &'static str),
    reader: &mut Reader<'_>,
) {
    for named in named.iter().flatten().filter(|named| !used.contains(&named.name)) {
        let (message, hint) = words(&quoted(&named.name.to_string()));
        reader.warning(named.span, message, hint);
    }
}

/// Severities for which somebody should be told and nobody is.
fn untold(root: &Root, reader: &mut Reader<'_>) {
    let Some(routes) = &root.routes else { return };
    let told = |severity: Severity| {
        let matches = |listed: &Vec<Severity>| listed.is_empty() || listed.contains(&severity);
        let tells = |route: &&Route| route.mute.as_ref().is_none_or(|mute| !mute.value);
        let mut tellers = routes.value.iter().filter(tells);
        tellers.any(|route| route.severity.as_ref().is_none_or(matches))
    };
    let untold: Vec<&str> =
        [Severity::Page, Severity::High].into_iter().filter(|s| !told(*s)).map(Severity::as_str).collect();
    if !untold.is_empty() {
        let message = format!("nobody is told of incidents of severity {}", untold.join(" or "));
        let hint =
            "add a route: `routes: [ { to: NAME } ]`, with the name of a channel, takes every severity";
        reader.warning(routes.span, message, hint);
    }
}

/// Links in messages that would lead people to their own machine.
fn unreachable_links(root: &Root, reader: &mut Reader<'_>) {
    let server = root.server.as_ref().map(|server| (&server.listen, server.public_url.is_some()));
    let page = root.status_page.as_ref().map(|page| (&page.listen, page.public_url.is_some()));
    for (listen, has_url) in [server, page].into_iter().flatten() {
        if let Some(listen) = listen
            && listen.value.ip().is_unspecified()
            && !has_url
        {
            let message = "links in messages and pages would lead to localhost";
            reader.warning(listen.span, message, "add `public_url`, the address under which people reach it");
        }
    }
}
