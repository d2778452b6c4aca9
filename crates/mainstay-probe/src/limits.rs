use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Keeps checks polite: one at a time to an address, and a bounded number in all.
pub(crate) struct Limits {
    all: Arc<Semaphore>,
    places: u32,
    addresses: Arc<Gates<SocketAddr>>,
    files: Arc<Gates<PathBuf>>,
}

/// One gate an address or file. A gate exists only while somebody holds it or waits at it, so there are never more than running
/// checks.
type Gates<K> = Mutex<HashMap<K, Arc<Semaphore>>>;

impl Limits {
    pub(crate) fn new(concurrency: usize) -> Limits {
        let places = u32::try_from(concurrency.clamp(1, Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        let all = Arc::new(Semaphore::new(places as usize));
        Limits { all, places, addresses: Arc::default(), files: Arc::default() }
    }

    /// Waits until no turn is held.
    pub(crate) async fn all_over(&self) {
        let _all = self.all.acquire_many(self.places).await;
    }

    /// Waits until a check of this address may begin. Dropping the turn lets the next one in.
    pub(crate) async fn turn(&self, address: SocketAddr) -> Turn {
        let waiting = Waiting::at(address, self.addresses.clone());
        // The address first: a queue at one slow address must not use up the places of all others.
        let own = waiting.gate.clone().acquire_owned().await.ok();
        let one_of_all = self.all.clone().acquire_owned().await.ok();
        Turn { _own: own, _one_of_all: one_of_all, _waiting: waiting }
    }

    /// Waits until this file may be read. A drive that does not answer then holds one thread for each file, and not one a check.
    pub(crate) async fn file_turn(&self, path: PathBuf) -> FileTurn {
        let waiting = Waiting::at(path, self.files.clone());
        FileTurn { _own: waiting.gate.clone().acquire_owned().await.ok(), _waiting: waiting }
    }
}

/// The right to read one file now.
pub(crate) struct FileTurn {
    _own: Option<OwnedSemaphorePermit>,
    _waiting: Waiting<PathBuf>,
}

/// The right to check one address now. The permits go before the gate does.
pub(crate) struct Turn {
    _own: Option<OwnedSemaphorePermit>,
    _one_of_all: Option<OwnedSemaphorePermit>,
    _waiting: Waiting<SocketAddr>,
}

/// Somebody at a gate, waiting or through it.
struct Waiting<K: Eq + Hash> {
    key: K,
    gate: Arc<Semaphore>,
    gates: Arc<Gates<K>>,
}

impl<K: Eq + Hash + Clone> Waiting<K> {
    fn at(key: K, gates: Arc<Gates<K>>) -> Waiting<K> {
        let gate = {
            let mut map = gates.lock().unwrap_or_else(PoisonError::into_inner);
            map.entry(key.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
        };
        Waiting { key, gate, gates }
    }
}

impl<K: Eq + Hash> Drop for Waiting<K> {
    fn drop(&mut self) {
        let mut map = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own and this one: nobody else is at the gate. A permit holds no reference of its own by now.
        if Arc::strong_count(&self.gate) <= 2 {
            map.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[tokio::test]
    async fn one_check_at_a_time_to_an_address() {
        let limits = Limits::new(10);
        let first = limits.turn(address(1)).await;
        assert!(limits.turn(address(1)).now_or_never().is_none());
        assert!(limits.turn(address(2)).now_or_never().is_some());
        drop(first);
        assert!(limits.turn(address(1)).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_bounded_number_in_all() {
        let limits = Limits::new(1);
        let first = limits.turn(address(1)).await;
        assert!(limits.turn(address(2)).now_or_never().is_none());
        drop(first);
        assert!(limits.turn(address(2)).now_or_never().is_some());
    }

    #[tokio::test]
    async fn gates_do_not_pile_up() {
        let limits = Limits::new(10);
        for port in 0..100 {
            drop(limits.turn(address(port)).await);
        }
        assert_eq!(limits.addresses.lock().unwrap().len(), 0);
    }
}
