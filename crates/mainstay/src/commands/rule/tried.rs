use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use mainstay_engine::expr::{Fact, Fault};
use mainstay_engine::{NoReplay, Replay, Replayed};
use mainstay_model::{Dependency, HumanDuration, Landscape, OwnRule, Rule, RuleName, Severity, nearest};
use mainstay_store::Archive;
use tracing::level_filters::LevelFilter;

use super::Output;
use super::said::{Trial, json, text};
use crate::config;

/// The name under which a condition of the command line is tried.
const TRIED: &str = "tried";

#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = false, args = ["name", "when"])]
pub(super) struct Try {
    /// A rule of the configuration, whether it is enabled or not.
    name: Option<String>,
    /// A condition that is no rule yet.
    #[arg(long, value_name = "EXPRESSION")]
    when: Option<String>,
    /// How far back to look.
    #[arg(long, value_name = "LENGTH", default_value = "7d")]
    since: HumanDuration,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

impl Try {
    /// Reads only, also while `serve` runs. Exits with 1 where the rule cannot be tried.
    pub(super) fn run(self, file: &Path) -> ExitCode {
        let loaded = match config::load(file, &config::environment) {
            Ok(loaded) => loaded,
            Err(problems) => return super::super::refuse(&problems),
        };
        let location = crate::location::of(&loaded.server);
        super::super::in_runtime(LevelFilter::WARN, self.attempt(loaded.landscape, location))
    }

    #[expect(clippy::print_stdout, reason = "this is where a command speaks to the person who called it")]
    async fn attempt(self, landscape: Landscape, location: mainstay_store::Location) -> anyhow::Result<()> {
        let (name, rule) = self.rule(&landscape)?;
        let to = crate::clock::now();
        let from = to.saturating_sub(length(self.since.0)).unwrap_or(to);
        let archive = Archive::open(&location).await?;
        let trial = Trial { name, when: rule.when.clone(), from, to, dependencies: Vec::new() };
        let trial = replay(&archive, &landscape, &rule, trial).await?;
        archive.close().await;
        match self.output {
            Output::Text => print!("{}", text(&trial)),
            Output::Json => println!("{:#}", json(&trial)),
        }
        Ok(())
    }

