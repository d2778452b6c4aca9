//! What a relay that runs alone has to do with its server: it goes by that one's policy, and tells it what it saw.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::Method;
use jiff::Timestamp;
use mainstay_model::{RelayPolicy, WaiverId};
use mainstay_relay::News;
use mainstay_tls::{PolicyPublicKey, SignedPolicy};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::client::Server;
use crate::clock;
use crate::tasks::relays::Uses;

/// Before a server that did not answer is asked again.
const PAUSE: Duration = Duration::from_secs(2);
/// What was seen is told this often at most.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Keeps the policy of a server, on disk too.
pub(crate) struct PolicyFollower {
    server: Arc<Server>,
    /// By which signatures are verified; absent until the server has said it once.
    key: Option<PolicyPublicKey>,
    kept: Kept,
    policy: watch::Sender<Arc<RelayPolicy>>,
    /// A policy that is in force and not on disk yet.
    unwritten: Option<String>,
    /// Whether the server gave an older policy than it did before, and that was said.
    is_behind: bool,
}

/// The files of the data directory.
struct Kept {
    policy: PathBuf,
    key: PathBuf,
    ended: PathBuf,
}

impl PolicyFollower {
    /// Begins with the policy that was kept, if there is one and its signature holds.
    pub(crate) fn new(server: Arc<Server>, key: Option<PolicyPublicKey>, data_dir: &Path) -> PolicyFollower {
        let file = |name: &str| data_dir.join(name);
        let kept = Kept { policy: file("policy.json"), key: file("policy-key"), ended: file(ENDED) };
        let key = key.or_else(|| std::fs::read_to_string(&kept.key).ok()?.trim().parse().ok());
        let policy = watch::Sender::default();
        let follower = PolicyFollower { server, key, kept, policy, unwritten: None, is_behind: false };
        match follower.kept_policy() {
            Ok(Some(policy)) => {
                info!("the kept policy of {} is in force", policy.issued_at);
                follower.policy.send_replace(Arc::new(policy));
            }
            Ok(None) => {}
            Err(why) => warn!("the kept policy is not used, so nothing is waived: {why:#}"),
        }
        follower
    }

    /// What is in force.
    pub(crate) fn policy(&self) -> watch::Receiver<Arc<RelayPolicy>> {
        self.policy.subscribe()
    }

    /// Asks for the next policy again and again until told to stop. A server that is gone changes nothing.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut is_reached = true;
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                asked = self.ask() => asked,
            };
            match asked {
                Ok(()) => is_reached = true,
                Err(why) => {
                    if std::mem::take(&mut is_reached) {
                        let meanwhile = match self.policy.borrow().issued_at == Timestamp::UNIX_EPOCH {
                            true => "nothing is waived until there is one",
                            false => "the one before stays in force",
                        };
                        warn!("no policy from the server, so {meanwhile}: {why:#}");
                    }
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        }
    }

    async fn ask(&mut self) -> anyhow::Result<()> {
        self.keep();
        let key = self.key().await?;
        let before = self.policy.borrow().issued_at;
        // The first question is answered at once, so that a server that was started anew is believed.
        let path = match before == Timestamp::UNIX_EPOCH {
            true => "/api/v1/policy/signed".to_owned(),
            false => format!("/api/v1/policy/signed?after={before}"),
        };
        let said = self.server.ask(Method::GET, &path, None).await?.to_string();
        let policy = self.kept.without_ended(SignedPolicy::open(said.as_bytes(), &[key])?);
        let is_behind = policy.issued_at < before;
        if is_behind && !std::mem::replace(&mut self.is_behind, is_behind) {
            warn!(
                "the server gives a policy of {}, and gave one of {before} before: its clock was set back, or it is another server. The \
                 later one stays in force; a restart of this relay without its policy.json takes what the server says",
                policy.issued_at
            );
        }
        if policy.issued_at > before {
            info!("a new policy is in force, with {} waivers", policy.waivers.len());
            self.is_behind = false;
            // First on disk: a waiver that was withdrawn must not be found there by the next start.
            self.unwritten = Some(said);
            self.keep();
            self.policy.send_replace(Arc::new(policy));
        }
        Ok(())
    }

    /// Writes down what is in force. What cannot be written is in force all the same, and is tried again with the next answer.
    fn keep(&mut self) {
        let Some(text) = &self.unwritten else { return };
        match write(&self.kept.policy, text) {
            Ok(()) => self.unwritten = None,
            Err(why) => warn!("the policy in force is not kept for a restart yet: {why:#}"),
        }
    }

    async fn key(&mut self) -> anyhow::Result<PolicyPublicKey> {
        if let Some(key) = self.key {
            return Ok(key);
        }
        let said = self.server.ask(Method::GET, "/api/v1/policy/key", None).await?;
        let key: PolicyPublicKey = said["key"].as_str().unwrap_or_default().parse()?;
        info!("the server signs its policy with {key}; from now on no other key is taken");
        write(&self.kept.key, &key.to_string())?;
        self.key = Some(key);
        Ok(key)
    }

    fn kept_policy(&self) -> anyhow::Result<Option<RelayPolicy>> {
        let (Some(key), Ok(bytes)) = (self.key, std::fs::read(&self.kept.policy)) else { return Ok(None) };
        Ok(Some(self.kept.without_ended(SignedPolicy::open(&bytes, &[key])?)))
    }
}

