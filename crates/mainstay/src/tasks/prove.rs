use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Event, Known, Rehearsal, lookups};
use mainstay_model::{ChannelName, Coverage, KeptOverride, Landscape, Resolved, Silence};
use mainstay_probe::Prober;
use mainstay_store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock;
use crate::tasks::names::resolve;
use crate::tasks::record::{Inbox, SharedState, in_full};

/// The first proof waits until the first checks have shown which certificates there are.
const AFTER_START: Duration = Duration::from_secs(10);

/// How often it is looked whether anything changed that a proof stands on.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Who is on call moves on with the days.
const AT_LEAST_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// Resolvers may come up later than Mainstay does.
const UNRESOLVED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// How long a proof waits for the resolvers.
const RESOLVED_WITHIN: Duration = Duration::from_secs(15);

/// For how long ahead it is proven.
const AHEAD: SignedDuration = SignedDuration::from_hours(28 * 24);

/// Proves anew that somebody will be told: when the configuration, who stands in on call, a silence or which channels are known to work
/// changes, and daily.
pub(crate) struct Prover {
    pub(crate) state: SharedState,
    pub(crate) store: Store,
    pub(crate) inbox: Inbox,
    pub(crate) prober: Arc<Prober>,
    pub(crate) changes: watch::Sender<u64>,
}

/// What a proof stands on, and what makes it old.
struct Basis {
    landscape: Arc<Landscape>,
    overrides: Vec<KeptOverride>,
    silences: Vec<Silence>,
    /// The channels that are known to work; since when is no part of a proof.
    channels: BTreeSet<ChannelName>,
    /// Whether resolvers answered everything that was asked.
    is_resolved: bool,
    at: Timestamp,
}

impl Prover {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut proven: Option<Basis> = None;
        // What no resolver says today stands as it was said before.
        let mut resolved = Resolved::new();
        let mut wait = AFTER_START;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => wait = LOOK_EVERY,
            }
            let now = clock::now();
            let (landscape, known) = self.read();
            let is_old = proven.as_ref().is_none_or(|basis| basis.is_old(&landscape, &known, now));
            if !is_old {
                continue;
            }
            let ask = async |lookup| self.prober.look_up(&lookup).await;
            tokio::select! {
                () = stop.cancelled() => return,
                answers = resolve(&landscape, RESOLVED_WITHIN, ask) => resolved.extend(answers),
            }
            let basis = Basis {
                landscape: landscape.clone(),
                overrides: known.overrides.clone(),
                silences: known.silences.clone(),
                channels: known.proven.keys().cloned().collect(),
                is_resolved: lookups(&landscape, &resolved).is_empty(),
                at: now,
            };
            if self.prove(landscape, known, resolved.clone(), now).await {
                proven = Some(basis);
            }
        }
    }

    fn read(&self) -> (Arc<Landscape>, Known) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        (state.landscape().clone(), state.known())
    }

    /// `false` when it could not be proven now, and is to be tried again.
    async fn prove(
        &self,
        landscape: Arc<Landscape>,
        known: Known,
        resolved: Resolved,
        now: Timestamp,
    ) -> bool {
        // A large configuration takes seconds, which must not hold up checks.
        let playing = tokio::task::spawn_blocking(move || play(&landscape, &known, &resolved, now));
        let Ok(coverage) = playing.await else {
            warn!("it could not be rehearsed who would be told: please report what stands above");
            return true;
        };
        info!("rehearsed who would be told: {}", coverage.sentence());
        if let Err(error) = self.store.keep_coverage(now, &coverage).await {
            warn!("what was rehearsed cannot be kept now: {}", in_full(&error));
            return false;
        }
        self.inbox.send(Event::Rehearsed(Box::new(coverage))).await;
        // Pages that are open show it.
        self.changes.send_modify(|number| *number += 1);
        true
    }
}

impl Basis {
    fn is_old(&self, landscape: &Arc<Landscape>, known: &Known, now: Timestamp) -> bool {
        !Arc::ptr_eq(&self.landscape, landscape)
            || self.overrides != known.overrides
            || self.silences != known.silences
            || !self.channels.iter().eq(known.proven.keys())
            || now.duration_since(self.at).abs()
                >= if self.is_resolved { AT_LEAST_EVERY } else { UNRESOLVED_FOR }
    }
}

fn play(landscape: &Landscape, known: &Known, resolved: &Resolved, from: Timestamp) -> Coverage {
    let until = from.checked_add(AHEAD).unwrap_or(from);
    let (known, resolved) = (Some(known), Some(resolved));
    let rehearsal = Rehearsal { landscape, known, from, until, resolved, require_proven: false };
    rehearsal.play(&mut |_, _| {}).brief()
}
