use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use mainstay_model::{
    Blame, CheckReport, Failure, FailureKind, Fingerprint, LookedUp, Lookup, Phase, Upgrade,
};
use mainstay_tls::{ClientKey, Judge, Revocations, Revoked, ServerName, parse_server_name};
use tokio::time::{Instant, timeout_at};

use crate::chains::Chains;
use crate::drive::{Call, Observed, Verify, observe};
use crate::judges::Judges;
use crate::limits::Limits;
use crate::phase_clock::milliseconds;
use crate::report::{Outcome, assemble};
use crate::resolve::{self, Addresses, Resolve, Unresolved};
use crate::{CheckRequest, MetChain, file, meaning, talk};

/// The system's roots, in messages about files that cannot be read.
const SYSTEM_ROOTS: &str = "the trust store of this machine";

/// What holds for all checks of a prober.
#[derive(Debug, Clone)]
pub struct ProberOptions {
    /// Addresses under check at the same time, at least 1. To one address there is never more than one connection.
    pub concurrency: usize,
    /// DNS servers to ask. Empty: those of this system.
    pub name_servers: Vec<SocketAddr>,
    /// What a mail server is greeted with (EHLO): the host name of this machine, or an address in brackets.
    pub own_name: String,
}

impl Default for ProberOptions {
    fn default() -> ProberOptions {
        // RFC 5321 section 4.1.3: a client without a name of its own gives an address.
        ProberOptions { concurrency: 512, name_servers: Vec::new(), own_name: "[127.0.0.1]".into() }
    }
}

/// Makes checks. Keep one for as long as possible: it remembers roots, verified chains and DNS answers for as long as they live.
pub struct Prober {
    options: ProberOptions,
    resolve: Resolve,
    judges: Arc<Judges>,
    limits: Limits,
    chains: Chains,
    unverified: Mutex<HashSet<SocketAddr>>,
    revocations: RwLock<Arc<Revocations>>,
}

impl Prober {
    /// A prober with an empty memory.
    pub fn new(options: ProberOptions) -> Prober {
        Prober {
            resolve: Resolve::new(&options.name_servers),
            judges: Arc::default(),
            limits: Limits::new(options.concurrency),
            chains: Chains::default(),
            unverified: Mutex::default(),
            revocations: RwLock::default(),
            options,
        }
    }

    /// Makes one check. `now` is the time that certificates are judged at.
    ///
    /// Must run inside a tokio runtime with I/O and time enabled.
    pub async fn check(&self, request: &CheckRequest, now: Timestamp) -> CheckReport {
        let deadline = Instant::now() + request.timeout;
        let outcome = match &request.target.file {
            Some(path) => self.check_file(request, path, now, deadline).await,
            None => self.check_network(request, now, deadline).await,
        };
        assemble(request, now, outcome.unwrap_or_else(Outcome::could_not_begin))
    }

    /// What a name leads to, as the applications of this machine would be told; nothing where it does not exist, and `None` when no
    /// resolver said within its time, some seconds.
    pub async fn look_up(&self, lookup: &Lookup) -> Option<LookedUp> {
        self.resolve.look_up(lookup).await
    }

    /// Waits until the farewells of all checks so far are said, which takes little more than a second at most. For a process that
    /// ends after a check: a server that is left without one may log it, and count it against this machine.
    pub async fn farewells(&self) {
        self.limits.all_over().await;
    }

    /// At most so many of the chains that checks met since chains were first taken: those that verify but perhaps for dates, each
    /// once. One that is taken comes again after its `rest`, or after what [`Prober::rest_chain`] says.
    pub fn take_chains(&self, most: usize, rest: Duration) -> Vec<MetChain> {
        self.chains.take(Instant::now(), most, rest)
    }

    /// Has a chain that was taken come again after so long.
    pub fn rest_chain(&self, leaf: Fingerprint, rest: Duration) {
        self.chains.rest(leaf, Instant::now() + rest);
    }

    /// These certificates are revoked. From now on no chain with one of them verifies.
    pub fn learn_revoked(&self, revoked: impl IntoIterator<Item = Revoked>) {
        self.learn(|known| known.extend(revoked));
    }

    /// The same, where only the fact is known.
    pub fn learn_ever_revoked(&self, fingerprints: impl IntoIterator<Item = Fingerprint>) {
        self.learn(|known| known.extend(fingerprints));
    }

    fn learn(&self, add: impl FnOnce(&mut Revocations)) {
        let mut known = self.revocations.write().unwrap_or_else(PoisonError::into_inner);
        add(Arc::make_mut(&mut known));
    }

