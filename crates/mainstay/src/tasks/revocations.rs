use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use mainstay_engine::Event;
use mainstay_model::RelayPolicy;
use mainstay_probe::{MetChain, Prober};
use mainstay_tls::{Crl, MAX_CRL_BYTES, Revoked, Roots, crl_urls, revoked_in};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock;
use crate::tasks::record::Inbox;

/// How often it is looked whether checks met chains whose lists are due.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Before the lists of a chain are read again. Authorities make new ones daily or weekly, and within hours when a key is stolen.
const READ_EVERY: Duration = Duration::from_secs(6 * 3600);

/// The same when one of them could not be read.
const RETRY_AFTER: Duration = Duration::from_secs(3600);

/// For how long a list that was read serves other chains of the same authority.
const KEEP: Duration = Duration::from_secs(1800);

/// Lists of more bytes than this in all are not kept for other chains.
const MOST_KEPT: usize = 2 * MAX_CRL_BYTES;

/// Lists that are asked for at the same time.
const AT_ONCE: usize = 4;

/// Reads what authorities say of the certificates that checks meet, while they still say it: once a certificate expired, lists leave it
/// out, and what was revoked before must never be waived.
pub(crate) struct RevocationLists {
    prober: Arc<Prober>,
    inbox: Inbox,
    /// Names what was seen revoked before, here or by another server of the same store.
    policy: watch::Receiver<Arc<RelayPolicy>>,
    /// Absent: no list is asked for.
    client: Option<reqwest::Client>,
    kept: HashMap<String, Kept>,
}

/// A list that was asked for.
struct Kept {
    until: Instant,
    /// Absent when it could not be read.
    list: Option<Crl>,
}

impl RevocationLists {
    /// `fetch`: whether lists are asked for at all.
    pub(crate) fn new(
        prober: Arc<Prober>,
        inbox: Inbox,
        policy: watch::Receiver<Arc<RelayPolicy>>,
        fetch: bool,
    ) -> anyhow::Result<RevocationLists> {
        let client = fetch.then(client).transpose()?;
        Ok(RevocationLists { prober, inbox, policy, client, kept: HashMap::new() })
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            let revoked = self.policy.borrow_and_update().revoked.clone();
            self.prober.learn_ever_revoked(revoked);
            tokio::select! {
                () = stop.cancelled() => return,
                changed = self.policy.changed() => if changed.is_err() { return },
                _ = look.tick() => tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.look() => {}
                },
            }
        }
    }

    async fn look(&mut self) {
        let Some(client) = self.client.clone() else { return };
        let chains = self.prober.take_chains(READ_EVERY).into_iter().map(|chain| (urls(&chain), chain));
        let chains: Vec<(BTreeSet<String>, MetChain)> = chains.filter(|(urls, _)| !urls.is_empty()).collect();
        self.fetch(&client, chains.iter().flat_map(|(urls, _)| urls)).await;
        for (urls, chain) in chains {
            let lists: Vec<Crl> = urls.iter().filter_map(|url| self.kept.get(url)?.list.clone()).collect();
            if lists.len() < urls.len() {
                self.prober.rest_chain(chain.leaf, RETRY_AFTER);
            }
            self.compare(chain, lists).await;
        }
        self.forget();
    }

    /// Asks for those lists that were not asked for lately.
    async fn fetch(&mut self, client: &reqwest::Client, urls: impl Iterator<Item = &String>) {
        let due: BTreeSet<String> = urls.filter(|url| !self.kept.contains_key(*url)).cloned().collect();
        let fetches = due.into_iter().map(async |url| {
            let list = fetch(client, &url).await;
            (url, list)
        });
        let mut fetches = std::pin::pin!(futures_util::stream::iter(fetches).buffer_unordered(AT_ONCE));
        while let Some((url, list)) = fetches.next().await {
            let list = list.inspect_err(|why| info!("no list of revoked certificates from {url}: {why:#}"));
            let until = Instant::now() + if list.is_ok() { KEEP } else { RETRY_AFTER };
            self.kept.insert(url, Kept { until, list: list.ok() });
        }
    }

    /// Tells what of a chain these lists call revoked.
    async fn compare(&self, chain: MetChain, lists: Vec<Crl>) {
        // A list of a large authority has a hundred thousand entries.
        let compared = tokio::task::spawn_blocking(move || {
            revoked_in(&chain.certificates, &chain.roots, &lists, clock::now())
        });
        let revoked = compared.await.unwrap_or_default();
        if revoked.is_empty() {
            return;
        }
        for Revoked { sha256, at, reason, .. } in &revoked {
            warn!("the certificate with SHA-256 {sha256} was revoked by its issuer at {at}: {reason}");
        }
        let fingerprints = revoked.iter().map(|one| one.sha256).collect();
        self.prober.learn_revoked(revoked);
        self.inbox.send(Event::RevocationSeen { fingerprints }).await;
    }

    fn forget(&mut self) {
        let now = Instant::now();
        self.kept.retain(|_, kept| now < kept.until);
        let bytes = |kept: &Kept| kept.list.as_ref().map_or(0, |list| list.der().len());
        if self.kept.values().map(bytes).sum::<usize>() > MOST_KEPT {
            self.kept.retain(|_, kept| kept.list.is_none());
        }
    }
}

/// Where the lists of a chain's certificates are.
fn urls(chain: &MetChain) -> BTreeSet<String> {
    chain.certificates.iter().flat_map(crl_urls).collect()
}

fn client() -> anyhow::Result<reqwest::Client> {
    // Authorities serve their lists over plain HTTP: they are signed, and verifying the server would need a list in turn.
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(Roots::system().client_config())
        .redirect(reqwest::redirect::Policy::limited(3))
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(60))
        .user_agent(concat!("mainstay/", env!("CARGO_PKG_VERSION")))
        .build();
    client.context("the client that lists of revoked certificates are asked for with cannot be set up")
}

async fn fetch(client: &reqwest::Client, url: &str) -> anyhow::Result<Crl> {
    let mut answer = client.get(url).send().await?.error_for_status()?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        anyhow::ensure!(bytes.len() <= MAX_CRL_BYTES, "it has more than {MAX_CRL_BYTES} bytes");
    }
    let read = tokio::task::spawn_blocking(move || Crl::read(&bytes));
    Ok(read.await.context("reading it failed")??)
}
