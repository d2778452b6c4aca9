//! What a relay that runs alone has to do with its server: it goes by that one's policy, and tells it what it saw.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::Method;
use jiff::Timestamp;
use mainstay_model::{DependencyName, RelayPolicy, WaiverId};
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
    /// Waivers that have ended here, which is not on disk yet.
    unwritten: Vec<WaiverId>,
    /// How much was said so far.
    count: u64,
}

/// What the server does not know yet.
#[derive(Debug, Default)]
struct Untold {
    uses: Uses,
    fully_verified: BTreeSet<WaiverId>,
    /// Whose servers were refused.
    refused: BTreeSet<DependencyName>,
}

impl Teller {
    pub(crate) fn new(news: mpsc::Receiver<News>, server: Arc<Server>, data_dir: &Path) -> Teller {
        let me = format!("{:016x}", clock::seed());
        Teller {
            news,
            server,
            ended: data_dir.join(ENDED),
            is_heard: true,
            me,
            said: None,
            unwritten: Vec::new(),
            count: 0,
        }
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
        if self.said.is_none() {
            // What was told again stood before what came since.
            self.tell(&mut untold).await;
        }
    }

    fn heard(&mut self, news: &News, untold: &mut Untold) {
        untold.heard(news);
        if let News::FullyVerified { waiver, .. } = news {
            self.unwritten.push(*waiver);
            self.write_ended();
        }
    }

    /// What cannot be written now is written later.
    fn write_ended(&mut self) {
        while let Some(waiver) = self.unwritten.last() {
            if let Err(why) = add_line(&self.ended, &waiver.to_string()) {
                return warn!("a waiver is needed no more, which cannot be written down yet: {why:#}");
            }
            self.unwritten.pop();
        }
    }

    /// What cannot be told now is told later, as it was said and with the same number: the server may have taken it without our hearing
    /// of that.
    async fn tell(&mut self, untold: &mut Untold) {
        self.write_ended();
        let said = match self.said.take() {
            Some(said) => said,
            None if untold.is_empty() => return,
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
    fn is_empty(&self) -> bool {
        self.uses.is_empty() && self.fully_verified.is_empty() && self.refused.is_empty()
    }

    fn heard(&mut self, news: &News) {
        match news {
            News::Decided(admission) => {
                self.uses.count(admission);
                if admission.decision.is_of_the_server() {
                    self.refused.insert(admission.dependency.clone());
                }
            }
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
        json!({
            "relay": me, "number": number, "uses": uses, "fully_verified": self.fully_verified,
            "refused": self.refused,
        })
    }
}

#[cfg(test)]
mod tests {
    use mainstay_model::{Fingerprint, Pin, PolicyWaiver, Random};
    use mainstay_testkit::{Answer, Received, Receiver};
    use mainstay_tls::PolicyKey;

    use super::*;
    use crate::tasks::scene::Directory;

    fn key() -> PolicyKey {
        PolicyKey::parse(&"A".repeat(43)).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn id(seed: u64) -> WaiverId {
        WaiverId::new(at(1), &mut Random::seeded(seed))
    }

    fn waiver(seed: u64) -> PolicyWaiver {
        PolicyWaiver {
            id: id(seed),
            dependency: "db".parse().unwrap(),
            server_name: "db.example.com".into(),
            pin: Pin { sha256: Fingerprint([7; 32]), spki_sha256: Fingerprint([8; 32]) },
            not_after: at(10),
            from: at(20),
            until: at(900),
            url: None,
        }
    }

    fn signed(issued_at: Timestamp, waivers: Vec<PolicyWaiver>) -> String {
        let policy = RelayPolicy { issued_at, waivers, ..RelayPolicy::default() };
        serde_json::to_string(&SignedPolicy::sign(&policy, &key()).unwrap()).unwrap()
    }

    /// A server that gives this policy, and takes what it is told.
    async fn serving(policy: String) -> Receiver {
        Receiver::start(move |request: &Received| match request.uri.starts_with("/api/v1/policy/signed") {
            true => Answer::new(200, &policy),
            false => Answer::new(200, "{}"),
        })
        .await
    }

    fn at_server(receiver: &Receiver) -> Arc<Server> {
        let url = crate::client::address(&receiver.url("")).unwrap();
        Arc::new(Server::There { url, token: None, roots: None, by: None })
    }

    fn ids(follower: &PolicyFollower) -> Vec<WaiverId> {
        follower.policy.borrow().waivers.iter().map(|one| one.id).collect()
    }

    #[tokio::test]
    async fn what_full_verification_ended_stays_ended_whatever_the_server_says_next() {
        let directory = Directory::new("elsewhere-ended");
        add_line(&directory.0.join(ENDED), &id(1).to_string()).unwrap();
        let receiver = serving(signed(at(30), vec![waiver(1), waiver(2)])).await;
        let server = at_server(&receiver);
        let mut follower = PolicyFollower::new(server.clone(), Some(key().public()), &directory.0);
        follower.ask().await.unwrap();
        assert_eq!(ids(&follower), [id(2)]);
        let restarted = PolicyFollower::new(server.clone(), Some(key().public()), &directory.0);
        assert_eq!(ids(&restarted), [id(2)]);
        // And the server hears of it, which it did not before the restart.
        let (news, told) = mpsc::channel(1);
        drop(news);
        Teller::new(told, server, &directory.0).run(CancellationToken::new()).await;
        let told = receiver.received().pop().unwrap().json();
        assert_eq!(told["fully_verified"], json!([id(1)]));
    }

    #[tokio::test]
    async fn a_policy_that_could_not_be_written_is_written_with_the_next_answer() {
        let directory = Directory::new("elsewhere-unwritten");
        let receiver = serving(signed(at(30), vec![waiver(1)])).await;
        let in_the_way = directory.0.join("policy.json");
        std::fs::create_dir(&in_the_way).unwrap();
        let mut follower = PolicyFollower::new(at_server(&receiver), Some(key().public()), &directory.0);
        follower.ask().await.unwrap();
        assert_eq!(ids(&follower), [id(1)], "it is in force all the same");
        std::fs::remove_dir(&in_the_way).unwrap();
        follower.ask().await.unwrap();
        assert!(in_the_way.is_file());
    }

    #[tokio::test]
    async fn what_got_no_answer_is_told_again_in_the_same_words() {
        let directory = Directory::new("elsewhere-told");
        let mut answers = vec![200, 504];
        let receiver = Receiver::start(move |_: &Received| Answer::new(answers.pop().unwrap_or(200), "{}"));
        let receiver = receiver.await;
        let (_news, told) = mpsc::channel(1);
        let mut teller = Teller::new(told, at_server(&receiver), &directory.0);
        let mut untold = Untold::default();
        let verified =
            |seed| News::FullyVerified { dependency: "db".parse().unwrap(), waiver: id(seed), at: at(40) };
        for seed in [1, 2] {
            teller.heard(&verified(seed), &mut untold);
            teller.tell(&mut untold).await;
        }
        teller.tell(&mut untold).await;
        teller.tell(&mut untold).await;
        let told: Vec<Value> = receiver.received().iter().map(Received::json).collect();
        let said: Vec<_> = told.iter().map(|one| (&one["number"], &one["fully_verified"])).collect();
        let (first, second) = (json!([id(1)]), json!([id(2)]));
        assert_eq!(said, [(&json!(1), &first), (&json!(1), &first), (&json!(2), &second)]);
        assert!(told.iter().all(|one| one["relay"] == told[0]["relay"]));
    }
}
