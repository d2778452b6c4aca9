mod junit;
mod sarif;
mod text;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Known, Rehearsal};
use mainstay_model::{Coverage, Dependency, HoleCode, Landscape, Resolved};
use mainstay_probe::{Prober, ProberOptions};
use mainstay_store::{Beside, Store};

use crate::config::{self, Loaded};

/// Wrong usage, or a configuration that cannot be loaded.
pub(crate) const WRONG_USAGE: u8 = 2;

/// How long it is waited for resolvers.
const RESOLVED_WITHIN: Duration = Duration::from_secs(5);

/// Prove that somebody will be told, whatever breaks and whenever it does.
///
/// Every dependency is broken in every way in which it can break, at every moment of four weeks, on a simulated clock and with
/// nobody taking anything up. Nothing is sent.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 sound, 1 where nobody would be told or not well enough, 2 wrong usage or a configuration \
    that cannot be loaded.\n\
    Beside the configuration, what Mainstay has written where it keeps its data is used: which channels ever took a message, who \
    stands in on call, silences, and how long certificates live. Resolvers are asked where the names of channels and dependencies lead."
)]
pub(crate) struct Rehearse {
    /// Only these dependencies, with everybody who would be told, in order.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The first moment at which something breaks, such as 2026-08-01T09:00Z. [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<Timestamp>,
    /// For how many weeks from then.
    #[arg(long, value_name = "WEEKS", default_value_t = 4, value_parser = clap::value_parser!(i64).range(1..=52))]
    weeks: i64,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Output::Text, value_name = "FORM")]
    output: Output,
    /// Count a channel of which nothing is known as one that never worked.
    #[arg(long)]
    require_proven: bool,
    /// Ask no resolver where the names of channels and dependencies lead: whether they fall together is then seen only by how they are
    /// spelt.
    #[arg(long)]
    offline: bool,
    /// Show findings of this code and exit with 0 all the same, such as `muted`. May be given several times.
    #[arg(long, value_name = "CODE", value_parser = code)]
    allow: Vec<HoleCode>,
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs: everything that was played.
    Json,
    /// For CI: a test case for each way to break.
    Junit,
    /// For code review: each finding on its line (SARIF 2.1.0).
    Sarif,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let local = || text.parse::<DateTime>().ok().and_then(|local| TimeZone::UTC.to_timestamp(local).ok());
    let parsed = text.parse().ok().or_else(local);
    parsed.ok_or_else(|| "write a time such as 2026-08-01T09:00Z, or 2026-08-01T09:00 for UTC".to_owned())
}

fn code(text: &str) -> Result<HoleCode, String> {
    text.parse().map_err(|()| {
        let near = mainstay_model::nearest(text, HoleCode::ALL.iter().map(|code| code.as_str()));
        near.map_or("that is no code of a finding".to_owned(), |near| format!("did you mean {near}?"))
    })
}

impl Rehearse {
    pub(crate) fn run(self, file: &Path) -> ExitCode {
        let loaded = match config::load(file, &config::environment) {
            Ok(loaded) => loaded,
            Err(problems) => {
                super::refuse(&problems);
                return ExitCode::from(WRONG_USAGE);
            }
        };
        match self.rehearse(&loaded) {
            Ok(coverage) => {
                print(&self.render(&coverage, &loaded, file));
                ExitCode::from(u8::from(self.is_refused(&coverage)))
            }
            Err(refusal) => {
                let _ = writeln!(std::io::stderr(), "mainstay rehearse: {refusal}");
                ExitCode::from(WRONG_USAGE)
            }
        }
    }

