use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Admission, Otherwise, RefusalReason, RelayPolicy, ShadowFinding};
use mainstay_tls::{CertificateDer, Denied};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::addresses::Addresses;
use crate::cancel::CancelKeys;
use crate::estate::Estate;
use crate::listen::Listening;
use crate::meter::Meter;
use crate::news::{News, Teller};
use crate::pass::Pass;
use crate::places::Places;
use crate::policy::{Needless, Policy};
use crate::refusal::Refusal;
use crate::{RelaySettings, scout};

/// A chain that was judged as of later is not judged again for so long.
const SHADOW_EVERY: Duration = Duration::from_secs(3_600);
/// So many different chains of one server are remembered for that; it has a handful.
const MOST_SHADOWS: usize = 256;

/// One relay: everything behind its listeners.
pub struct Relay {
    hub: Arc<Hub>,
}

/// What a relay is connected to.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// What is in force. When its sender is gone, the last one stays.
    pub policy: watch::Receiver<Arc<RelayPolicy>>,
    /// Takes news; what it does not take in time is dropped.
    pub news: mpsc::Sender<News>,
    /// Waivers that full verification has ended already.
    pub needless: Needless,
    /// The time.
    pub clock: fn() -> Timestamp,
    /// Ends the listeners, and nothing else.
    pub no_more: CancellationToken,
    /// Ends the connections too, each at its next moment of rest.
    pub stop: CancellationToken,
    /// Of the relay before this one in its place; an empty one where there was none.
    pub estate: Estate,
}

/// What every connection of a relay shares.
pub(crate) struct Hub {
    pub(crate) settings: RelaySettings,
    pub(crate) policy: Policy,
    pub(crate) addresses: Addresses,
    pub(crate) cancel_keys: CancelKeys,
    pub(crate) meter: Arc<Meter>,
    pub(crate) places: Places,
    /// All that is under way with an application or a server, which the end of a stop waits for.
    pub(crate) under_way: TaskTracker,
    pub(crate) no_more: CancellationToken,
    pub(crate) stop: CancellationToken,
    teller: Teller,
    clock: fn() -> Timestamp,
    /// When each chain was judged as of later, by a hash of address and chain.
    shadows: Mutex<HashMap<u64, Instant>>,
}

impl Relay {
    /// A relay that does not listen yet.
    pub fn new(settings: RelaySettings, wiring: Wiring) -> Relay {
        let upstream = &settings.upstream;
        let Estate { cancel_keys, places, meter } = wiring.estate;
        let hub = Hub {
            addresses: Addresses::of(upstream),
            policy: Policy::new(wiring.policy, wiring.needless, wiring.clock),
            cancel_keys,
            meter,
            places,
            under_way: TaskTracker::new(),
            no_more: wiring.no_more,
            stop: wiring.stop,
            teller: Teller(wiring.news),
            clock: wiring.clock,
            shadows: Mutex::default(),
            settings,
        };
        Relay { hub: Arc::new(hub) }
    }

    /// What it counts.
    pub fn meter(&self) -> Arc<Meter> {
        self.hub.meter.clone()
    }

    /// Serves until told to stop, and then until the last connection has ended and leave is taken of every server.
    pub async fn run(self, listening: Vec<Listening>) {
        let hub = self.hub;
        let (lines, dependency) = (&hub.meter.lines, &hub.settings.dependency);
        tokio::select! {
            () = serve(&hub, listening) => lines.tell_last(dependency),
            () = lines.tell_rests(dependency) => {}
        }
    }
}

async fn serve(hub: &Arc<Hub>, listening: Vec<Listening>) {
    let listeners = TaskTracker::new();
    for one in listening {
        listeners.spawn(one.serve(hub.clone()));
    }
    listeners.spawn(scout::run(hub.clone()));
    listeners.close();
    listeners.wait().await;
    hub.under_way.close();
    hub.under_way.wait().await;
}

