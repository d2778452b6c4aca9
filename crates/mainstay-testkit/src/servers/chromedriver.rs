use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::keeper::Keeper;
use super::place::Place;
use super::requirement::find_program;
use super::{Missing, free_port};

/// What a test's browser is started with: no window, no sandbox (tests may run as root), and no calls home.
const ARGUMENTS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// A chromedriver, which starts a Chromium for each session that it is asked for and ends them all when it is dropped.
#[derive(Debug)]
pub struct Chromedriver {
    keeper: Keeper,
    port: u16,
    profiles: AtomicU32,
}

impl Chromedriver {
    /// Whether Chromium and its driver are installed here.
    pub fn available() -> Result<(), Missing> {
        let missing =
            Missing::new("chromedriver is not installed", "apt-get install chromium chromium-driver");
        find_program("chromedriver", &[]).map(|_| ()).ok_or(missing)
    }

    /// Starts a driver.
    ///
    /// # Panics
    /// When it does not start; with its log.
    pub fn start() -> Chromedriver {
        let program = find_program("chromedriver", &[]).expect("the test asks available() first");
        let port = free_port();
        let driver = [program.display().to_string(), format!("--port={port}")];
        let keeper =
            Keeper::start(Place::new("chromedriver", &[]), &driver, "TERM", "was started successfully");
        Chromedriver { keeper, port, profiles: AtomicU32::new(0) }
    }

    /// The address at which sessions are asked for.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The arguments for one browser, with a profile of its own.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|one| (*one).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", self.profile().display()));
        arguments
    }

    fn profile(&self) -> PathBuf {
        let number = self.profiles.fetch_add(1, Ordering::Relaxed);
        self.keeper.place.path(&format!("profile-{number}"))
    }
}
