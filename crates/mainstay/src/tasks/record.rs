use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Effects, Event, State};
use mainstay_model::{Commit, Fingerprint, PolicyWaiver, Random, RelayPolicy};
use mainstay_store::{Store, StoreError};
use mainstay_web::operator::Submitted;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock;
use crate::tasks::schedule::Rechecks;

/// How many events may wait. When the store cannot write, checks are held back here instead of filling the memory.
const INBOX: usize = 16 * 1024;

/// How many events are committed together at most. One commit takes a few milliseconds, so under load events gather by
/// themselves, and when it is quiet each is written at once.
const GROUP: usize = 4 * 1024;

/// Waits between attempts to write when the store refuses; the last one repeats.
const RETRIES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];

/// The state as pages read it. The recorder alone writes it.
pub(crate) type SharedState = Arc<RwLock<State>>;

/// The way to the recorder.
#[derive(Debug, Clone)]
pub(crate) struct Inbox(mpsc::Sender<Entry>);

#[derive(Debug)]
struct Entry {
    event: Event,
    done: Option<oneshot::Sender<()>>,
}

impl Inbox {
    /// Hands an event in, without waiting until it is written.
    pub(crate) async fn send(&self, event: Event) {
        // The recorder only goes away when everything ends; the event would not be acted on anyway.
        let _ = self.0.send(Entry { event, done: None }).await;
    }

    /// Hands in what a person did on a page; `done` is answered once it is written.
    pub(crate) async fn forward(&self, submitted: Submitted) {
        let Submitted { event, done } = submitted;
        // As in `send`.
        let _ = self.0.send(Entry { event, done: Some(done) }).await;
    }

    /// Hands an event in and waits until what follows from it is written. `false` when Mainstay is ending.
    pub(crate) async fn record(&self, event: Event) -> bool {
        let (done, written) = oneshot::channel();
        self.0.send(Entry { event, done: Some(done) }).await.is_ok() && written.await.is_ok()
    }
}

/// Who is poked when something was written.
#[derive(Debug, Clone)]
pub(crate) struct Pokes {
    /// The scheduler, with checks outside the schedule.
    pub(crate) rechecks: Rechecks,
    /// Something may be in the outbox.
    pub(crate) deliver: Arc<Notify>,
    /// The reference targets are to be tried.
    pub(crate) references: Arc<Notify>,
    /// What customers see may have changed.
    pub(crate) publish: Arc<Notify>,
    /// Something that pages show has changed; the number only ever grows.
    pub(crate) changes: watch::Sender<u64>,
}

/// The single owner of the state: takes events, steps, writes, and only then lets anything be done.
pub(crate) struct Recorder {
    state: SharedState,
    store: Store,
    inbox: mpsc::Receiver<Entry>,
    pokes: Pokes,
    clock: fn() -> Timestamp,
    random: Random,
    trouble: watch::Sender<Option<String>>,
    policy: watch::Sender<Arc<RelayPolicy>>,
    /// When the latest policy was issued, by this process or one before it; absent until the store was asked.
    issued: Option<Timestamp>,
    /// What the next group begins with: decided while another was written.
    next: Effects,
}

impl Recorder {
    pub(crate) fn new(
        state: SharedState,
        store: Store,
        pokes: Pokes,
        clock: fn() -> Timestamp,
    ) -> (Recorder, Inbox) {
        let (sender, inbox) = mpsc::channel(INBOX);
        let random = Random::seeded(clock::seed());
        let trouble = watch::Sender::new(None);
        let policy = watch::Sender::default();
        let next = Effects::default();
        let issued = None;
        (Recorder { state, store, inbox, pokes, clock, random, trouble, policy, issued, next }, Inbox(sender))
    }

    /// Why the last commit could not be written, when it could not.
    pub(crate) fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    /// What relays go by. A new one is there once everything that it rests on is written, and before whoever caused it hears of that.
    pub(crate) fn policy(&self) -> watch::Receiver<Arc<RelayPolicy>> {
        self.policy.subscribe()
    }