impl Kept {
    /// Whatever the server says that was not told yet: what full verification has ended stays ended.
    fn without_ended(&self, policy: RelayPolicy) -> RelayPolicy {
        let ended = ended_in(&self.ended);
        let waivers = policy.waivers.into_iter().filter(|waiver| !ended.contains(&waiver.id)).collect();
        RelayPolicy { waivers, ..policy }
    }
}

/// The waivers that full verification has ended, by that file.
fn ended_in(path: &Path) -> BTreeSet<WaiverId> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Written beside and moved into place, so that a crash leaves the old one or the new one.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.with_context(|| format!("{} cannot be written", path.display()))
}

/// A line for each waiver that full verification has ended: after a restart it stays ended, whatever a policy says.
const ENDED: &str = "waivers-ended";

fn add_line(path: &Path, line: &str) -> anyhow::Result<()> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| writeln!(file, "{line}"))
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// Tells the server which waivers were used, and where full verification succeeds again.
pub(crate) struct Teller {
    news: mpsc::Receiver<News>,
    server: Arc<Server>,
    /// Where the waivers stand that full verification has ended.
    ended: PathBuf,
    /// Whether the server took what it was told last.
    is_heard: bool,
    /// Tells what this process says from what another one does.
    me: String,
    /// What was said last, and whether the server took it is not known.
    said: Option<Value>,
    /// How much was said so far.
    count: u64,
}

/// What the server does not know yet.
#[derive(Debug, Default)]
struct Untold {
    uses: Uses,
    fully_verified: BTreeSet<WaiverId>,
}

impl Teller {
    pub(crate) fn new(news: mpsc::Receiver<News>, server: Arc<Server>, data_dir: &Path) -> Teller {
        let me = format!("{:016x}", clock::seed());
        Teller { news, server, ended: data_dir.join(ENDED), is_heard: true, me, said: None, count: 0 }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        // What was ended before a restart may not have been told.
        let mut untold = Untold { fully_verified: ended_in(&self.ended), ..Untold::default() };
        let mut pace = tokio::time::interval(TELL_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = pace.tick() => self.tell(&mut untold).await,
                news = self.news.recv() => match news {
                    Some(news) => self.heard(&news, &mut untold),
                    None => break,
                },
            }
        }
        while let Ok(news) = self.news.try_recv() {
            self.heard(&news, &mut untold);
        }
        self.tell(&mut untold).await;
    }

    fn heard(&self, news: &News, untold: &mut Untold) {
        untold.heard(news);
        if let News::FullyVerified { waiver, .. } = news
            && let Err(why) = add_line(&self.ended, &waiver.to_string())
        {
            warn!("a waiver is needed no more, which cannot be written down: {why:#}");
        }
    }

    /// What cannot be told now is told later, as it was said and with the same number: the server may have taken it without our hearing
    /// of that.
    async fn tell(&mut self, untold: &mut Untold) {
        let said = match self.said.take() {
            Some(said) => said,
            None if untold.uses.is_empty() && untold.fully_verified.is_empty() => return,
            None => {
                self.count += 1;
                std::mem::take(untold).json(&self.me, self.count)
            }
        };
        match self.server.ask(Method::POST, "/api/v1/relays/told", Some(&said)).await {
            Ok(_) => self.is_heard = true,
            Err(why) => {
                self.said = Some(said);
                if std::mem::take(&mut self.is_heard) {
                    warn!("the server was not told which waivers were used, and will be told later: {why:#}");
                }
            }
        }
    }
}

impl Untold {
    fn heard(&mut self, news: &News) {
        match news {
            News::Decided(admission) => self.uses.count(admission),
            News::FullyVerified { waiver, .. } => {
                self.fully_verified.insert(*waiver);
            }
            News::Shadow { finding: Some(finding), .. } => warn!(
                relay.dependency = %finding.dependency, relay.address = finding.address,
                "as of {} connections would fail: {}", finding.as_of, finding.message
            ),
            News::Shadow { finding: None, .. } => {}
        }
    }

    fn json(&self, me: &str, number: u64) -> Value {
        let uses = self.uses.all().map(|(id, count, at)| json!({ "waiver": id, "count": count, "at": at }));
        let uses: Vec<Value> = uses.collect();
        json!({ "relay": me, "number": number, "uses": uses, "fully_verified": self.fully_verified })
    }
}
