//! Relays: what is wrong with them, and what they become.

use std::net::SocketAddr;
use std::path::PathBuf;

use mainstay_model as model;
use mainstay_model::{ClientIdentity, RelayLeg, RelayListen};
use mainstay_relay::Spoken;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

use super::mask::quoted;
use super::reader::Reader;
use super::sections::{Dependency, Relay, RelayTls, Root};
use super::shape::{Form, Spanned};
use super::source::Span;
use super::words::{Address, Word};

/// Where a relay listens: an address, or the path of a Unix socket.
pub(super) struct Place;

impl Word for Place {
    type Out = RelayListen;
    const FORM: Form = Form::Text { what: "address:port or path", pattern: Some("^(/.+|.+:[0-9]{1,5})$") };
    const WHAT: &'static str = "an address or a path to listen on";

    fn parse(text: &str, private: bool, reader: &Reader<'_>) -> Result<RelayListen, String> {
        if text.starts_with('/') {
            return Ok(RelayListen::Unix(PathBuf::from(text)));
        }
        let address = Address::parse(text, private, reader);
        address.map(RelayListen::Tcp).map_err(|_| {
            "write an IP address and a port, such as 127.0.0.1:13306, or the path of a Unix socket from / on".into()
        })
    }
}

/// A range of addresses.
pub(super) struct Range;

impl Word for Range {
    type Out = model::Network;
    const FORM: Form = Form::Text { what: "network", pattern: Some("^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$") };
    const WHAT: &'static str = "a network";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<model::Network, String> {
        model::Network::parse(text)
            .ok_or_else(|| "write for example 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7".into())
    }
}

/// The address of a place, if it is one.
pub(super) fn address(place: &Spanned<RelayListen>) -> Option<Spanned<SocketAddr>> {
    match place.value {
        RelayListen::Tcp(value) => Some(Spanned { value, span: place.span, filled: place.filled }),
        RelayListen::Unix(_) => None,
    }
}

/// A relay needs something to verify, and a leg that nobody else can listen in on.
pub(super) fn errors(root: &Root, reader: &mut Reader<'_>) {
    for named in root.dependencies.iter().flatten() {
        let Some(dependency) = &named.value else { continue };
        identity_errors(dependency, reader);
        let Some(relay) = &dependency.relay else { continue };
        leg_errors(&relay.value, relay.span, reader);
        if let Some(Err(why)) = spoken(dependency) {
            let message = format!("there can be no relay in front of {}", quoted(named.name.as_str()));
            reader.error(relay.span, message, why);
        }
    }
}

fn spoken(read: &Dependency) -> Option<Result<(), &'static str>> {
    let name = "relay".parse().ok()?;
    let mut dependency = model::Dependency::new(name, read.url.as_ref()?.value.clone());
    dependency.tls.mode = read.tls.as_ref()?.verify?;
    Some(Spoken::of(&dependency).map(|_| ()))
}

fn leg_errors(relay: &Relay, span: Span, reader: &mut Reader<'_>) {
    let places = relay.listen.iter().flatten();
    if relay.listen.as_ref().is_some_and(Vec::is_empty) {
        let hint = "write where the application connects to, such as 127.0.0.1:13306";
        reader.error(span, "this relay listens nowhere", hint);
    }
    let is_open = relay.tls.is_none() && relay.plaintext_from_network == Some(false);
    for place in places.filter(|_| is_open) {
        if let RelayListen::Tcp(address) = place.value
            && !address.ip().to_canonical().is_loopback()
        {
            let message = "other machines could reach this relay, and everything would go to it in the clear";
            let hint =
                "listen on 127.0.0.1, add `tls: {}`, or say that you want it: `plaintext_from_network: true`";
            reader.error(place.span, message, hint);
        }
    }
    if let Some(Some(RelayTls { certificate, key, .. })) = &relay.tls {
        both_or_none(certificate, key, ("certificate", "key"), reader);
        key_errors(key, reader);
    }
}

fn identity_errors(dependency: &Dependency, reader: &mut Reader<'_>) {
    let Some(tls) = &dependency.tls else { return };
    let (certificate, key) = (&tls.client_certificate, &tls.client_key);
    both_or_none(certificate, key, ("client_certificate", "client_key"), reader);
    key_errors(key, reader);
}

/// The files of a dependency that have to hold certificates.
pub(super) fn certificate_files(dependency: &Dependency) -> impl Iterator<Item = &Spanned<PathBuf>> {
    let tls = dependency.tls.iter().flat_map(|tls| tls.ca_file.iter().chain(&tls.client_certificate));
    let relay =
        dependency.relay.iter().filter_map(|relay| relay.value.tls.as_ref()?.as_ref()?.certificate.as_ref());
    tls.chain(relay)
}

fn key_errors(key: &Option<Spanned<PathBuf>>, reader: &mut Reader<'_>) {
    let Some(file) = key else { return };
    let fault = match (reader.surroundings.read)(&file.value) {
        Err(error) => format!("cannot be read: {}", super::reason(&error)),
        Ok(content) if PrivateKeyDer::from_pem_slice(&content).is_err() => "holds no private key".to_owned(),
        Ok(_) => return,
    };
    let shown = if file.filled { "this file".into() } else { file.value.display().to_string() };
    let hint = "relative paths begin at the folder of the configuration file; a key has a line -----BEGIN PRIVATE KEY-----";
    reader.error(file.span, format!("{shown} {fault}"), hint);
}

fn both_or_none(
    certificate: &Option<Spanned<PathBuf>>,
    key: &Option<Spanned<PathBuf>>,
    names: (&str, &str),
    reader: &mut Reader<'_>,
) {
    let (given, missing) = match (certificate, key) {
        (Some(given), None) => (given, names.1),
        (None, Some(given)) => (given, names.0),
        _ => return,
    };
    let hint = format!("add `{missing}`, or remove this line");
    reader.error(
        given.span,
        format!("`{missing}` is missing: a certificate is of no use without its key"),
        hint,
    );
}

pub(super) fn identity(
    certificate: Option<Spanned<PathBuf>>,
    key: Option<Spanned<PathBuf>>,
) -> Option<ClientIdentity> {
    Some(ClientIdentity { certificate: certificate?.value, key: key?.value })
}

pub(super) fn relay(read: Relay) -> Option<model::Relay> {
    let leg = match read.tls {
        Some(tls) => leg(tls?)?,
        None => RelayLeg::Plain,
    };
    Some(model::Relay {
        listen: read.listen?.into_iter().map(|place| place.value).collect(),
        leg,
        plaintext_from_network: read.plaintext_from_network?,
        allow: read.allow?,
        allow_users: read.allow_users?,
        most_connections: read.most_connections?,
        connect_within: read.connect_within?,
        idle: read.idle,
        drain_within: read.drain_within?,
        shadow: read.shadow?,
    })
}

fn leg(tls: RelayTls) -> Option<RelayLeg> {
    Some(match (tls.certificate, tls.key) {
        (Some(certificate), Some(key)) => RelayLeg::Files { certificate: certificate.value, key: key.value },
        _ => RelayLeg::OwnAuthority { names: tls.names? },
    })
}