    /// Runs until told to stop and the inbox is empty.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut group = Vec::new();
        loop {
            tokio::select! {
                // The second first: where events come faster than they are written, time still passes.
                biased;
                _ = second.tick() => group.push(Entry { event: Event::Tick, done: None }),
                received = self.inbox.recv_many(&mut group, GROUP) => if received == 0 { return },
                () = stop.cancelled() => return,
            }
            if !self.record(&mut group, &stop).await {
                // Nothing may be written after a group that could not be: it would stand on what nobody finds again.
                return;
            }
        }
    }

    /// `false` when Mainstay was told to stop while it could not write.
    async fn record(&mut self, group: &mut Vec<Entry>, stop: &CancellationToken) -> bool {
        let mut effects = std::mem::take(&mut self.next);
        let mut waiting = Vec::new();
        for entry in group.drain(..) {
            self.step(entry.event, &mut effects);
            waiting.extend(entry.done);
        }
        let commit = std::mem::take(&mut effects.commit);
        let news = News::of(&commit);
        if news.policy {
            self.narrow_policy();
        }
        if !self.write(commit, stop).await {
            return false;
        }
        if news.any {
            self.publish_policy().await;
        }
        self.act(effects, news);
        for done in waiting {
            // Whoever asked may have gone away.
            let _ = done.send(());
        }
        true
    }

    fn step(&mut self, event: Event, effects: &mut Effects) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let next = state.step(event, (self.clock)(), &mut self.random);
        drop(state);
        effects.commit.append(next.commit);
        effects.rechecks.extend(next.rechecks);
        effects.check_references |= next.check_references;
        effects.publish |= next.publish;
    }

    /// Writes, again and again until it is written: what was decided is neither dropped nor acted on before. `false`
    /// when Mainstay was told to stop while it could not write.
    async fn write(&mut self, mut commit: Commit, stop: &CancellationToken) -> bool {
        if commit.is_empty() {
            return true;
        }
        let mut failing: Option<(Timestamp, String)> = None;
        for attempt in 0usize.. {
            match self.store.commit(&commit).await {
                Ok(()) => break,
                Err(refused) => {
                    let said = self.could_not_write(&refused, attempt);
                    failing.get_or_insert(((self.clock)(), said));
                    if !refused.may_pass() {
                        self.write_reports_singly(&mut commit).await;
                    }
                }
            }
            let wait = RETRIES[attempt.min(RETRIES.len() - 1)];
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => return false,
            }
        }
        if let Some((since, error)) = failing {
            self.writes_again(since, error);
        }
        true
    }

    /// One report that can never be written must not hold up everything else for ever: each is written alone, and one that
    /// is refused for good is left out and named in the log. What was decided from it is still written.
    async fn write_reports_singly(&self, commit: &mut Commit) {
        for report in std::mem::take(&mut commit.reports) {
            let target = report.target.clone();
            let alone = Commit { reports: vec![report], ..Commit::default() };
            match self.store.commit(&alone).await {
                Ok(()) => {}
                Err(refused) if refused.may_pass() => commit.append(alone),
                Err(refused) => error!("one observation of {target} cannot be kept: {}", in_full(&refused)),
            }
        }
    }

    fn could_not_write(&self, refused: &StoreError, attempt: usize) -> String {
        let said = in_full(refused);
        if attempt.is_multiple_of(20) {
            error!("what was seen cannot be written, and nobody is told until it can: {said}");
        }
        self.trouble.send_replace(Some(said.clone()));
        said
    }

    /// That it could not is written with the next group, a second later at most.
    fn writes_again(&mut self, since: Timestamp, error: String) {
        info!("what was seen can be written again");
        self.trouble.send_replace(None);
        let mut effects = std::mem::take(&mut self.next);
        self.step(Event::StoreRecovered { since, error }, &mut effects);
        self.next = effects;
    }

    fn act(&self, effects: Effects, news: News) {
        for recheck in effects.rechecks {
            self.pokes.rechecks.ask(recheck);
        }
        if effects.check_references {
            self.pokes.references.notify_one();
        }
        if effects.publish {
            self.pokes.publish.notify_one();
        }
        if news.outbox {
            self.pokes.deliver.notify_one();
        }
        if news.any {
            self.pokes.changes.send_modify(|count| *count += 1);
        }
    }

    fn made_now(&self) -> RelayPolicy {
        self.state.read().unwrap_or_else(PoisonError::into_inner).policy((self.clock)())
    }

    /// What is over needs nobody's leave to be over: while the store cannot write, relays admit nothing that pages say has ended.
    fn narrow_policy(&self) {
        let made = self.made_now();
        self.policy.send_if_modified(|before| match narrowed(before, &made) {
            Some(next) => {
                *before = Arc::new(next);
                true
            }
            None => false,
        });
    }

    /// That it was issued is written first, so that what is issued after a restart follows it, whatever the clock says then.
    async fn publish_policy(&mut self) {
        let latest = match self.issued {
            Some(at) => at,
            None => self
                .store
                .policies_issued_until()
                .await
                .unwrap_or_else(|error| {
                    warn!("when policies were issued before cannot be read: {}", in_full(&error));
                    None
                })
                .unwrap_or_default(),
        };
        let before = self.policy.borrow().clone();
        let next = following(&before, self.made_now(), latest);
        // What was only narrowed was issued without waiting for the store.
        let issued = next.as_ref().map_or(before.issued_at, |next| next.issued_at).max(latest);
        if self.issued != Some(issued)
            && let Err(error) = self.store.policy_issued(issued).await
        {
            warn!("when a policy was issued cannot be kept: {}", in_full(&error));
        }
        self.issued = Some(issued);
        let Some(next) = next else { return };
        self.policy.send_replace(Arc::new(next));
    }
}

