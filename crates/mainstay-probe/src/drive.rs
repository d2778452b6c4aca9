use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{
    Failure, FailureKind, Finding, Observation, Otherwise, Phase, Protocol, TlsFacts, Upgrade,
};
use mainstay_tls::{CertificateDer, ClientKey, Handshake, Judge, Judgement, Revocations, ServerName};
use mainstay_wire::{Milestone, Step, WireError};
use rustls::ProtocolVersion;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::chains::Chains;
use crate::connect::connect;
use crate::limits::Turn;
use crate::line::Line;
use crate::link::{Heard, Link, Tap};
use crate::phase_clock::PhaseClock;
use crate::{CheckRequest, MetChain, meaning, talk, verdict};

/// The steps that a conversation may take without hearing anything. No protocol needs a tenth of this; one that goes in circles
/// is cut off.
const MOST_IDLE_STEPS: usize = 1_000;
/// The most that a peer may send in one check. A page of HTTP is the largest answer there is.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// How long a server that asked for a client's certificate is given to refuse the connection for the lack of one: under
/// TLS 1.3 (RFC 8446 section 4.4.2.4) it says so only after the handshake has ended on this side.
const REFUSAL: Duration = Duration::from_millis(500);

/// What one check needs at each of its addresses.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a CheckRequest,
    /// Absent when the check does without TLS.
    pub(crate) verify: Option<&'a Verify>,
    /// Where chains are kept for whoever looks after them.
    pub(crate) chains: &'a Chains,
    /// The addresses whose certificate did not verify the last time.
    pub(crate) unverified: &'a Mutex<HashSet<SocketAddr>>,
    pub(crate) now: Timestamp,
    pub(crate) own_name: &'a str,
}

/// Against what the server's certificate is judged.
pub(crate) struct Verify {
    pub(crate) judge: Judge,
    pub(crate) name: ServerName<'static>,
    /// What is known to be revoked.
    pub(crate) revocations: Arc<Revocations>,
    /// What is shown to a server that verifies and asks for a certificate.
    pub(crate) key: Option<ClientKey>,
}

impl Verify {
    fn handshake(&self, key: Option<&ClientKey>, alpn: &[&[u8]], now: Timestamp) -> Handshake {
        let Verify { judge, name, revocations, .. } = self;
        let Some(key) = key else { return Handshake::new(name.clone(), alpn) };
        let (judge, revocations, asked_for) = (judge.clone(), revocations.clone(), name.clone());
        let verifies = move |chain: &[CertificateDer<'_>]| {
            judge.judge_knowing(chain, &asked_for, &revocations, now).verified
        };
        Handshake::showing(name.clone(), alpn, key, verifies)
    }
}

/// What was seen at one address.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) observation: Observation,
    pub(crate) findings: Vec<Finding>,
}

impl Observed {
    /// A failure before anything was seen.
    pub(crate) fn nothing_but(address: String, failure: Failure) -> Observed {
        let observation = Observation {
            address,
            verdict: verdict::of_address(Some(&failure), &[]),
            failure: Some(failure),
            also: Vec::new(),
            phases: Default::default(),
            tls: None,
        };
        Observed { observation, findings: Vec::new() }
    }
}

/// Checks one address until the deadline. The farewell goes on behind the answer, and keeps the address's turn until it is over:
/// what is known is told at once, and the next connection still comes after this one.
pub(crate) async fn observe(
    call: &Call<'_>,
    address: SocketAddr,
    turn: Turn,
    deadline: Instant,
    nonce: [u8; 18],
) -> Observed {
    let request = call.request;
    let query = request.query.as_deref();
    let mut line = Line::new(talk::conversation(&request.target, &request.tls, query, call.own_name, nonce));
    let mut drive = Drive::new(call, address, deadline);
    let outcome = match timeout_at(deadline, drive.run(&mut line)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(drive.out_of_time()),
    };
    let settled = outcome.is_ok() || drive.farewell;
    tokio::spawn(async move {
        line.leave(settled).await;
        drop(turn);
    });
    drive.observed(outcome)
}

/// One connection with one conversation over it.
struct Drive<'a> {
    call: &'a Call<'a>,
    address: SocketAddr,
    deadline: Instant,
    clock: PhaseClock,
    heard: Heard,
    handshake: Option<Handshake>,
    tls: Option<TlsFacts>,
    also: Vec<Failure>,
    findings: Vec<Finding>,
    /// A server that did not verify still gets a farewell where one is owed, without credentials.
    farewell: bool,
    /// The server asked for a client's certificate, got none, and has not shown yet that it goes on without: under TLS 1.3
    /// it may refuse after the handshake. Under TLS 1.2 the end of the handshake is the consent.
    unadmitted: bool,
}

