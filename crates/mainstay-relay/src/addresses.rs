use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::Upstream;
use crate::lookup::{Looking, Lookup};
use crate::refusal::Refusal;

/// What is held against an address is forgotten after this, so that it is tried again.
const HELD_AGAINST: Duration = Duration::from_secs(60);
/// A certificate that was refused is not looked at again for so long, where a server counts broken handshakes and locks out whoever
/// makes too many of them.
const REFUSED_FOR: Duration = Duration::from_secs(15);
/// So many refusals in a row are those of an address and not of one stale server among several behind it: with every second one stale
/// it is one row in eight, until the next look. A server locks out whoever breaks off a hundred times.
const IN_A_ROW: u32 = 3;
/// A name is waited for so long where its last addresses are known.
const RESOLVE_WITHIN: Duration = Duration::from_secs(2);
/// More addresses of one name are not tried.
const MOST: usize = 16;

/// The addresses of one server, and what was seen of each lately.
#[derive(Debug)]
pub(crate) struct Addresses {
    host: Arc<str>,
    port: u16,
    /// All of them, where they are not asked for by name.
    fixed: Option<Arc<[SocketAddr]>>,
    seen: Arc<Mutex<Seen>>,
    lookup: Mutex<Option<Lookup>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The answer of the last name resolution that worked.
    last: Vec<SocketAddr>,
    health: HashMap<SocketAddr, (Health, Instant)>,
    refusals: HashMap<SocketAddr, Known>,
}

/// A refusal of a certificate, which holds as long as the policy is the same.
#[derive(Debug)]
struct Known {
    refusal: Refusal,
    policy: Timestamp,
    at: Instant,
    /// How many there were since that address was admitted last, whatever the policy.
    in_a_row: u32,
}

/// What was seen of an address, the better the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Health {
    /// Nothing speaks against it.
    Sound,
    /// Its certificate is accepted under a waiver only.
    Waived,
    /// It could not be connected to, or broke off before its certificate was judged.
    Unreachable,
    /// Its certificate was not accepted.
    Denied,
}

impl Addresses {
    pub(crate) fn of(upstream: &Upstream) -> Addresses {
        let fixed = upstream.addresses.clone();
        Addresses { fixed, ..Addresses::new(upstream.host.clone(), upstream.port) }
    }

    fn new(host: Arc<str>, port: u16) -> Addresses {
        Addresses { host, port, fixed: None, seen: Arc::default(), lookup: Mutex::default() }
    }

    /// All of them, those first that are most likely to serve; among equals in the order of the name resolution, which spreads the
    /// load as whoever runs the name wants it.
    ///
    /// When the name cannot be resolved, or not soon, the last addresses that it had are used: a resolver that fails must not be an
    /// outage. Where none is known, it is waited for `within` so long.
    pub(crate) async fn resolve(&self, within: Duration) -> io::Result<Vec<SocketAddr>> {
        let (host, port, fixed) = (self.host.clone(), self.port, self.fixed.clone());
        let looking = async move {
            if let Some(fixed) = fixed {
                return Ok(fixed.to_vec());
            }
            let found = tokio::net::lookup_host((host.as_ref(), port)).await?;
            Ok(found.take(MOST).collect())
        };
        self.found_by(looking, within).await
    }

    async fn found_by(&self, looking: impl Looking, within: Duration) -> io::Result<Vec<SocketAddr>> {
        let mut lookup = self.lookup(looking);
        let is_known = !self.lock().last.is_empty();
        let until = match is_known {
            // At least half of the time is for the server. One that takes so long already need not be waited for by others.
            true => (lookup.began() + RESOLVE_WITHIN).min(Instant::now() + within / 2),
            false => Instant::now() + within,
        };
        let found = timeout_at(until, lookup.outcome()).await.unwrap_or_else(|late| Err(late.into()));
        let mut seen = self.lock();
        let mut addresses: Vec<SocketAddr> = match found {
            Ok(found) => found,
            Err(error) if seen.last.is_empty() => return Err(error),
            Err(_) => seen.last.clone(),
        };
        seen.health.retain(|address, (_, at)| addresses.contains(address) && at.elapsed() < HELD_AGAINST);
        seen.refusals.retain(|address, _| addresses.contains(address));
        addresses
            .sort_by_key(|address| seen.health.get(address).map_or(Health::Sound, |(health, _)| *health));
        Ok(addresses)
    }

