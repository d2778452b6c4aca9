//! What no single value shows and makes a configuration unusable: names that do not exist, listeners that collide.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::Path;

use mainstay_model::nearest;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::Surroundings;
use super::mask::quoted;
use super::reader::Reader;
use super::sections::{Dependency, Root};
use super::shape::{Named, Spanned};

/// Errors: everything that is named must exist, and no two listeners may share an address.
pub(super) fn errors(root: &Root, reader: &mut Reader<'_>) {
    let providers = names(&root.providers);
    let components = names(&root.components);
    for dependency in values(&root.dependencies) {
        if let Some(provider) = &dependency.provider {
            exists(provider, "provider", "providers", &providers, reader);
        }
        for component in dependency.used_by.iter().flatten() {
            exists(component, "component", "components", &components, reader);
        }
        confirmation(dependency, reader);
        unaskable(dependency, reader);
    }
    for channel in values(&root.channels) {
        if let Some(provider) = &channel.provider {
            exists(provider, "provider", "providers", &providers, reader);
        }
    }
    super::channels::errors(root, reader);
    certificates(root, reader);
    listeners(root, reader);
    super::rules::errors(root, reader);
}

pub(super) fn names<K: std::fmt::Display, T>(named: &Option<Vec<Named<K, T>>>) -> BTreeSet<String> {
    named.iter().flatten().map(|named| named.name.to_string()).collect()
}

pub(super) fn values<K, T>(named: &Option<Vec<Named<K, T>>>) -> impl Iterator<Item = &T> {
    named.iter().flatten().filter_map(|named| named.value.as_ref())
}

/// Names that are still worth listing in a hint.
const FEW: usize = 8;

pub(super) fn exists<T: std::fmt::Display>(
    name: &Spanned<T>,
    what: &str,
    section: &str,
    known: &BTreeSet<String>,
    reader: &mut Reader<'_>,
) {
    let text = name.value.to_string();
    if known.contains(&text) {
        return;
    }
    let hint = match nearest(&text, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() || known.len() > FEW => format!("add it under `{section}`"),
        None => format!("known are {}", known.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
    };
    let message = if name.filled {
        format!("there is no such {what}")
    } else {
        format!("there is no {what} {}", quoted(&text))
    };
    reader.error(name.span, message, hint);
}

fn confirmation(dependency: &Dependency, reader: &mut Reader<'_>) {
    let Some(confirm) = &dependency.confirm else { return };
    if let (Some(failures), Some(of)) = (confirm.value.failures, confirm.value.of)
        && failures > of
    {
        let hint = "so many bad checks of so few cannot be; write a larger `of`";
        reader.error(confirm.span, "`failures` is more than `of`", hint);
    }
}

/// A query that would never be asked.
fn unaskable(dependency: &Dependency, reader: &mut Reader<'_>) {
    if let (Some(query), Some(url)) = (&dependency.query, &dependency.url)
        && let Some(reason) = url.value.no_query_because()
    {
        reader.error(query.span, "this query cannot be asked", format!("{reason}, or remove the line"));
    }
}

/// Every file of certificates can be read and holds at least one certificate. Each file is read once.
fn certificates(root: &Root, reader: &mut Reader<'_>) {
    let of_dependencies = values(&root.dependencies).flat_map(super::relay::certificate_files);
    let of_mail = root.mail.iter().flatten().filter_map(|mail| mail.ca_file.as_ref());
    let mut judged: HashMap<&Path, Option<String>> = HashMap::new();
    for file in of_dependencies.chain(of_mail) {
        let surroundings = reader.surroundings;
        let fault = judged.entry(&file.value).or_insert_with(|| certificate_fault(surroundings, &file.value));
        if let Some(fault) = fault {
            let shown = if file.filled { "this file".into() } else { file.value.display().to_string() };
            let hint = "relative paths begin at the folder of the configuration file; \
                        a PEM file has -----BEGIN CERTIFICATE----- lines";
            reader.error(file.span, format!("{shown} {fault}"), hint);
        }
    }
}

fn certificate_fault(surroundings: &Surroundings<'_>, file: &Path) -> Option<String> {
    let content = match (surroundings.read)(file) {
        Ok(content) => content,
        Err(error) => return Some(format!("cannot be read: {}", super::reason(&error))),
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Some("holds no certificate".into()),
        Ok(_) => None,
        Err(_) => Some("is damaged: one of its certificates cannot be decoded".into()),
    }
}

/// No two listeners may share an address; `0.0.0.0` and `[::]` stand for all of them.
fn listeners(root: &Root, reader: &mut Reader<'_>) {
    let mut listeners: Vec<(String, Spanned<SocketAddr>)> = Vec::new();
    let server = root.server.iter().filter_map(|s| s.listen.clone());
    listeners.extend(server.map(|listen| ("`server.listen`".into(), listen)));
    let page = root.status_page.iter().filter_map(|s| s.listen.clone());
    let page = page.map(|listen| ("`status_page.listen`".into(), listen));
    listeners.extend(page);
    for dependency in root.dependencies.iter().flatten() {
        let relay = dependency.value.as_ref().and_then(|value| value.relay.as_ref());
        for listen in relay.iter().flat_map(|relay| relay.value.listen.iter().flatten()) {
            listeners.extend(
                super::relay::address(listen).map(|address| (relay_of(dependency.name.as_str()), address)),
            );
        }
    }
    let mut by_port: HashMap<u16, Vec<(&str, &Spanned<SocketAddr>)>> = HashMap::new();
    for (who, listen) in listeners.iter().filter(|(_, listen)| listen.value.port() != 0) {
        let others = by_port.entry(listen.value.port()).or_default();
        if let Some((other, _)) = others.iter().find(|(_, other)| overlap(other.value, listen.value)) {
            let message = format!("{who} and {other} listen on the same address");
            reader.error(listen.span, message, "give one of them another port");
        } else {
            others.push((who, listen));
        }
    }
}

fn relay_of(dependency: &str) -> String {
    format!("the relay of {}", quoted(dependency))
}

fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let all = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.ip() == other.ip() || (all && one.is_ipv4() == other.is_ipv4()) || dual(one) || dual(other)
}

/// `[::]` takes IPv4 connections too.
fn dual(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}