    fn rule(&self, landscape: &Landscape) -> anyhow::Result<(RuleName, OwnRule)> {
        match (&self.name, &self.when) {
            (Some(name), _) => named(name, landscape),
            (None, when) => Ok((TRIED.parse()?, rule(when.as_deref().unwrap_or_default()))),
        }
    }
}

/// A condition as a rule that says nothing else.
fn rule(when: &str) -> OwnRule {
    OwnRule {
        when: when.to_owned(),
        severity: Severity::Warn,
        message: None,
        runbook: None,
        hold_for: Duration::ZERO,
        enabled: true,
    }
}

fn length(length: Duration) -> SignedDuration {
    SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
}

fn named(name: &str, landscape: &Landscape) -> anyhow::Result<(RuleName, OwnRule)> {
    let own = &landscape.rules.own;
    if let Some((name, rule)) = own.get_key_value(name) {
        return Ok((name.clone(), rule.clone()));
    }
    if let Ok(rule) = name.parse::<Rule>() {
        anyhow::bail!("{rule} is built in and cannot be tried; the history of incidents shows what it told");
    }
    let hint = match nearest(name, own.keys().map(RuleName::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None => {
            "`mainstay rule list` shows those there are, and --when takes a condition that is no rule yet"
                .into()
        }
    };
    anyhow::bail!("there is no rule {name}: {hint}")
}

/// Dependency by dependency and page by page, so that it needs no more memory than a page.
async fn replay(
    archive: &Archive,
    landscape: &Landscape,
    rule: &OwnRule,
    mut trial: Trial,
) -> anyhow::Result<Trial> {
    let count = landscape.dependencies.len();
    for (number, dependency) in landscape.dependencies.values().enumerate() {
        progress(&format!("{} of {count} dependencies", number + 1));
        let replayed = replay_one(archive, dependency, rule, &trial).await;
        trial.dependencies.push((dependency.name.clone(), replayed.inspect_err(|_| progress(""))?));
    }
    progress("");
    Ok(trial)
}

async fn replay_one(
    archive: &Archive,
    dependency: &Dependency,
    rule: &OwnRule,
    trial: &Trial,
) -> anyhow::Result<Replayed> {
    let replay = Replay::new(dependency, &trial.name, rule, trial.from);
    let mut replay = replay.map_err(|refused| anyhow::anyhow!("{}", refusal(&refused, &rule.when)))?;
    let mut past = archive.past(dependency, trial.from, trial.to).await?;
    loop {
        let page = past.next_page().await?;
        if page.is_empty() {
            return Ok(replay.finish(trial.to));
        }
        page.into_iter().for_each(|check| replay.check(check));
    }
}

/// One line that is written over, where somebody watches.
#[expect(clippy::print_stderr, reason = "this is where a command speaks to the person who called it")]
fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\u{1b}[K{text}");
    }
}

/// Why a rule cannot be tried, with the faulty characters marked.
fn refusal(refused: &NoReplay, when: &str) -> String {
    match refused {
        NoReplay::Faults(faults) => {
            let shown: Vec<_> = faults.iter().map(|fault| marked(fault, when)).collect();
            format!("the condition has faults\n\n{}", shown.join("\n\n"))
        }
        NoReplay::NotKept(facts) => {
            let names: Vec<_> = facts.iter().map(|fact: &Fact| fact.about().name).collect();
            format!(
                "the rule cannot be tried: past checks are kept without {}; switched on, it is judged with every new check",
                names.join(" and ")
            )
        }
    }
}

fn marked(fault: &Fault, when: &str) -> String {
    let line = when.replace(['\n', '\r', '\t'], " ");
    let marks = format!("{}{}", " ".repeat(fault.at.start), "^".repeat(fault.at.len().max(1)));
    let hint = if fault.hint.is_empty() { String::new() } else { format!(": {}", fault.hint) };
    format!("  {line}\n  {marks} {}{hint}", fault.message)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mainstay_model::CheckReport;

    use super::*;

    fn landscape(url: &str) -> Landscape {
        let text = format!("dependencies: {{ db: {{ url: '{url}' }} }}");
        let read = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let surroundings = config::Surroundings { file: Path::new("x"), env: &|_| None, read: &read };
        config::parse(&text, &surroundings).unwrap().landscape
    }

    fn refused(when: &str) -> String {
        let landscape = landscape("tls://db.example.com");
        let dependency = landscape.dependencies.values().next().unwrap();
        let refused =
            Replay::new(dependency, &TRIED.parse().unwrap(), &rule(when), Timestamp::UNIX_EPOCH).unwrap_err();
        refusal(&refused, when)
    }

    /// A day of checks every ten minutes: the certificate's end comes nearer, and each third check is slow.
    fn checks(from: Timestamp) -> Vec<CheckReport> {
        let end = from + SignedDuration::from_hours(20 * 24 + 12);
        (0..144_i32).map(|n| check(from + SignedDuration::from_mins(10 * i64::from(n)), n, end)).collect()
    }

    fn check(at: Timestamp, n: i32, not_after: Timestamp) -> CheckReport {
        let certificate = serde_json::json!({
            "position": 0, "sent": true, "in_path": true, "subject": "CN=db.example.com", "issuer": "CN=CA",
            "names": ["db.example.com"], "serial": "01", "not_before": "2026-01-01T00:00:00Z",
            "not_after": not_after, "sha256": "ab".repeat(32), "spki_sha256": "cd".repeat(32), "key": "EC P-256",
        });
        let ms = if n % 3 == 2 { 150.0 } else { 50.0 };
        serde_json::from_value(serde_json::json!({
            "target": "tls://db.example.com:443", "dependency": "db", "verdict": "healthy", "findings": [],
            "checked_at": at,
            "addresses": [{
                "address": "192.0.2.1:443", "verdict": "healthy", "phases": { "tls_ms": ms },
                "tls": { "version": "TLSv1.3", "cipher": "x", "verified": true, "certificates": [certificate] },
            }],
        }))
        .unwrap()
    }

    /// Beside the one that writes, as while `serve` runs.
    #[tokio::test]
    async fn the_past_is_read_while_another_writes() {
        let directory = std::env::temp_dir().join(format!("mainstay-rule-try-{}", std::process::id()));
        let location = mainstay_store::Location::Sqlite(directory.join("mainstay.db"));
        let store = mainstay_store::Store::open(&location).await.unwrap();
        let from: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
        let commit = mainstay_model::Commit { reports: checks(from), ..Default::default() };
        store.commit(&commit).await.unwrap();
        let archive = Archive::open(&location).await.unwrap();
        let to = from + SignedDuration::from_hours(24);
        let tried = async |when: &str| {
            let landscape = landscape("tls://db.example.com:443");
            let trial =
                Trial { name: TRIED.parse().unwrap(), when: when.into(), from, to, dependencies: Vec::new() };
            let trial = replay(&archive, &landscape, &rule(when), trial).await.unwrap();
            trial.dependencies.into_iter().next().unwrap().1
        };
        let slow = tried("phase.total_ms > 100.0").await;
        assert_eq!((slow.checks, slow.alerts, slow.untold), (144, 48, 0));
        let soon = tried("tls.days_left < 20 && tls.verified && tls.issuer == 'CN=CA'").await;
        assert_eq!((soon.alerts, soon.held.len()), (1, 1));
        assert_eq!(soon.held[0].since.to_string(), "2026-11-20T12:00:30Z");
        assert_eq!(soon.held[0].until, None);
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn faults_are_marked() {
        assert_eq!(
            refused("hour > 3 && verdict == 'dwn'"),
            "the condition has faults\n\n  hour > 3 && verdict == 'dwn'\n  \
             \u{20}                      ^^^^^ verdict is never \"dwn\": did you mean `down`?"
        );
    }

    #[test]
    fn what_is_not_kept_is_named() {
        let said = refused("tls.version == 'TLSv1.2' && tls.cipher != ''");
        assert!(said.contains("past checks are kept without tls.version and tls.cipher"), "{said}");
    }

    #[test]
    fn only_rules_of_ones_own_can_be_tried() {
        let landscape = Landscape::default();
        let said = |name: &str| named(name, &landscape).unwrap_err().to_string();
        assert!(said("down").starts_with("down is built in"));
        assert!(said("soon").starts_with("there is no rule soon: `mainstay rule list`"));
    }
}