    /// The one that is under way, or a new one.
    fn lookup(&self, looking: impl Looking) -> Lookup {
        let mut latest = lock(&self.lookup);
        match &*latest {
            Some(lookup) if lookup.is_under_way() => lookup.clone(),
            _ => {
                // Kept also where nobody waits for it any more: a resolver that is slow must not leave old addresses in use.
                let seen = self.seen.clone();
                let keep = move |found: &[SocketAddr]| lock(&seen).last = found.to_vec();
                latest.insert(Lookup::begin(looking, keep)).clone()
            }
        }
    }

    pub(crate) fn note(&self, address: SocketAddr, health: Health) {
        let mut seen = self.lock();
        if health <= Health::Waived {
            seen.refusals.remove(&address);
        }
        seen.health.insert(address, (health, Instant::now()));
    }

    /// A look at that address came to nothing: what is held against it stays so, that no application need find out again.
    pub(crate) fn still_fails(&self, address: SocketAddr) {
        if let Some((Health::Unreachable | Health::Denied, at)) = self.lock().health.get_mut(&address) {
            *at = Instant::now();
        }
    }

    /// The certificate of that address was refused under the policy of that moment.
    pub(crate) fn note_refusal(&self, address: SocketAddr, refusal: Refusal, policy: Timestamp) {
        self.note(address, Health::Denied);
        let mut seen = self.lock();
        let in_a_row = seen.refusals.get(&address).map_or(0, |known| known.in_a_row).saturating_add(1);
        seen.refusals.insert(address, Known { refusal, policy, at: Instant::now(), in_a_row });
    }

    /// Why that address would be refused, where that is known from just before and nothing has changed since. One address may have
    /// several servers behind it, of which one is stale: only after some refusals in a row something is known of the next connection.
    pub(crate) fn refusal(&self, address: SocketAddr, policy: Timestamp) -> Option<Refusal> {
        let seen = self.lock();
        let known = seen.refusals.get(&address).filter(|known| known.in_a_row >= IN_A_ROW)?;
        (known.policy == policy && known.at.elapsed() < REFUSED_FOR).then(|| known.refusal.clone())
    }

    /// Whether its certificate was not accepted the last time.
    pub(crate) fn is_denied(&self, address: SocketAddr) -> bool {
        self.lock().health.get(&address).is_some_and(|(health, _)| *health == Health::Denied)
    }

    /// Those that something is held against.
    pub(crate) fn doubtful(&self) -> Vec<SocketAddr> {
        let seen = self.lock();
        seen.health.iter().filter(|(_, (health, _))| *health > Health::Sound).map(|(one, _)| *one).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);
    /// After this the system's resolver has had enough.
    const SILENT: Duration = Duration::from_secs(20);

    async fn silent() -> io::Result<Vec<SocketAddr>> {
        tokio::time::sleep(SILENT).await;
        Err(io::ErrorKind::TimedOut.into())
    }

