use mainstay_model::{Protocol, Target, TlsMode, TlsPolicy, Upgrade};
use mainstay_wire::{Conversation, Login, Password, TlsStart, http, mysql, postgres, redis, smtp, tcp, tls};
use rustls::{CipherSuite, ProtocolVersion};

/// How this check comes to be encrypted: as the URL says, unless TLS is switched off for a protocol that leaves the choice.
pub(crate) fn upgrade(target: &Target, policy: &TlsPolicy) -> Upgrade {
    match (target.protocol.upgrade(), policy.mode) {
        (Upgrade::InProtocol, TlsMode::Off) => Upgrade::Never,
        (upgrade, _) => upgrade,
    }
}

/// The protocol names to offer in the handshake (ALPN).
pub(crate) fn alpn(protocol: Protocol) -> &'static [&'static [u8]] {
    match protocol {
        Protocol::Http(_) => &[b"http/1.1"],
        // Mandatory for direct TLS since PostgreSQL 17; servers before that never see it.
        Protocol::Postgres(Upgrade::Direct) => &[b"postgresql"],
        _ => &[],
    }
}

/// The version as OpenSSL and everybody else writes it: `TLSv1.3`.
pub(crate) fn version_name(version: ProtocolVersion) -> Option<String> {
    version.as_str().map(|name| name.replace('_', "."))
}

/// The name of the IANA registry; rustls marks those of TLS 1.3.
pub(crate) fn cipher_name(suite: CipherSuite) -> Option<String> {
    suite.as_str().map(|name| name.replacen("TLS13_", "TLS_", 1))
}

/// This side of the conversation with the target.
///
/// `nonce` is fresh randomness for SCRAM; `own_name` is what a mail server is greeted with.
pub(crate) fn conversation(
    target: &Target,
    policy: &TlsPolicy,
    query: Option<&str>,
    own_name: &str,
    nonce: [u8; 18],
) -> Box<dyn Conversation + Send> {
    let tls = tls_start(upgrade(target, policy));
    let login = login(target);
    let question = || login.as_ref().and(smallest_question(target.protocol));
    let query = query.or_else(question).map(str::to_owned);
    let database = target.database.clone();
    match target.protocol {
        Protocol::Postgres(_) => {
            Box::new(postgres::Client::new(postgres::Options { tls, login, database, query, nonce }))
        }
        Protocol::MySql(_) => Box::new(mysql::Client::new(mysql::Options { tls, login, database, query })),
        Protocol::Redis(_) => Box::new(redis::Client::new(redis::Options { tls, login, database, query })),
        Protocol::Http(_) => Box::new(http::Client::new(http::Options {
            tls,
            login,
            host: target.host.clone(),
            port: target.port,
            path: target.path.clone(),
            expected_status: None,
        })),
        Protocol::Smtp(_) => {
            Box::new(smtp::Client::new(smtp::Options { tls, login, name: own_name.to_owned() }))
        }
        Protocol::Tls => Box::new(tls::Client::new()),
        Protocol::Tcp | Protocol::File => Box::new(tcp::Client::new()),
    }
}

fn tls_start(upgrade: Upgrade) -> TlsStart {
    match upgrade {
        Upgrade::InProtocol => TlsStart::InProtocol,
        Upgrade::Direct => TlsStart::Direct,
        Upgrade::Never => TlsStart::Never,
    }
}

fn login(target: &Target) -> Option<Login> {
    let credentials = target.credentials.as_ref()?;
    let password = credentials.password.as_ref().map(|password| Password::new(password.expose()));
    Some(Login { user: credentials.user.clone(), password })
}

/// What is asked after log-in when nothing else is to be asked.
fn smallest_question(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Postgres(_) | Protocol::MySql(_) => Some("SELECT 1"),
        Protocol::Redis(_) => Some("PING"),
        _ => None,
    }
}