    fn rehearse(&self, loaded: &Loaded) -> Result<Coverage, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| format!("this machine cannot look at what is kept: {error}"))?;
        let known = runtime.block_on(known(loaded))?;
        let resolved = (!self.offline).then(|| runtime.block_on(resolved(&loaded.landscape)));
        let from = self.at.unwrap_or_else(crate::clock::now);
        let until = from.checked_add(SignedDuration::from_hours(self.weeks * 7 * 24));
        let until = until.map_err(|_| "that is beyond the end of time".to_owned())?;
        let landscape = &loaded.landscape;
        let rehearsal = Rehearsal {
            landscape,
            known: known.as_ref(),
            from,
            until,
            resolved: resolved.as_ref(),
            require_proven: self.require_proven,
        };
        let chosen = self.chosen(loaded)?;
        let progress = Progress::new();
        Ok(rehearsal.play_some(&chosen, &mut |done, of| progress.show(done, of)))
    }

    fn chosen<'a>(&self, loaded: &'a Loaded) -> Result<Vec<&'a Dependency>, String> {
        let all = &loaded.landscape.dependencies;
        if self.names.is_empty() {
            return Ok(all.values().collect());
        }
        let find = |name: &String| {
            all.get(name.as_str()).ok_or_else(|| {
                let near = mainstay_model::nearest(name, all.keys().map(|known| known.as_str()));
                let hint = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
                format!("there is no dependency {name:?} in the configuration{hint}")
            })
        };
        self.names.iter().map(find).collect()
    }

    fn is_refused(&self, coverage: &Coverage) -> bool {
        coverage.holes.iter().any(|hole| hole.is_one() && !self.allow.contains(&hole.code))
    }

    fn render(&self, coverage: &Coverage, loaded: &Loaded, file: &Path) -> String {
        match self.output {
            Output::Text if self.names.is_empty() => text::whole(coverage, colours()),
            Output::Text => text::each(coverage, colours()),
            Output::Json => json(coverage),
            Output::Junit => junit::render(coverage),
            Output::Sarif => sarif::render(coverage, &loaded.places, file),
        }
    }
}

fn colours() -> bool {
    crate::terminal::colours(&std::io::stdout())
}

fn json(coverage: &Coverage) -> String {
    let mut whole = serde_json::json!({ "summary": coverage.sentence(), "sound": !coverage.has_holes() });
    if let (Some(whole), Ok(serde_json::Value::Object(rest))) =
        (whole.as_object_mut(), serde_json::to_value(coverage))
    {
        whole.extend(rest);
    }
    format!("{whole:#}\n")
}

/// What was written where the configuration says that everything is kept; `None` where nothing was yet.
async fn known(loaded: &Loaded) -> Result<Option<Known>, String> {
    let location = crate::location::of(&loaded.server);
    let beside = Store::known_at(&location).await;
    let beside = beside
        .map_err(|error| format!("what is kept cannot be read: {}", crate::tasks::record::in_full(&error)))?;
    Ok(beside.map(|beside| of_beside(beside, &loaded.landscape)))
}

/// What the resolvers of this machine say.
async fn resolved(landscape: &Landscape) -> Resolved {
    let prober = Prober::new(ProberOptions::default());
    crate::tasks::names::resolve(landscape, RESOLVED_WITHIN, async |lookup| prober.look_up(&lookup).await)
        .await
}

/// The same for the engine.
pub(crate) fn of_beside(beside: Beside, landscape: &Landscape) -> Known {
    let life = |end: &mainstay_model::NearestEnd| end.not_after.duration_since(end.not_before);
    Known {
        lives: beside.ends.into_iter().map(|(name, end)| (name, life(&end))).collect(),
        proven: mainstay_engine::proven_channels(&beside.channels, landscape),
        overrides: beside.overrides,
        silences: beside.silences,
    }
}

/// A bar on the terminal while it takes long; nothing anywhere else.
struct Progress {
    shown: bool,
}

impl Progress {
    fn new() -> Progress {
        Progress { shown: std::io::stderr().is_terminal() }
    }

    fn show(&self, done: usize, of: usize) {
        const WIDTH: usize = 40;
        if !self.shown || of == 0 {
            return;
        }
        let filled = WIDTH * done / of;
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled));
        let _ = write!(std::io::stderr(), "\rrehearsing {bar} {done} of {of}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn print(text: &str) {
    // A reader that has seen enough (`| head -1`) is no error.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests;
