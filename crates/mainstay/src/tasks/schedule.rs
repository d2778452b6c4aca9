use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use mainstay_engine::{Event, Recheck};
use mainstay_model::{DependencyName, Landscape};
use mainstay_probe::{CheckRequest, Prober};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::clock;
use crate::request::request;
use crate::tasks::record::Inbox;

/// At the start, first checks are spread so that about this many begin in a second.
const FIRST_CHECKS_PER_SECOND: f64 = 200.0;

/// How many checks are under way at once. More would only wait for each other; after a pause, when everything is due, they
/// come in turn.
const AT_ONCE: usize = 512;

/// The way to ask for a check outside the schedule. Unbounded, because the recorder must never wait for the scheduler, and
/// bounded by the engine, which asks a few times at most for each check that ended.
#[derive(Debug, Clone)]
pub(crate) struct Rechecks(mpsc::UnboundedSender<Recheck>);

impl Rechecks {
    pub(crate) fn new() -> (Rechecks, mpsc::UnboundedReceiver<Recheck>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Rechecks(sender), receiver)
    }

    /// The scheduler only goes away when everything ends.
    pub(crate) fn ask(&self, recheck: Recheck) {
        let _ = self.0.send(recheck);
    }
}

/// Runs every dependency's checks at their times, each dependency at most once at a time.
pub(crate) struct Scheduler {
    pub(crate) landscape: watch::Receiver<Arc<Landscape>>,
    pub(crate) rechecks: mpsc::UnboundedReceiver<Recheck>,
    pub(crate) prober: Arc<Prober>,
    pub(crate) inbox: Inbox,
}

/// A time at which a dependency is due. An entry whose ticket is no longer the dependency's is stale and passed over.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    name: DependencyName,
    ticket: u64,
}

#[derive(Debug)]
struct Watched {
    request: Arc<CheckRequest>,
    every: Duration,
    /// The next regular check. Rechecks do not move it.
    regular: Instant,
    ticket: u64,
}

#[derive(Default)]
struct Plan {
    watched: HashMap<DependencyName, Watched>,
    queue: BinaryHeap<Reverse<Due>>,
    tickets: u64,
}

impl Scheduler {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut plan = Plan::default();
        let mut running = JoinSet::new();
        let mut under_way: HashSet<DependencyName> = HashSet::new();
        let landscape = self.landscape.borrow_and_update().clone();
        plan.apply(&landscape, Instant::now());
        loop {
            let next = plan.next_at();
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.landscape.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let landscape = self.landscape.borrow_and_update().clone();
                    plan.apply(&landscape, Instant::now());
                }
                Some(recheck) = self.rechecks.recv() => plan.bring_forward(&recheck, Instant::now()),
                Some(ended) = running.join_next() => {
                    if let Ok(name) = ended {
                        under_way.remove(&name);
                    }
                }
                () = sleep_until(next), if running.len() < AT_ONCE => {
                    for (name, request) in plan.take_due(Instant::now(), AT_ONCE - running.len()) {
                        if under_way.insert(name.clone()) {
                            running.spawn(check(self.prober.clone(), request, name, self.inbox.clone()));
                        }
                    }
                }
            }
        }
        // What is under way is seen to its end, which the checks' own time-outs bound.
        while running.join_next().await.is_some() {}
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn check(
    prober: Arc<Prober>,
    request: Arc<CheckRequest>,
    name: DependencyName,
    inbox: Inbox,
) -> DependencyName {
    match AssertUnwindSafe(prober.check(&request, clock::now())).catch_unwind().await {
        Ok(report) => inbox.send(Event::Checked(Box::new(report))).await,
        // The next check may go well; and when none does, that is told as stale.
        Err(_) => error!("a check of {name} ended in a fault of Mainstay; please report what stands above"),
    }
    name
}

impl Plan {
    /// Takes over a new configuration: what did not change keeps its rhythm.
    fn apply(&mut self, landscape: &Landscape, now: Instant) {
        self.watched.retain(|name, _| landscape.dependencies.contains_key(name));
        let spread = landscape.dependencies.len() as f64 / FIRST_CHECKS_PER_SECOND;
        for (name, dependency) in &landscape.dependencies {
            let request = Arc::new(request(landscape, dependency));
            if let Some(watched) = self.watched.get_mut(name) {
                let same_rhythm = watched.every == dependency.every;
                watched.request = request;
                if same_rhythm {
                    continue;
                }
            } else {
                let watched = Watched { request, every: dependency.every, regular: now, ticket: 0 };
                self.watched.insert(name.clone(), watched);
            }
            let first =
                now + Duration::from_secs_f64(place(name) * spread.min(dependency.every.as_secs_f64()));
            if let Some(watched) = self.watched.get_mut(name) {
                watched.every = dependency.every;
                watched.regular = first;
            }
            self.queue_at(name, first);
        }
    }

    fn queue_at(&mut self, name: &DependencyName, at: Instant) {
        self.tickets += 1;
        if let Some(watched) = self.watched.get_mut(name) {
            watched.ticket = self.tickets;
            self.queue.push(Reverse(Due { at, name: name.clone(), ticket: self.tickets }));
        }
    }

