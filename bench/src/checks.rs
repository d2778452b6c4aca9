//! CPU time of verified TLS checks, each way of making them in turn, round by round in one run.

mod bare;
mod blackbox;
mod prober;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use bare::Opening;
use blackbox::Blackbox;
use jiff::Timestamp;
use mainstay_testkit::{Identity, Pki, Scenario};
use prober::Memory;

use crate::cpu;
use crate::serve::Server;

/// The name that the server's certificate is for.
const SERVER_NAME: &str = "db.example.test";

/// How much is measured.
pub(crate) struct Size {
    pub(crate) rounds: usize,
    /// Checks of each kind in each round.
    pub(crate) checks: u32,
}

impl Default for Size {
    fn default() -> Size {
        Size { rounds: 7, checks: 1000 }
    }
}

/// One way of making checks.
struct Subject {
    name: &'static str,
    /// Whose CPU time counts.
    pid: u32,
    run: Box<dyn FnMut(u32) -> anyhow::Result<()>>,
    /// CPU and wall-clock seconds per 1,000 checks, one a round.
    rounds: Vec<(f64, f64)>,
}

impl Subject {
    fn new(name: &'static str, pid: u32, run: impl FnMut(u32) -> anyhow::Result<()> + 'static) -> Subject {
        Subject { name, pid, run: Box::new(run), rounds: Vec::new() }
    }

    fn measure(&mut self, checks: u32) -> anyhow::Result<()> {
        let (cpu, wall) = (cpu::used_by(self.pid)?, Instant::now());
        (self.run)(checks).with_context(|| self.name)?;
        let per_thousand = |time: Duration| time.as_secs_f64() * 1000.0 / f64::from(checks);
        self.rounds.push((per_thousand(cpu::used_by(self.pid)? - cpu), per_thousand(wall.elapsed())));
        Ok(())
    }

    fn median_cpu(&self) -> f64 {
        median(self.rounds.iter().map(|(cpu, _)| *cpu).collect())
    }

    fn median_wall(&self) -> f64 {
        median(self.rounds.iter().map(|(_, wall)| *wall).collect())
    }
}

/// Measures and prints.
pub(crate) fn run(size: Size) -> anyhow::Result<()> {
    let material = Material::new()?;
    let server = Server::start(&material.directory)?;
    let mut subjects = subjects(&material, &server)?;
    // Warm caches, grown allocations and remembered chains are what a service that runs for months has.
    subjects.iter_mut().try_for_each(|subject| (subject.run)(size.checks / 10 + 1))?;
    for _ in 0..size.rounds {
        subjects.iter_mut().try_for_each(|subject| subject.measure(size.checks))?;
    }
    print(&subjects, &size);
    Ok(())
}

/// Certificates on disk for everybody who takes part.
struct Material {
    pki: Pki,
    directory: PathBuf,
}

impl Material {
    fn new() -> anyhow::Result<Material> {
        #[expect(clippy::disallowed_methods, reason = "the exporter beside us judges by the real clock")]
        let pki = Pki::new(Timestamp::now());
        let directory = std::env::temp_dir().join(format!("mainstay-bench-{}", std::process::id()));
        std::fs::create_dir(&directory)?;
        let identity: Identity = pki.identity(Scenario::Fine, SERVER_NAME);
        identity.write(&directory);
        pki.write_root(&directory);
        Ok(Material { pki, directory })
    }

    fn root_file(&self) -> PathBuf {
        self.directory.join("root.pem")
    }
}

impl Drop for Material {
    fn drop(&mut self) {
        // Nothing is lost when it stays.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn subjects(material: &Material, server: &Server) -> anyhow::Result<Vec<Subject>> {
    let this = std::process::id();
    let (tls, postgres) = (server.tls_port, server.postgres_port);
    let bare = |port, opening| bare::subject(&material.pki, port, opening);
    let mainstay = |url: String, memory| prober::subject(material, &url, memory);
    let (tls_url, postgres_url) =
        (format!("tls://127.0.0.1:{tls}"), format!("postgres://127.0.0.1:{postgres}"));
    let mut subjects = vec![
        Subject::new(BARE_TLS, this, bare(tls, Opening::Tls)?),
        Subject::new(PROBER_TLS, this, mainstay(tls_url.clone(), Memory::Kept)?),
        Subject::new(NEW_PROBER_TLS, this, mainstay(tls_url, Memory::None)?),
        Subject::new(BARE_POSTGRES, this, bare(postgres, Opening::Postgres)?),
        Subject::new(PROBER_POSTGRES, this, mainstay(postgres_url, Memory::Kept)?),
    ];
    match Blackbox::start(&material.directory)? {
        Some(exporter) => subjects.push(Subject::new(BLACKBOX, exporter.pid(), exporter.subject(tls))),
        None => println!("left out: no blackbox exporter (apt-get install prometheus-blackbox-exporter)"),
    }
    Ok(subjects)
}

const BARE_TLS: &str = "bare rustls, TLS";
const PROBER_TLS: &str = "Mainstay, tls://";
const NEW_PROBER_TLS: &str = "Mainstay, tls://, without memory";
const BARE_POSTGRES: &str = "bare rustls, SSLRequest and TLS";
const PROBER_POSTGRES: &str = "Mainstay, postgres://";
const BLACKBOX: &str = "blackbox exporter, TLS";

/// What each is compared with.
const COMPARED_WITH: [(&str, &str); 4] = [
    (PROBER_TLS, BARE_TLS),
    (NEW_PROBER_TLS, BARE_TLS),
    (PROBER_POSTGRES, BARE_POSTGRES),
    (BLACKBOX, BARE_TLS),
];

fn print(subjects: &[Subject], size: &Size) {
    println!("CPU seconds per 1,000 verified checks, median of {} rounds of {}", size.rounds, size.checks);
    println!(
        "Every check is a whole handshake. Mainstay remembers chains that it has verified, for as long as they are valid."
    );
    println!("{:<34}{:>8}{:>8}{:>8}", "", "CPU s", "wall s", "ratio");
    for subject in subjects {
        let base = COMPARED_WITH.iter().find(|(name, _)| *name == subject.name).map(|(_, base)| base);
        let base = base.and_then(|base| subjects.iter().find(|other| other.name == *base));
        let ratio = base.map(|base| format!("{:.2}", subject.median_cpu() / base.median_cpu()));
        let (cpu, wall) = (subject.median_cpu(), subject.median_wall());
        println!("{:<34}{cpu:>8.3}{wall:>8.3}{:>8}", subject.name, ratio.unwrap_or_default());
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A runtime of one thread: what is measured is work, not the waking of other threads.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn path_text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the temporary directory has a name in UTF-8")
}
