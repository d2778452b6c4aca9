use std::net::SocketAddr;
use std::sync::Arc;

use mainstay_model::{Dependency, DependencyName, Protocol, Relay, TlsMode, Upgrade};
use mainstay_tls::{ClientKey, Judge, ServerName, ServerNameError, parse_server_name};
use mainstay_wire::TlsStart;
use mainstay_wire::redis::Peers;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Everything that one relay is told.
#[derive(Clone)]
pub struct RelaySettings {
    /// In front of which dependency it stands.
    pub dependency: DependencyName,
    /// What the configuration says of it.
    pub relay: Relay,
    /// What stands behind it.
    pub upstream: Upstream,
    /// Other servers of a cluster of Redis, as it calls them, and where their relays are.
    pub peers: Peers,
    /// Takes up TLS with applications, where the relay has a certificate for them.
    pub acceptor: Option<TlsAcceptor>,
}

/// The server behind a relay.
#[derive(Clone)]
pub struct Upstream {
    /// Host name or address.
    pub host: Arc<str>,
    /// TCP port.
    pub port: u16,
    /// Where it is, if that is known and not to be asked for by its name.
    pub addresses: Option<Arc<[SocketAddr]>>,
    /// What is spoken there.
    pub spoken: Spoken,
    /// How it comes to be encrypted. Never [`TlsStart::Never`]: without TLS there is nothing to verify.
    pub start: TlsStart,
    /// The name that its certificate must be for.
    pub name: ServerName<'static>,
    /// What is shown to it when it asks for a certificate.
    pub key: Option<ClientKey>,
    /// Judges its certificate. Another one takes its place when the roots change.
    pub judge: watch::Receiver<Judge>,
}

/// The protocols that a relay knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
    /// Redis and its kin.
    Redis,
    /// Anything that is TLS from the first byte.
    Other,
}

impl Spoken {
    /// How a relay stands in front of such a target, or why it cannot: a sentence that says what to do.
    pub fn of(dependency: &Dependency) -> Result<(Spoken, TlsStart), &'static str> {
        let start = match dependency.target.protocol.upgrade() {
            Upgrade::InProtocol if dependency.tls.mode == TlsMode::Off => TlsStart::Never,
            Upgrade::InProtocol => TlsStart::InProtocol,
            Upgrade::Direct => TlsStart::Direct,
            Upgrade::Never => TlsStart::Never,
        };
        let spoken = match dependency.target.protocol {
            Protocol::Postgres(_) => Spoken::Postgres,
            Protocol::MySql(_) => Spoken::MySql,
            Protocol::Redis(_) => Spoken::Redis,
            Protocol::Http(_) | Protocol::Tls => Spoken::Other,
            Protocol::Smtp(Upgrade::Direct) => Spoken::Other,
            Protocol::Smtp(_) => {
                return Err("a relay does not speak STARTTLS of mail; use smtps:// where the server has it");
            }
            Protocol::Tcp => Spoken::Other,
            Protocol::File => return Err("a file has nothing to connect to"),
        };
        if start == TlsStart::Never {
            return Err("there is no TLS to verify; connect the application to the server itself");
        }
        Ok((spoken, start))
    }
}

impl Spoken {
    /// The protocol names that a relay takes from applications: mandatory for direct TLS of PostgreSQL since version 17. A client that
    /// names none is served all the same.
    pub(crate) fn local_alpn(self) -> Vec<Vec<u8>> {
        match self {
            Spoken::Postgres => vec![b"postgresql".to_vec()],
            _ => Vec::new(),
        }
    }
}

impl Upstream {
    /// The server of a dependency, to which nothing is shown. Errors when its name can stand in no certificate.
    pub fn of(
        dependency: &Dependency,
        spoken: Spoken,
        start: TlsStart,
        judge: watch::Receiver<Judge>,
    ) -> Result<Upstream, ServerNameError> {
        let host = &dependency.target.host;
        let name = parse_server_name(dependency.tls.server_name.as_ref().unwrap_or(host))?;
        Ok(Upstream {
            host: host.as_str().into(),
            port: dependency.target.port,
            addresses: None,
            spoken,
            start,
            name,
            key: None,
            judge,
        })
    }

    pub(crate) fn judge(&self) -> Judge {
        self.judge.borrow().clone()
    }

    /// Whether this server counts connections that break off, and its leave can be taken.
    pub(crate) fn counts_breaks(&self) -> bool {
        self.spoken == Spoken::MySql && self.start == TlsStart::InProtocol
    }

    /// Whether each refusal of this server breaks off and is counted: leave is taken only where no certificate of ours is to be shown.
    pub(crate) fn counts_refusals(&self) -> bool {
        self.counts_breaks() && self.key.is_some()
    }

    /// The protocol names to offer in the handshake: mandatory for direct TLS of PostgreSQL since version 17.
    pub(crate) fn alpn(&self) -> &'static [&'static [u8]] {
        match (self.spoken, self.start) {
            (Spoken::Postgres, TlsStart::Direct) => &[b"postgresql"],
            _ => &[],
        }
    }
}
