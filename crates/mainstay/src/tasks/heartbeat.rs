use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_engine::State;
use mainstay_notify::Courier;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock;
use crate::config::HeartbeatOut;
use crate::tasks::record::SharedState;

/// Steps come every second, and the outbox is read every minute at least: older than this, something stands still.
const STEPS: SignedDuration = SignedDuration::from_secs(30);
const OUTBOX: SignedDuration = SignedDuration::from_secs(180);

/// When the outbox was last read. The deliverer writes it; everything else shows in the state.
#[derive(Debug, Clone, Default)]
pub(crate) struct OutboxRead(Arc<AtomicI64>);

impl OutboxRead {
    pub(crate) fn note(&self, now: Timestamp) {
        self.0.store(now.as_second(), Ordering::Relaxed);
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

/// Sends a sign of life, but only while the whole loop moves: something outside that misses it is told by nobody here.
pub(crate) struct Heart {
    pub(crate) to: HeartbeatOut,
    pub(crate) state: SharedState,
    pub(crate) trouble: watch::Receiver<Option<String>>,
    pub(crate) outbox: OutboxRead,
    pub(crate) courier: Arc<Courier>,
}

impl Heart {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut silent_because = None;
        let mut beat = tokio::time::interval(self.to.every);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = beat.tick() => {}
            }
            let stands_still = self.stands_still(clock::now());
            if stands_still != silent_because {
                match &stands_still {
                    Some(why) => warn!("no sign of life is sent: {why}"),
                    None => info!("signs of life are sent again"),
                }
                silent_because.clone_from(&stands_still);
            }
            if stands_still.is_none() {
                self.send().await;
            }
        }
    }

    async fn send(&self) {
        // One that does not arrive is missed where it should; trying again is the next beat's.
        if let Err(refusal) = self.courier.beat(&self.to.url, self.to.token.as_ref(), clock::now()).await {
            warn!("a sign of life was not taken: {refusal}");
        }
    }

    /// What of the loop does not move.
    fn stands_still(&self, now: Timestamp) -> Option<String> {
        if let Some(trouble) = &*self.trouble.borrow() {
            return Some(format!("nothing can be written: {trouble}"));
        }
        if now.duration_since(self.outbox.at()) > OUTBOX {
            return Some("the outbox is not read".into());
        }
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        stands_still(&state, now)
    }
}

/// Schedule, check, record and decide show in what was decided last: steps, and the latest check.
fn stands_still(state: &State, now: Timestamp) -> Option<String> {
    let Some(stepped) = state.last_step_at().filter(|at| now.duration_since(*at) <= STEPS) else {
        return Some("nothing is decided".into());
    };
    let quickest = state.landscape().dependencies.values().min_by_key(|one| one.every)?;
    let patience =
        quickest.every.saturating_mul(3).saturating_add(quickest.timeout).max(Duration::from_secs(60));
    let patience = SignedDuration::try_from(patience).unwrap_or(SignedDuration::MAX);
    let checked = state.dependencies().filter_map(|one| Some(one.last.as_ref()?.checked_at)).max();
    let since = checked.max(state.awake_since()).unwrap_or(stepped);
    (now.duration_since(since) > patience).then(|| "nothing is checked".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mainstay_engine::Event;
    use mainstay_model::{CheckReport, Dependency, Landscape, Random, Target, Verdict};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn watching(names: &[&str]) -> State {
        let dependency =
            |name: &&str| Dependency::new(name.parse().unwrap(), Target::parse("tcp://127.0.0.1:9").unwrap());
        let dependencies = names.iter().map(dependency).map(|one| (one.name.clone(), one)).collect();
        let mut state = State::default();
        let landscape = Arc::new(Landscape { dependencies, ..Landscape::default() });
        state.step(Event::Configured(landscape), at(0), &mut Random::seeded(1));
        state
    }

    fn check(state: &mut State, name: &str, seconds: i64) {
        let report = CheckReport {
            endpoint: None,
            target: "tcp://127.0.0.1:9".into(),
            dependency: Some(name.parse().unwrap()),
            verdict: Verdict::Healthy,
            failure: None,
            addresses: vec![],
            findings: vec![],
            diagnosis: None,
            resolve_ms: None,
            checked_at: at(seconds),
        };
        state.step(Event::Checked(Box::new(report)), at(seconds), &mut Random::seeded(1));
    }

    #[test]
    fn it_is_silent_when_nothing_is_checked_or_decided() {
        let mut state = watching(&["db"]);
        check(&mut state, "db", 20);
        assert_eq!(stands_still(&state, at(40)), None);
        assert_eq!(stands_still(&state, at(60)).as_deref(), Some("nothing is decided"));
        for second in (30..=130).step_by(5) {
            state.step(Event::Tick, at(second), &mut Random::seeded(1));
        }
        assert_eq!(
            stands_still(&state, at(120)),
            None,
            "a hundred seconds are three intervals and a timeout"
        );
        assert_eq!(stands_still(&state, at(131)).as_deref(), Some("nothing is checked"));
        check(&mut state, "db", 132);
        assert_eq!(stands_still(&state, at(133)), None);
    }

    #[test]
    fn with_nothing_to_check_it_beats_as_long_as_it_decides() {
        let mut state = watching(&[]);
        state.step(Event::Tick, at(500), &mut Random::seeded(1));
        assert_eq!(stands_still(&state, at(501)), None);
    }

    #[test]
    fn an_outbox_that_was_never_read_is_not_read() {
        let outbox = OutboxRead::default();
        assert!(at(0).duration_since(outbox.at()) > OUTBOX);
        outbox.note(at(0));
        assert!(at(1).duration_since(outbox.at()) <= OUTBOX);
    }
}
