use std::io;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use mainstay_model::{Failure, Phase};
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::admit::{Admitted, Denied, Terms};
use crate::recorder::Recorder;
use crate::verifier::{Verifier, client_config};
use crate::{ClientKey, Judge, Judgement, errors};

/// One handshake that ends well only with a server that is admitted, unless it is [`Entry::polite`]. Make a new one for every connection.
///
/// The decision falls inside the handshake, before anything but its opening was sent: neither a certificate of ours nor a byte
/// of what is to be said goes to a server that is not admitted.
pub struct Entry {
    /// For `tokio_rustls::TlsConnector::from` or `rustls::ClientConnection::new`.
    pub config: Arc<ClientConfig>,
    /// The name to ask for and to verify.
    pub name: ServerName<'static>,
    gate: Arc<Gate>,
}

/// What decides, and what came of it.
struct Gate {
    judge: Judge,
    name: ServerName<'static>,
    terms: Arc<Terms>,
    now: Timestamp,
    recorder: Arc<Recorder>,
    /// Whether the handshake ends well with a server that is not admitted, too.
    polite: bool,
    decision: OnceLock<Result<Admitted, Denied>>,
}

impl Entry {
    /// Prepares a handshake that decides as of `now`, which is the moment at which it begins. `alpn` names application protocols
    /// in order of preference, and may be empty.
    pub fn new(
        judge: &Judge,
        name: ServerName<'static>,
        alpn: &[&[u8]],
        terms: Arc<Terms>,
        key: Option<&ClientKey>,
        now: Timestamp,
    ) -> Entry {
        let recorder = Recorder::with_identity(key.map(ClientKey::certified));
        Entry::of(judge, name, alpn, terms, recorder, false, now)
    }

    /// The same, but the handshake also ends with a server that is not admitted, so that its leave can be taken: some count
    /// connections that break off, and lock out whoever makes too many. **Look at [`Entry::decision`] before anything else is
    /// said.** No certificate of ours is shown.
    pub fn polite(
        judge: &Judge,
        name: ServerName<'static>,
        alpn: &[&[u8]],
        terms: Arc<Terms>,
        now: Timestamp,
    ) -> Entry {
        Entry::of(judge, name, alpn, terms, Recorder::default(), true, now)
    }

    fn of(
        judge: &Judge,
        name: ServerName<'static>,
        alpn: &[&[u8]],
        terms: Arc<Terms>,
        recorder: Recorder,
        polite: bool,
        now: Timestamp,
    ) -> Entry {
        let recorder = Arc::new(recorder);
        let gate = Arc::new(Gate {
            judge: judge.clone(),
            name: name.clone(),
            terms,
            now,
            recorder: recorder.clone(),
            polite,
            decision: OnceLock::new(),
        });
        let deciding = gate.clone();
        let decide = move |chain: &[CertificateDer<'_>], name: &ServerName<'_>, _: UnixTime| {
            deciding.decide(chain, name)
        };
        let mut config = client_config(Arc::new(Verifier(decide)));
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        config.client_auth_cert_resolver = recorder;
        Entry { config: Arc::new(config), name, gate }
    }

    /// How it was decided, once the server has shown its chain. That a server is admitted counts only when the handshake has
    /// ended well, too: before, it has not proved that the certificate is its own.
    pub fn decision(&self) -> Option<&Result<Admitted, Denied>> {
        self.gate.decision.get()
    }

    /// The chain as sent, once the server has sent it; also when it was refused.
    pub fn chain(&self) -> Option<Arc<[CertificateDer<'static>]>> {
        self.gate.recorder.chain()
    }

    /// Everything there is to say about the chain as of the moment of the decision, once there is one. For a chain that verified
    /// this is cheap; for one that was waived it is not, so it is made only when asked for.
    pub fn judgement(&self) -> Option<Judgement> {
        let gate = &self.gate;
        if let Err(denied) = gate.decision.get()? {
            return Some(denied.judgement.clone());
        }
        let chain = self.chain()?;
        Some(gate.judge.judge_knowing(&chain, &gate.name, &gate.terms.revocations, gate.now))
    }

    /// Whether the server asked for a certificate of ours.
    pub fn client_certificate_requested(&self) -> bool {
        self.gate.recorder.client_certificate_requested()
    }

    /// What an error of the handshake means, or one of reading and writing soon after it; `phase` is where it came up. Of a server
    /// that was refused it is why.
    pub fn failure(&self, error: &io::Error, phase: Phase) -> Failure {
        // With a certificate of ours the server refuses that one, if any, and the usual words say that we have none.
        let unanswered = self.client_certificate_requested() && !self.gate.recorder.has_identity();
        errors::failure(error, phase, unanswered)
    }
}

impl Gate {
    fn decide(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>) -> Result<(), rustls::Error> {
        self.recorder.keep(chain);
        let decision = self.decision.get_or_init(|| self.judge.admit(chain, name, &self.terms, self.now));
        match decision {
            Err(denied) if !self.polite => Err(rustls::Error::from(denied)),
            _ => Ok(()),
        }
    }
}