impl Hub {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// What the application reads.
    pub(crate) fn in_full(&self, message: &str) -> String {
        let dependency = &self.settings.dependency;
        let link =
            self.policy.latest().links.get(dependency).map(|link| format!(" ({link})")).unwrap_or_default();
        format!("Mainstay: no connection to {dependency}: {message}{link}")
    }

    /// A server that was not admitted.
    pub(crate) fn denied(&self, denied: &Denied) -> Refusal {
        let Some(failure) = denied.judgement.failures.first() else {
            return Refusal::new(RefusalReason::Unverified, denied.to_string());
        };
        let only_expired = denied.judgement.failures.len() == 1
            && failure.expired.as_ref().is_some_and(|expired| expired.otherwise == Otherwise::Yes);
        match &denied.not_waived {
            Some(_) => Refusal::new(RefusalReason::NotWaived, denied.to_string()),
            None if only_expired => {
                let message = format!("{}. No waiver is in force", failure.message);
                Refusal::new(RefusalReason::Expired, message)
            }
            None => Refusal::new(RefusalReason::Unverified, failure.message.clone()),
        }
    }

    /// A connection was let through.
    pub(crate) fn admitted(
        &self,
        pass: &Pass,
        chain: Option<&[CertificateDer<'static>]>,
        address: SocketAddr,
        client: &str,
    ) {
        self.decided(Admission {
            at: self.now(),
            dependency: self.settings.dependency.clone(),
            client: client.to_owned(),
            address: Some(address.to_string()),
            decision: pass.decision(),
        });
        if let (Pass::Verified, Some(chain)) = (pass, chain) {
            self.verified(address, chain);
        }
    }

    /// Full verification succeeded: a waiver is needed no more, and it is looked at how long that will last.
    pub(crate) fn verified(&self, address: SocketAddr, chain: &[CertificateDer<'static>]) {
        let dependency = &self.settings.dependency;
        if let Some(waiver) = self.policy.verified(dependency) {
            let news = News::FullyVerified { dependency: dependency.clone(), waiver, at: self.now() };
            self.teller.tell(news, &self.meter);
        }
        self.judge_as_of_later(address, chain);
    }

    pub(crate) fn decided(&self, admission: Admission) {
        self.meter.decided(&admission.decision);
        self.teller.tell(News::Decided(admission), &self.meter);
    }

    /// Judges the chain as of some days ahead, and tells what would be wrong then, or that nothing would.
    fn judge_as_of_later(&self, address: SocketAddr, chain: &[CertificateDer<'static>]) {
        if !self.is_shadow_due(address, chain) {
            return;
        }
        let ahead = SignedDuration::try_from(self.settings.relay.shadow).unwrap_or(SignedDuration::ZERO);
        let Ok(as_of) = self.now().checked_add(ahead) else { return };
        let judgement = self.settings.upstream.judge().judge(chain, &self.settings.upstream.name, as_of);
        let (dependency, address) = (self.settings.dependency.clone(), address.to_string());
        let finding = judgement.failures.first().map(|failure| ShadowFinding {
            dependency: dependency.clone(),
            address: address.clone(),
            kind: failure.kind,
            message: failure.message.clone(),
            as_of,
        });
        self.teller.tell(News::Shadow { dependency, address, finding }, &self.meter);
    }

    fn is_shadow_due(&self, address: SocketAddr, chain: &[CertificateDer<'static>]) -> bool {
        let mut hasher = DefaultHasher::new();
        address.hash(&mut hasher);
        chain.iter().for_each(|der| der.as_ref().hash(&mut hasher));
        let (key, now) = (hasher.finish(), Instant::now());
        let mut shadows = self.shadows.lock().unwrap_or_else(PoisonError::into_inner);
        if shadows.get(&key).is_some_and(|at| now.duration_since(*at) < SHADOW_EVERY) {
            return false;
        }
        if shadows.len() >= MOST_SHADOWS {
            shadows.clear();
        }
        shadows.insert(key, now);
        true
    }
}