    async fn check_file(
        &self,
        request: &CheckRequest,
        path: &Path,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Outcome, Failure> {
        let name = request.tls.server_name.as_deref().map(server_name).transpose()?;
        let judge = match request.tls.ca_file {
            Some(_) => Some(self.judge(request, deadline).await?),
            None => None,
        };
        let file = path.to_owned();
        let observe = move || file::observe(&file, judge.as_ref().map(Judge::roots), name.as_ref(), now);
        let observed = self.read(path, deadline, observe).await;
        let observed =
            observed.ok_or_else(|| meaning::of_slow_file(path, request.timeout, Phase::Resolve))?;
        Ok(Outcome { resolve_ms: None, addresses: Ok(vec![observed]), finding: None })
    }

    async fn check_network(
        &self,
        request: &CheckRequest,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Outcome, Failure> {
        let verify = self.verify(request, deadline).await?;
        let started = Instant::now();
        let resolved = self.resolve(request, deadline).await;
        let resolve_ms = request.target.ip().is_none().then(|| milliseconds(started.elapsed()));
        let finding = resolved.as_ref().ok().and_then(Addresses::finding);
        let addresses = match resolved {
            Err(unresolved) => Err((unresolved.failure, unresolved.verdict)),
            Ok(Addresses { checked, .. }) => {
                let (verify, own_name) = (verify.as_ref(), self.options.own_name.as_str());
                let (chains, unverified) = (&self.chains, &self.unverified);
                let call = Call { request, verify, chains, unverified, now, own_name };
                let left = deadline.saturating_duration_since(Instant::now());
                let port = request.target.port;
                let addresses = checked.into_iter().map(|address| SocketAddr::new(address, port));
                let each = addresses.map(|address| self.observe(&call, address, left));
                Ok(join_all(each).await)
            }
        };
        Ok(Outcome { resolve_ms, addresses, finding })
    }

    /// Against what to verify; `None` for a check without TLS. Without roots or a name nothing could be told, whatever the server does.
    async fn verify(&self, request: &CheckRequest, deadline: Instant) -> Result<Option<Verify>, Failure> {
        if talk::upgrade(&request.target, &request.tls) == Upgrade::Never {
            return Ok(None);
        }
        let name = server_name(request.tls.server_name.as_deref().unwrap_or(&request.target.host))?;
        let judge = self.judge(request, deadline).await?;
        let revocations = self.revocations.read().unwrap_or_else(PoisonError::into_inner).clone();
        let key = self.key(request, deadline).await?;
        Ok(Some(Verify { judge, name, revocations, key }))
    }

    /// What is shown to a server that asks for a certificate, read anew each time so that a renewed one counts at once.
    async fn key(&self, request: &CheckRequest, deadline: Instant) -> Result<Option<ClientKey>, Failure> {
        let Some(files) = request.tls.identity.clone() else { return Ok(None) };
        let path = files.certificate.clone();
        let read = move || ClientKey::from_pem_files(&files.certificate, &files.key);
        let read = self.read(&path, deadline, read).await;
        let read = read.ok_or_else(|| meaning::of_slow_file(&path, request.timeout, Phase::Tls))?;
        read.map(Some).map_err(|error| meaning::of_no_key(&error))
    }

    async fn judge(&self, request: &CheckRequest, deadline: Instant) -> Result<Judge, Failure> {
        let (judges, ca_file, now) = (self.judges.clone(), request.tls.ca_file.clone(), Instant::now());
        if let (None, Some(judge)) = (&ca_file, judges.recent_system(now)) {
            return Ok(judge);
        }
        let path = ca_file.clone().unwrap_or_else(|| SYSTEM_ROOTS.into());
        let judge = self.read(&path, deadline, move || judges.for_roots(ca_file.as_deref(), now)).await;
        judge.unwrap_or_else(|| Err(meaning::of_slow_file(&path, request.timeout, Phase::Tls)))
    }

    /// Does this work over a file on a thread that may wait; `None` when it does not end in time.
    async fn read<T: Send + 'static>(
        &self,
        path: &Path,
        deadline: Instant,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let read = async {
            let turn = self.limits.file_turn(path.to_owned()).await;
            // The turn goes with the work, which goes on when nobody waits for it any more.
            tokio::task::spawn_blocking(move || (work(), turn)).await.ok()
        };
        timeout_at(deadline, read).await.ok().flatten().map(|(outcome, _turn)| outcome)
    }

    async fn resolve(&self, request: &CheckRequest, deadline: Instant) -> Result<Addresses, Unresolved> {
        let host = &request.target.host;
        let resolved = timeout_at(deadline, self.resolve.addresses(host)).await;
        resolved.unwrap_or_else(|_| Err(resolve::out_of_time(host)))
    }

    async fn observe(&self, call: &Call<'_>, address: SocketAddr, left: std::time::Duration) -> Observed {
        let Ok(turn) = timeout_at(Instant::now() + left, self.limits.turn(address)).await else {
            return Observed::nothing_but(address.to_string(), meaning::of_no_turn(call.request.timeout));
        };
        observe(call, address, turn, Instant::now() + left, nonce()).await
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, Failure> {
    parse_server_name(name).map_err(|error| {
        Failure::new(FailureKind::CertificateNameMismatch, Phase::Tls, error.to_string()).blamed_on(Blame::Us)
    })
}

/// Fresh randomness for one log-in. Should the system have none, the log-in is merely predictable to itself and the server.
fn nonce() -> [u8; 18] {
    let mut nonce = [0; 18];
    let _ = aws_lc_rs::rand::fill(&mut nonce);
    nonce
}