    fn next_at(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse(due)| due.at)
    }

    fn bring_forward(&mut self, recheck: &Recheck, now: Instant) {
        let at = now + recheck.after;
        let Some(watched) = self.watched.get(&recheck.dependency) else { return };
        if at < watched.regular {
            self.queue_at(&recheck.dependency, at);
        }
    }

    /// What is due now, at most so many, each queued again for its next regular time.
    fn take_due(&mut self, now: Instant, at_most: usize) -> Vec<(DependencyName, Arc<CheckRequest>)> {
        let mut due = Vec::new();
        while due.len() < at_most && self.next_at().is_some_and(|at| at <= now) {
            let Some(Reverse(Due { name, ticket, .. })) = self.queue.pop() else { break };
            let Some(watched) = self.watched.get_mut(&name) else { continue };
            if watched.ticket != ticket {
                continue;
            }
            // The rhythm is kept, and what was missed is not made up for.
            while watched.regular <= now {
                watched.regular += watched.every;
            }
            let regular = watched.regular;
            due.push((name.clone(), watched.request.clone()));
            self.queue_at(&name, regular);
        }
        due
    }
}

/// A place in `0.0..1.0` that a name keeps, so that restarts do not bunch checks together.
fn place(name: &DependencyName) -> f64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use mainstay_model::{Dependency, Target};

    use super::*;

    fn landscape(every: &[(&str, u64)]) -> Landscape {
        let dependency = |name: &str, seconds: u64| Dependency {
            every: Duration::from_secs(seconds),
            timeout: Duration::from_secs(1),
            ..Dependency::new(name.parse().unwrap(), Target::parse("tcp://127.0.0.1:9").unwrap())
        };
        let dependencies =
            every.iter().map(|(name, seconds)| (name.parse().unwrap(), dependency(name, *seconds))).collect();
        Landscape { dependencies, ..Landscape::default() }
    }

    /// The seconds, counted from the start, at which checks are due.
    fn dues(plan: &mut Plan, start: Instant, from: u64, to: u64) -> Vec<(u64, String)> {
        let mut seen = Vec::new();
        for second in from..=to {
            let due = plan.take_due(start + Duration::from_secs(second), usize::MAX);
            seen.extend(due.into_iter().map(|(name, _)| (second, name.to_string())));
        }
        seen
    }

    fn seconds(dues: &[(u64, String)], name: &str) -> Vec<u64> {
        dues.iter().filter(|(_, one)| one == name).map(|(second, _)| *second).collect()
    }

    #[test]
    fn the_rhythm_is_kept_and_missed_checks_are_not_made_up_for() {
        let (mut plan, start) = (Plan::default(), Instant::now());
        plan.apply(&landscape(&[("a", 10), ("b", 25)]), start);
        let seen = dues(&mut plan, start, 1, 60);
        assert_eq!(seconds(&seen, "a"), [1, 11, 21, 31, 41, 51]);
        assert_eq!(seconds(&seen, "b"), [1, 26, 51]);
        let late = plan.take_due(start + Duration::from_secs(1000), usize::MAX);
        assert_eq!(late.len(), 2, "once each after a pause, however long");
    }

    #[test]
    fn a_recheck_comes_early_and_leaves_the_rhythm() {
        let (mut plan, start) = (Plan::default(), Instant::now());
        plan.apply(&landscape(&[("a", 30)]), start);
        assert_eq!(seconds(&dues(&mut plan, start, 1, 5), "a"), [1]);
        let recheck = Recheck { dependency: "a".parse().unwrap(), after: Duration::from_secs(2) };
        plan.bring_forward(&recheck, start + Duration::from_secs(5));
        assert_eq!(seconds(&dues(&mut plan, start, 6, 70), "a"), [7, 31, 61]);
    }

    #[test]
    fn a_new_configuration_leaves_what_did_not_change_alone() {
        let (mut plan, start) = (Plan::default(), Instant::now());
        plan.apply(&landscape(&[("a", 30), ("gone", 30)]), start);
        dues(&mut plan, start, 1, 2);
        plan.apply(&landscape(&[("a", 30), ("new", 30)]), start + Duration::from_secs(10));
        let seen = dues(&mut plan, start, 11, 45);
        assert_eq!(seconds(&seen, "a"), [31]);
        assert_eq!(seconds(&seen, "new"), [11, 41]);
        assert_eq!(seconds(&seen, "gone"), Vec::<u64>::new());
    }

    #[test]
    fn many_first_checks_are_spread() {
        let names: Vec<String> = (0..2000).map(|number| format!("d{number}")).collect();
        let every: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 60)).collect();
        let (mut plan, start) = (Plan::default(), Instant::now());
        plan.apply(&landscape(&every), start);
        for second in 1..=10 {
            let due = plan.take_due(start + Duration::from_secs(second), usize::MAX).len();
            assert!((100..=300).contains(&due), "{due} in second {second}");
        }
    }
}
