use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mainstay_model::{Failure, FailureKind, Phase, RefusalReason};
use mainstay_tls::{CertificateDer, Entry, Terms};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::addresses::Health;
use crate::pass::Pass;
use crate::refusal::Refusal;
use crate::relay::Hub;

/// A peer that is gone is noticed after about this time plus ten probes, where nothing else would.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// A connection whose certificate was admitted.
pub(crate) struct Secured {
    pub(crate) stream: TlsStream<TcpStream>,
    pub(crate) pass: Pass,
    pub(crate) chain: std::sync::Arc<[CertificateDer<'static>]>,
}

/// What a connection to a server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An application's log-in.
    Application,
    /// To look whether it is admitted.
    Look,
}

/// A connection that is not to be gone on with.
pub(crate) struct Denial {
    pub(crate) refusal: Refusal,
    /// It is open still where leave is to be taken of the server.
    pub(crate) stream: Option<Box<TlsStream<TcpStream>>>,
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Denial {
        Denial { refusal, stream: None }
    }
}

/// Opens a connection to one address.
pub(crate) async fn connect(address: SocketAddr, within: Duration) -> Result<TcpStream, String> {
    #[expect(clippy::disallowed_methods, reason = "the relay's connection is not a check's")]
    let connecting = TcpStream::connect(address);
    match tokio::time::timeout(within, connecting).await {
        Ok(Ok(stream)) => {
            polish(&stream);
            Ok(stream)
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {}", mainstay_model::HumanDuration(within))),
    }
}

/// What every connection of a relay wants of its socket. One that refuses an option works without it.
pub(crate) fn polish(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let keep_alive =
        socket2::TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(Duration::from_secs(10));
    let _ = socket2::SockRef::from(stream).set_tcp_keepalive(&keep_alive);
}

/// Makes the handshake and decides. Nothing of the application's is sent to a server that was not admitted.
pub(crate) async fn secure(
    hub: &Hub,
    stream: TcpStream,
    address: SocketAddr,
    purpose: Purpose,
    within: Duration,
) -> Result<Secured, Denial> {
    let (began, policy) = (Instant::now(), hub.policy.latest().issued_at);
    let terms = hub.policy.terms(&hub.settings.dependency);
    let entry = entry(hub, address, purpose, &terms);
    let admitted = admit(hub, stream, &entry, &terms);
    let secured = tokio::time::timeout(within, admitted).await;
    let outcome = secured.unwrap_or_else(|_| match entry.decision() {
        // A server that is to be left and stalls shows its certificate all the same.
        Some(Err(denied)) => Err(hub.denied(denied).into()),
        _ => {
            let message = "the server fell silent during the TLS handshake";
            Err(Refusal::new(RefusalReason::Unreachable, message).into())
        }
    });
    hub.meter.handshake(began.elapsed());
    match (&outcome, entry.decision()) {
        (Ok(Secured { pass: Pass::Verified, .. }), _) => hub.addresses.note(address, Health::Sound),
        (Ok(Secured { pass: Pass::Waived(..), .. }), _) => hub.addresses.note(address, Health::Waived),
        (Err(Denial { refusal, .. }), Some(Err(_))) => {
            hub.addresses.note_refusal(address, refusal.clone(), policy);
        }
        // No certificate was refused: what broke this handshake may not break the next one.
        (Err(_), _) => hub.addresses.note(address, Health::Unreachable),
    }
    outcome
}

/// Whoever has a certificate of ours to show ends the handshake early where a server is not admitted. One that only looks does
/// without it while it expects that, so that an outage leaves no more than one mark.
fn entry(hub: &Hub, address: SocketAddr, purpose: Purpose, terms: &Arc<Terms>) -> Entry {
    let upstream = &hub.settings.upstream;
    let (name, key) = (upstream.name.clone(), upstream.key.as_ref());
    let (judge, alpn, now) = (upstream.judge(), upstream.alpn(), hub.now());
    let without = purpose == Purpose::Look && hub.addresses.is_denied(address);
    match upstream.counts_breaks() && (key.is_none() || without) {
        true => Entry::polite(&judge, name, alpn, terms.clone(), now),
        false => Entry::new(&judge, name, alpn, terms.clone(), key, now),
    }
}

async fn admit(hub: &Hub, stream: TcpStream, entry: &Entry, terms: &Arc<Terms>) -> Result<Secured, Denial> {
    let connector = TlsConnector::from(entry.config.clone());
    let connected = connector.connect(entry.name.clone(), stream).await;
    match (connected, entry.decision(), entry.chain()) {
        (Ok(stream), Some(Ok(admitted)), Some(chain)) => match Pass::of(*admitted, terms.waiver.as_ref()) {
            Some(pass) => Ok(Secured { stream, pass, chain }),
            None => {
                Err(Refusal::new(RefusalReason::NotWaived, "the waiver that admitted it is not known").into())
            }
        },
        (connected, Some(Err(denied)), _) => {
            Err(Denial { refusal: hub.denied(denied), stream: connected.ok().map(Box::new) })
        }
        (Err(error), _, _) => Err(broken(&entry.failure(&error, Phase::Tls)).into()),
        (Ok(_), _, _) => {
            Err(Refusal::new(RefusalReason::Unverified, "the server showed no certificate").into())
        }
    }
}

fn broken(failure: &Failure) -> Refusal {
    let reason = match failure.kind {
        FailureKind::ConnectReset | FailureKind::TimedOut => RefusalReason::Unreachable,
        _ => RefusalReason::Unverified,
    };
    Refusal::new(reason, failure.message.clone())
}
