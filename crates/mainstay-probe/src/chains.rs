use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mainstay_model::Fingerprint;
use mainstay_tls::{CertificateDer, Roots};
use tokio::time::Instant;

/// More chains than this do not wait at once; one that finds no room comes with a later check.
const MOST_WAITING: usize = 1_024;

/// A chain that a server showed, together with the proof that it holds the key, and that verifies but perhaps for dates.
#[derive(Clone)]
pub struct MetChain {
    /// The SHA-256 of the server's own certificate.
    pub leaf: Fingerprint,
    /// As it was sent, that certificate first.
    pub certificates: Arc<[CertificateDer<'static>]>,
    /// Against what it verifies.
    pub roots: Roots,
}

/// The chains that checks met, for whoever looks after them further: each waits once to be taken, and comes again after a while.
#[derive(Default)]
pub(crate) struct Chains(Mutex<Met>);

#[derive(Default)]
struct Met {
    /// Whether anybody ever took chains: otherwise none are kept.
    wanted: bool,
    waiting: HashMap<Fingerprint, MetChain>,
    /// Those that were taken, and when they may come again.
    rests: HashMap<Fingerprint, Instant>,
}

impl Chains {
    pub(crate) fn met(&self, leaf: Fingerprint, now: Instant, chain: impl FnOnce() -> MetChain) {
        let mut met = self.lock();
        let rests = met.rests.get(&leaf).is_some_and(|until| now < *until);
        if !met.wanted || rests || met.waiting.len() >= MOST_WAITING || met.waiting.contains_key(&leaf) {
            return;
        }
        let chain = chain();
        met.waiting.insert(leaf, chain);
    }

    pub(crate) fn take(&self, now: Instant, most: usize, rest: Duration) -> Vec<MetChain> {
        let mut met = self.lock();
        met.wanted = true;
        met.rests.retain(|_, until| now < *until);
        let leaves: Vec<Fingerprint> = met.waiting.keys().take(most).copied().collect();
        let taken: Vec<MetChain> = leaves.iter().filter_map(|leaf| met.waiting.remove(leaf)).collect();
        met.rests.extend(leaves.into_iter().map(|leaf| (leaf, now + rest)));
        taken
    }

    pub(crate) fn rest(&self, leaf: Fingerprint, until: Instant) {
        self.lock().rests.insert(leaf, until);
    }

    /// A panic elsewhere leaves both maps whole: each call changes one entry after the other.
    fn lock(&self) -> MutexGuard<'_, Met> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet(chains: &Chains, leaf: u8, now: Instant) {
        let leaf = Fingerprint([leaf; 32]);
        let roots = Roots::built_in();
        chains.met(leaf, now, || MetChain { leaf, certificates: Arc::new([]), roots });
    }

    fn taken(chains: &Chains, now: Instant) -> Vec<u8> {
        let mut all: Vec<u8> =
            chains.take(now, usize::MAX, HOUR).iter().map(|chain| chain.leaf.0[0]).collect();
        all.sort_unstable();
        all
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn each_chain_waits_once_and_comes_again_after_its_rest() {
        let (chains, now) = (Chains::default(), Instant::now());
        meet(&chains, 1, now);
        assert_eq!(taken(&chains, now), [0; 0], "nobody had asked for any");
        [1, 2, 1].iter().for_each(|leaf| meet(&chains, *leaf, now));
        assert_eq!(taken(&chains, now), [1, 2]);
        [1, 2, 3].iter().for_each(|leaf| meet(&chains, *leaf, now + HOUR / 2));
        assert_eq!(taken(&chains, now + HOUR / 2), [3]);
        chains.rest(Fingerprint([2; 32]), now + HOUR * 2);
        [1, 2].iter().for_each(|leaf| meet(&chains, *leaf, now + HOUR));
        assert_eq!(taken(&chains, now + HOUR), [1]);
        meet(&chains, 2, now + HOUR * 2);
        assert_eq!(taken(&chains, now + HOUR * 2), [2]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (chains, now) = (Chains::default(), Instant::now());
        taken(&chains, now);
        let roots = Roots::built_in();
        for number in 0..=u16::try_from(MOST_WAITING).unwrap() {
            let mut leaf = Fingerprint([0; 32]);
            leaf.0[..2].copy_from_slice(&number.to_be_bytes());
            let roots = roots.clone();
            chains.met(leaf, now, || MetChain { leaf, certificates: Arc::new([]), roots });
        }
        assert_eq!(chains.take(now, 10, HOUR).len(), 10);
        assert_eq!(chains.take(now, usize::MAX, HOUR).len(), MOST_WAITING - 10);
    }
}
