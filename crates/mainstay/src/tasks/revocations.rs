use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use mainstay_engine::Event;
use mainstay_model::RelayPolicy;
use mainstay_probe::{MetChain, Prober};
use mainstay_tls::{Crl, MAX_CRL_BYTES, RevocationReason, Revoked, Roots, crl_urls_of, revoked_in};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
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

/// So many chains are looked after at once; the next ones a little later.
const MOST_CHAINS: usize = 256;

/// Lists of one chain that are asked for at the same time.
const AT_ONCE: usize = 4;

/// All lists of one chain are to be here within this time, so that one authority that hangs does not keep the others waiting for long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells the prober what was ever seen revoked, here or by another server of the same store, until told to stop.
pub(crate) async fn follow(
    prober: Arc<Prober>,
    mut policy: watch::Receiver<Arc<RelayPolicy>>,
    stop: CancellationToken,
) {
    loop {
        let revoked = policy.borrow_and_update().revoked.clone();
        prober.learn_ever_revoked(revoked);
        tokio::select! {
            () = stop.cancelled() => return,
            changed = policy.changed() => if changed.is_err() { return },
        }
    }
}

/// Reads what authorities say of the certificates that checks meet, while they still say it: once a certificate expired, lists leave it
/// out, and what was revoked before must never be waived.
pub(crate) struct RevocationLists {
    prober: Arc<Prober>,
    inbox: Inbox,
    client: reqwest::Client,
    kept: HashMap<String, Kept>,
}

/// A list that was asked for.
struct Kept {
    until: Instant,
    /// Absent when it could not be read.
    list: Option<Crl>,
}

impl RevocationLists {
    pub(crate) fn new(prober: Arc<Prober>, inbox: Inbox) -> anyhow::Result<RevocationLists> {
        Ok(RevocationLists { prober, inbox, client: client()?, kept: HashMap::new() })
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.look() => {}
            }
        }
    }

    async fn look(&mut self) {
        for chain in self.prober.take_chains(MOST_CHAINS, READ_EVERY) {
            let leaf = chain.leaf;
            if let Err(why) = self.look_after(chain).await {
                info!("lists of revoked certificates are not all read: {why:#}");
                self.prober.rest_chain(leaf, RETRY_AFTER);
            }
        }
    }

    /// Errors when not every list of the chain could be read; what others say is told all the same.
    async fn look_after(&mut self, chain: MetChain) -> anyhow::Result<()> {
        let (chain, now) = (Arc::new(chain), clock::now());
        let named = chain.clone();
        let urls = move || crl_urls_of(&named.certificates, &named.roots, now);
        let urls = tokio::task::spawn_blocking(urls).await.context("its certificates cannot be read")?;
        self.fetch(&urls).await;
        let lists: Vec<Crl> = urls.iter().filter_map(|url| self.kept.get(url)?.list.clone()).collect();
        let is_whole = lists.len() == urls.len();
        if !lists.is_empty() {
            // A list of a large authority has a hundred thousand entries.
            let compare = move || revoked_in(&chain.certificates, &chain.roots, &lists, now);
            self.tell(tokio::task::spawn_blocking(compare).await.context("a list cannot be searched")?).await;
        }
        anyhow::ensure!(is_whole, "of {}, asked again in an hour", urls.join(", "));
        Ok(())
    }

    /// Asks for those lists that were not asked for lately.
    async fn fetch(&mut self, urls: &[String]) {
        self.forget();
        let due: Vec<String> = urls.iter().filter(|url| !self.kept.contains_key(*url)).cloned().collect();
        let until = Instant::now() + PATIENCE;
        let fetches = due.into_iter().map(|url| fetch_until(self.client.clone(), url, until));
        let fetched: Vec<_> = futures_util::stream::iter(fetches).buffer_unordered(AT_ONCE).collect().await;
        for (url, list) in fetched {
            let list = list.inspect_err(|why| info!("no list of revoked certificates from {url}: {why:#}"));
            let until = Instant::now() + if list.is_ok() { KEEP } else { RETRY_AFTER };
            self.kept.insert(url, Kept { until, list: list.ok() });
        }
    }

    async fn tell(&self, mut revoked: Vec<Revoked>) {
        // What is on hold may be released again, and what is told here is for ever.
        revoked.retain(|one| one.reason != RevocationReason::CertificateHold);
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

fn client() -> anyhow::Result<reqwest::Client> {
    // Authorities serve their lists over plain HTTP: they are signed, and verifying the server would need a list in turn.
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(Roots::system().client_config())
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .user_agent(concat!("mainstay/", env!("CARGO_PKG_VERSION")))
        .build();
    client.context("the client that lists of revoked certificates are asked for with cannot be set up")
}

async fn fetch_until(client: reqwest::Client, url: String, until: Instant) -> (String, anyhow::Result<Crl>) {
    let list = tokio::time::timeout_at(until, fetch(&client, &url)).await;
    (url, list.context("no answer in time").flatten())
}

async fn fetch(client: &reqwest::Client, url: &str) -> anyhow::Result<Crl> {
    let mut answer = client.get(url).send().await?.error_for_status()?;
    anyhow::ensure!(answer.status().is_success(), "it leads elsewhere ({})", answer.status());
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        anyhow::ensure!(bytes.len() <= MAX_CRL_BYTES, "it has more than {MAX_CRL_BYTES} bytes");
    }
    let read = tokio::task::spawn_blocking(move || Crl::read(&bytes));
    Ok(read.await.context("reading it failed")??)
}