impl<'a> Drive<'a> {
    fn new(call: &'a Call<'a>, address: SocketAddr, deadline: Instant) -> Drive<'a> {
        Drive {
            call,
            address,
            deadline,
            clock: PhaseClock::start(),
            heard: Heard::default(),
            handshake: None,
            tls: None,
            also: Vec::new(),
            findings: Vec::new(),
            farewell: false,
            unadmitted: false,
        }
    }

    async fn run(&mut self, line: &mut Line) -> Result<(), Failure> {
        let outcome = self.phases(line).await;
        if outcome.is_err() {
            self.clock.stop();
        }
        outcome
    }

    async fn phases(&mut self, line: &mut Line) -> Result<(), Failure> {
        let request = self.call.request;
        let stream = connect(self.address).await?;
        line.link = Link::Plain(Tap::new(stream, self.heard.clone()));
        self.clock.enter(match talk::upgrade(&request.target, &request.tls) {
            Upgrade::InProtocol => Phase::Upgrade,
            Upgrade::Direct => Phase::Tls,
            Upgrade::Never => Phase::Ready,
        });
        self.converse(line).await
    }

    /// Goes on until nothing more will be learnt.
    async fn converse(&mut self, line: &mut Line) -> Result<(), Failure> {
        let mut patience = Patience::default();
        while patience.bears(self.heard.total()) {
            match line.step().map_err(|error| self.decided(line, &error))? {
                Step::Write(bytes) => line.link.write(&bytes).await.map_err(|error| self.broken(&error))?,
                Step::Read => self.read(line).await?,
                Step::StartTls => self.secure(line).await?,
                // A farewell that is answered shows as well that the server lets us in, and sooner than silence does.
                Step::Reached(Milestone::Settled) if self.unadmitted => {}
                Step::Reached(Milestone::Settled) => return Ok(()),
                Step::Finished => return self.await_refusal(line).await,
                Step::Reached(milestone) => self.reached(milestone),
            }
        }
        Err(meaning::of_wire(&WireError::Malformed { reason: "it goes in circles" }, self.clock.phase()))
    }

    async fn read(&mut self, line: &mut Line) -> Result<(), Failure> {
        line.read().await.map_err(|error| self.broken(&error))?;
        self.unadmitted &= line.closed_without_a_word();
        if self.heard.total() > MOST_BYTES {
            return Err(meaning::of_flood(MOST_BYTES, self.clock.phase()));
        }
        Ok(())
    }

    fn reached(&mut self, milestone: Milestone) {
        let target = &self.call.request.target;
        let logs_in = target.credentials.is_some() && !matches!(target.protocol, Protocol::Http(_));
        match milestone {
            // It is not known yet whether the server lets us in, and nothing will be asked.
            Milestone::Ready if self.unadmitted && !logs_in => {}
            Milestone::Ready if logs_in => self.clock.enter(Phase::Login),
            Milestone::Ready | Milestone::LoggedIn => self.clock.enter(Phase::Query),
            Milestone::Queried | Milestone::Settled => self.clock.stop(),
        }
    }

    /// Makes the handshake, judges what was recorded, and goes on only when everything holds.
    async fn secure(&mut self, line: &mut Line) -> Result<(), Failure> {
        self.clock.enter_once(Phase::Tls);
        let (Some(verify), Link::Plain(tap)) =
            (self.call.verify, std::mem::replace(&mut line.link, Link::Gone))
        else {
            return Err(self.closed());
        };
        let alpn = talk::alpn(self.call.request.target.protocol);
        let key = verify.key.as_ref().filter(|_| !self.is_left_politely());
        let handshake = self.handshake.insert(verify.handshake(key, alpn, self.call.now));
        let connector = TlsConnector::from(handshake.config.clone());
        let stream = match connector.connect(handshake.name.clone(), tap).await {
            Ok(stream) => stream,
            Err(error) => return Err(self.handshake_failed(&error)),
        };
        let session = stream.get_ref().1;
        let version = session.protocol_version().and_then(talk::version_name);
        let tls13 = session.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let cipher = session.negotiated_cipher_suite().and_then(|suite| talk::cipher_name(suite.suite()));
        line.link = Link::Secure(Box::new(stream));
        let judged = self.judge(version, cipher);
        if judged.is_err() {
            self.farewell = line.conversation.tls_rejected();
        }
        let certificate = judged?;
        self.clock.enter(Phase::Ready);
        line.conversation.tls_established(&certificate);
        self.unadmitted = tls13 && self.wants_client_certificate();
        Ok(())
    }

    /// Where a conversation reads nothing after the handshake, nothing else would read the server's refusal. Silence is consent.
    async fn await_refusal(&mut self, line: &mut Line) -> Result<(), Failure> {
        if !std::mem::take(&mut self.unadmitted) {
            return Ok(());
        }
        let until = self.deadline.min(Instant::now() + REFUSAL);
        match timeout_at(until, line.read()).await {
            Ok(Err(error)) => Err(self.broken(&error)),
            Ok(Ok(())) if line.closed_without_a_word() => {
                Err(self.broken(&std::io::ErrorKind::UnexpectedEof.into()))
            }
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    fn wants_client_certificate(&self) -> bool {
        self.handshake.as_ref().is_some_and(Handshake::client_certificate_requested)
    }

    /// The judgement of the chain; the server's certificate (DER) when it holds.
    fn judge(&mut self, version: Option<String>, cipher: Option<String>) -> Result<Vec<u8>, Failure> {
        let Some((judgement, chain)) = self.judgement() else { return Err(self.closed()) };
        self.keep(&judgement, &chain);
        let leaf = chain.first().map(|leaf| leaf.to_vec()).unwrap_or_default();
        let Judgement { verified, mut failures, certificates, findings } = judgement;
        self.tls = Some(TlsFacts { version, cipher, verified, certificates });
        self.findings = findings;
        if verified {
            return Ok(leaf);
        }
        if failures.is_empty() {
            let message = "the certificate could not be verified";
            failures.push(Failure::new(FailureKind::CertificateInvalid, Phase::Tls, message));
        }
        Err(self.act_first(failures).unwrap_or_else(|| self.closed()))
    }

    /// What to act on first among these, the most important of which comes first; the others are kept.
    fn act_first(&mut self, mut failures: Vec<Failure>) -> Option<Failure> {
        let first = match meaning::of_clock(&failures, self.call.now) {
            Some(clock) => clock,
            None if failures.is_empty() => return None,
            None => failures.remove(0),
        };
        self.also = failures;
        Some(first)
    }

    /// Whether the handshake is to end although the server will not verify, so that its leave can be taken: MySQL counts those that
    /// break off. With a certificate of ours it would break off, so that one waits for a check that verifies.
    fn is_left_politely(&self) -> bool {
        let counts = matches!(self.call.request.target.protocol, Protocol::MySql(_));
        counts && self.unverified().contains(&self.address)
    }

    fn note_verified(&self, verified: bool) {
        let mut unverified = self.unverified();
        match verified {
            true => _ = unverified.remove(&self.address),
            false => _ = unverified.insert(self.address),
        }
    }

    fn unverified(&self) -> MutexGuard<'_, HashSet<SocketAddr>> {
        self.call.unverified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The judgement of the chain as it was sent, which has at least the server's own certificate.
    fn judgement(&self) -> Option<(Judgement, Arc<[CertificateDer<'static>]>)> {
        let Verify { judge, name, revocations, key } = self.call.verify?;
        let chain = self.handshake.as_ref()?.chain().filter(|chain| !chain.is_empty())?;
        let judgement = judge.judge_knowing(&chain, name, revocations, self.call.now);
        if key.is_some() {
            self.note_verified(judgement.verified);
        }
        Some((judgement, chain))
    }

    /// Keeps a chain that verifies but perhaps for dates, once the server has proved to hold the key.
    fn keep(&self, judgement: &Judgement, chain: &Arc<[CertificateDer<'static>]>) {
        let only_dates = |failure: &Failure| {
            failure.expired.as_ref().is_some_and(|expired| expired.otherwise == Otherwise::Yes)
        };
        let is_sound = judgement.verified || judgement.failures.first().is_some_and(only_dates);
        let (true, Some(leaf), Some(verify)) = (is_sound, judgement.certificates.first(), self.call.verify)
        else {
            return;
        };
        self.call.chains.met(leaf.sha256, Instant::now(), || MetChain {
            leaf: leaf.sha256,
            certificates: chain.clone(),
            roots: verify.judge.roots().clone(),
        });
    }

    /// The handshake did not end.
    fn handshake_failed(&mut self, error: &std::io::Error) -> Failure {
        let failure = self.why_no_handshake(error);
        self.with_chain(failure, meaning::proves_no_key(error))
    }

    fn why_no_handshake(&self, error: &std::io::Error) -> Failure {
        let failure = self.broken(error);
        // A server that asked for the handshake speaks the protocol, whatever it sends afterwards.
        match talk::upgrade(&self.call.request.target, &self.call.request.tls) {
            Upgrade::InProtocol if failure.kind == FailureKind::WrongProtocol => meaning::of_broken_promise(),
            Upgrade::InProtocol => failure,
            _ => meaning::of_plaintext(&self.heard.first()).unwrap_or(failure),
        }
    }

    /// Keeps the chain of a handshake that did not end, and says what to act on first.
    ///
    /// What is wrong with the chain goes before the end of the handshake: a server that would refuse us anyway shows an expired
    /// certificate to those, too, whom it lets in. Unless it could not prove that the certificate is its own.
    fn with_chain(&mut self, failure: Failure, unproven: bool) -> Failure {
        if self.tls.is_some() {
            return failure;
        }
        let Some((judgement, _)) = self.judgement() else { return failure };
        let Judgement { mut failures, certificates, .. } = judgement;
        // Without the end of the handshake nobody has proved to hold the key.
        self.tls = Some(TlsFacts { version: None, cipher: None, verified: false, certificates });
        // What the chain is was the reason itself where the handshake was cut short here.
        if !self.handshake.as_ref().is_some_and(Handshake::was_cut_short) {
            let at = if unproven { 0 } else { failures.len() };
            failures.insert(at, failure.clone());
        }
        self.act_first(failures).unwrap_or(failure)
    }

    /// What an error of the connection means.
    fn broken(&self, error: &std::io::Error) -> Failure {
        let phase = self.clock.phase();
        let Some(handshake) = &self.handshake else { return meaning::of_plain(error, phase) };
        // A server that wants a certificate may say so by cutting the connection, and by nothing else.
        let refusing = (phase <= Phase::Ready || self.unadmitted) && self.wants_client_certificate();
        let cut = if refusing { None } else { meaning::of_cut(error, phase) };
        cut.unwrap_or_else(|| handshake.failure(error, phase))
    }

    /// What an error of the conversation means; it may still owe the server a farewell.
    fn decided(&mut self, line: &mut Line, error: &WireError) -> Failure {
        self.farewell = line.conversation.failed();
        self.unfit(error)
    }

    /// What an error of the conversation means.
    fn unfit(&self, error: &WireError) -> Failure {
        let phase = self.clock.phase();
        match error {
            WireError::Closed { .. } if phase == Phase::Ready && self.wants_client_certificate() => {
                self.broken(&std::io::ErrorKind::UnexpectedEof.into())
            }
            _ => meaning::of_wire(error, phase),
        }
    }

    fn closed(&self) -> Failure {
        meaning::of_plain(&std::io::ErrorKind::UnexpectedEof.into(), self.clock.phase())
    }

    fn out_of_time(&mut self) -> Failure {
        self.clock.stop();
        let failure = meaning::of_timeout(self.call.request.timeout, self.clock.phase(), &self.heard);
        self.with_chain(failure, false)
    }

    fn observed(self, outcome: Result<(), Failure>) -> Observed {
        let failure = outcome.err();
        let observation = Observation {
            address: self.address.to_string(),
            verdict: verdict::of_address(failure.as_ref(), &self.findings),
            failure,
            also: self.also,
            phases: self.clock.phases(),
            tls: self.tls,
        };
        Observed { observation, findings: self.findings }
    }
}

/// Counts the steps since something was last heard.
#[derive(Debug, Default)]
struct Patience {
    heard: u64,
    idle: usize,
}

impl Patience {
    /// Whether another step may be taken, `heard` bytes having come in all.
    fn bears(&mut self, heard: u64) -> bool {
        self.idle = if heard > self.heard { 0 } else { self.idle + 1 };
        self.heard = heard;
        self.idle <= MOST_IDLE_STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_when_nothing_more_is_heard() {
        let mut patience = Patience::default();
        assert!((0..100_000).all(|heard| patience.bears(heard)), "a byte each time is progress");
        assert!((0..MOST_IDLE_STEPS).all(|_| patience.bears(99_999)));
        assert!(!patience.bears(99_999));
    }
}