/// What follows a policy; `None` when that it was made anew is all that is new. The first of a process is always news: relays
/// elsewhere may go by an older one.
fn following(before: &RelayPolicy, made: RelayPolicy, latest: Timestamp) -> Option<RelayPolicy> {
    let is_first = before.issued_at == Timestamp::default();
    let says_the_same = *before == RelayPolicy { issued_at: before.issued_at, ..made.clone() };
    // Of two the later one holds, also when the clock was set back in between.
    (is_first || !says_the_same)
        .then(|| RelayPolicy { issued_at: after(before.issued_at.max(latest), &made), ..made })
}

/// A policy without what is over, and with everything that is revoked; `None` when it is so already, or was never issued.
fn narrowed(before: &RelayPolicy, made: &RelayPolicy) -> Option<RelayPolicy> {
    let holds = |one: &PolicyWaiver| {
        // One that takes its place is not written yet, and until then this one holds.
        let same = |now: &&PolicyWaiver| now.dependency == one.dependency && now.pin == one.pin;
        let itself = made.waivers.iter().find(|now| now.id == one.id);
        let now = itself.or_else(|| made.waivers.iter().find(same))?;
        Some(PolicyWaiver { until: now.until.min(one.until), ..one.clone() })
    };
    let revoked: BTreeSet<Fingerprint> = before.revoked.iter().chain(&made.revoked).copied().collect();
    let next = RelayPolicy {
        waivers: before.waivers.iter().filter_map(holds).collect(),
        revoked: revoked.into_iter().collect(),
        ..before.clone()
    };
    let is_issued = before.issued_at != Timestamp::default();
    (is_issued && next != *before).then(|| RelayPolicy { issued_at: after(before.issued_at, made), ..next })
}

/// When a policy is issued that is made now and follows one of that time.
fn after(before: Timestamp, made: &RelayPolicy) -> Timestamp {
    made.issued_at.max(before.saturating_add(SignedDuration::from_millis(1)).unwrap_or(before))
}

/// What a commit changed, for those who are poked.
#[derive(Clone, Copy)]
struct News {
    any: bool,
    outbox: bool,
    /// Whether it may take something from those who go by the policy.
    policy: bool,
}

impl News {
    fn of(commit: &Commit) -> News {
        let outbox = !commit.deliveries.is_empty() || !commit.outcomes.is_empty();
        let policy = !commit.waivers.is_empty() || !commit.revoked.is_empty();
        News { any: !commit.is_empty(), outbox, policy }
    }
}

/// An error and everything below it, on one line. Some libraries' errors repeat what lies below them; that is said once.
pub(crate) fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        let said = deeper.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = deeper.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_elsewhere_learns_that_nothing_is_waived_from_a_server_that_was_started_anew() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let empty = |second| RelayPolicy { issued_at: at(second), ..RelayPolicy::default() };
        let none = Timestamp::default();
        let first =
            following(&RelayPolicy::default(), empty(100), none).expect("the first of a process is news");
        assert_eq!(first.issued_at, at(100));
        let late = following(&RelayPolicy::default(), empty(100), at(7_300)).expect("the same");
        assert!(late.issued_at > at(7_300), "the clock was ahead before the restart");
        assert_eq!(following(&first, empty(200), none), None, "nothing else is new");
        let other = RelayPolicy { revoked: vec![Fingerprint([1; 32])], ..empty(50) };
        let next = following(&first, other, none).expect("it says something else");
        assert!(next.issued_at > first.issued_at, "also when the clock was set back");
    }

    /// The store may be unable to write for hours, and a waiver that pages call ended is ended.
    #[test]
    fn what_is_over_is_taken_from_the_policy_and_nothing_is_added() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let revoked = |byte| Fingerprint([byte; 32]);
        let waiver = |seed, until| PolicyWaiver {
            id: mainstay_model::WaiverId::new(at(1), &mut Random::seeded(seed)),
            dependency: format!("db-{}", seed % 8).parse().unwrap(),
            server_name: "db.example.com".into(),
            pin: mainstay_model::Pin { sha256: revoked(7), spki_sha256: revoked(8) },
            not_after: at(10),
            from: at(20),
            until: at(until),
            url: None,
        };
        let issued = |second, waivers, revoked| RelayPolicy {
            issued_at: at(second),
            waivers,
            revoked,
            ..RelayPolicy::default()
        };
        let before = issued(100, vec![waiver(1, 900), waiver(2, 900)], vec![revoked(1)]);
        let made = issued(50, vec![waiver(2, 500), waiver(3, 900)], vec![revoked(2)]);
        let next = narrowed(&before, &made).expect("one is over");
        assert_eq!(next.waivers, [waiver(2, 500)], "the third one is not written yet");
        assert_eq!(next.revoked, [revoked(1), revoked(2)]);
        assert!(next.issued_at > before.issued_at);
        assert_eq!(narrowed(&next, &made), None);
        // An extension: what it takes the place of holds until that is written.
        let extended = issued(60, vec![waiver(9, 1_900)], vec![]);
        assert_eq!(narrowed(&issued(100, vec![waiver(1, 900)], vec![]), &extended), None);
        assert_eq!(narrowed(&RelayPolicy::default(), &made), None, "nothing was issued yet");
    }
}