    #[tokio::test]
    async fn a_sound_address_goes_before_one_that_failed() {
        let addresses = Addresses::new("127.0.0.1".into(), 5432);
        let only = addresses.resolve(WITHIN).await.unwrap();
        assert_eq!(only, ["127.0.0.1:5432".parse().unwrap()]);
        let other: SocketAddr = "192.0.2.1:5432".parse().unwrap();
        let both = Addresses::new("no.such.name.invalid".into(), 5432);
        both.lock().last = vec![only[0], other];
        both.note(only[0], Health::Denied);
        assert_eq!(
            both.resolve(WITHIN).await.unwrap(),
            [other, only[0]],
            "the last answer, the sound one first"
        );
        both.note(other, Health::Unreachable);
        both.note(only[0], Health::Sound);
        assert_eq!(both.resolve(WITHIN).await.unwrap(), [only[0], other]);
        assert_eq!(both.doubtful(), [other]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_of_a_refusal_is_for_an_address_that_only_refuses() {
        let (addresses, policy) = (Addresses::new("192.0.2.1".into(), 3306), Timestamp::UNIX_EPOCH);
        let one: SocketAddr = "192.0.2.1:3306".parse().unwrap();
        let refusal = Refusal::new(mainstay_model::RefusalReason::Expired, "expired");
        let refused = |policy| {
            addresses.note_refusal(one, refusal.clone(), policy);
            addresses.refusal(one, policy).is_some()
        };
        assert_eq!([1, 2, 3, 4].map(|_| refused(policy)), [false, false, true, true]);
        // A load balancer with a stale server among others.
        addresses.note(one, Health::Sound);
        assert_eq!([1, 2].map(|_| refused(policy)), [false, false], "the next server may be another");
        addresses.note(one, Health::Waived);
        assert_eq!([1, 2, 3].map(|_| refused(policy)), [false, false, true], "the waiver is over");
        let next = policy + jiff::SignedDuration::from_secs(1);
        assert_eq!(addresses.refusal(one, next), None, "under another policy it may be admitted");
        assert!(refused(next), "and where it is not, that was once more in a row");
        tokio::time::advance(REFUSED_FOR).await;
        assert_eq!(addresses.refusal(one, next), None, "after a while it is asked again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_resolver_that_is_silent_is_no_outage_of_a_server_that_is_known() {
        let addresses = Addresses::new("db.example.com".into(), 5432);
        let one: SocketAddr = "192.0.2.1:5432".parse().unwrap();
        let late = addresses.found_by(silent(), WITHIN).await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut, "nothing is known yet");
        tokio::time::sleep(SILENT).await;
        addresses.found_by(async move { Ok(vec![one]) }, WITHIN).await.unwrap();
        for (within, waited) in [(WITHIN, RESOLVE_WITHIN), (RESOLVE_WITHIN, RESOLVE_WITHIN / 2)] {
            let began = Instant::now();
            assert_eq!(addresses.found_by(silent(), within).await.unwrap(), [one]);
            assert_eq!(began.elapsed(), waited);
            tokio::time::sleep(SILENT).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_lookup_is_under_way_for_however_many_connections() {
        let addresses = Addresses::new("db.example.com".into(), 5432);
        let [one, other]: [SocketAddr; 2] =
            ["192.0.2.1:5432", "192.0.2.2:5432"].map(|one| one.parse().unwrap());
        let begun = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = || begun.load(std::sync::atomic::Ordering::SeqCst);
        let looking = |takes: Duration, found: SocketAddr| {
            let begun = begun.clone();
            async move {
                begun.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                tokio::time::sleep(takes).await;
                Ok(vec![found])
            }
        };
        let second = Duration::from_secs(1);
        // The first ones wait for it together.
        let both = tokio::join!(
            addresses.found_by(looking(second, one), WITHIN),
            addresses.found_by(looking(second, one), WITHIN)
        );
        assert_eq!((both.0.unwrap(), both.1.unwrap(), count()), (vec![one], vec![one], 1));
        // A resolver that falls silent: the first one waits, and the others know already.
        let began = Instant::now();
        for _ in 0..100 {
            assert_eq!(addresses.found_by(looking(SILENT, other), WITHIN).await.unwrap(), [one]);
        }
        assert_eq!((began.elapsed(), count()), (RESOLVE_WITHIN, 2));
        // Its answer comes, and is used although nobody waited for it.
        tokio::time::sleep(SILENT).await;
        assert_eq!(addresses.found_by(looking(SILENT, one), WITHIN).await.unwrap(), [other]);
        assert_eq!(count(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_goes_on_failing_stays_behind_the_sound_one() {
        let addresses = Addresses::new("db.example.com".into(), 5432);
        let [sick, sound]: [SocketAddr; 2] =
            ["192.0.2.1:5432", "192.0.2.2:5432"].map(|one| one.parse().unwrap());
        let found = async || addresses.found_by(async move { Ok(vec![sick, sound]) }, WITHIN).await.unwrap();
        addresses.note(sick, Health::Unreachable);
        for _ in 0..3 {
            tokio::time::advance(HELD_AGAINST / 2).await;
            addresses.still_fails(sick);
            assert_eq!(found().await, [sound, sick]);
        }
        tokio::time::advance(HELD_AGAINST).await;
        addresses.still_fails(sound);
        assert_eq!(found().await, [sick, sound], "after a while it is tried again");
        assert!(addresses.doubtful().is_empty(), "a look alone holds nothing against an address");
    }
}
