use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mainstay_engine::Event;
use mainstay_model::Landscape;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::config::{self, Loaded, Problem, Problems};
use crate::tasks::record::Inbox;

/// How often the file is looked at, which sees what notifications of the file system miss: editors that replace the file,
/// and mounted configuration of containers.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The versions of the configuration's file that come after the one the program started with: when the file changes, or on SIGHUP.
pub(crate) struct Versions {
    path: PathBuf,
    /// SIGHUP.
    asked: Signal,
    taken: Stamp,
    before: Stamp,
}

/// Tells versions of the file apart without reading it; a file that is away is a version too.
type Stamp = Option<[i64; 5]>;

impl Versions {
    pub(crate) fn new(path: PathBuf, asked: Signal) -> Versions {
        let now = std::fs::metadata(&path).ok().map(stamp);
        Versions { path, asked, taken: now, before: now }
    }

    /// Waits for the next version, and loads it.
    pub(crate) async fn next(&mut self) -> Result<Loaded, Problems> {
        loop {
            let by_hand = tokio::select! {
                _ = self.asked.recv() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let now = tokio::fs::metadata(&self.path).await.ok().map(stamp);
            // A file that is still being written is not refused half-way: it has to look the same twice.
            let is_due = by_hand || (now != self.taken && now == self.before);
            self.before = now;
            if is_due {
                self.taken = now;
                let path = self.path.clone();
                // A large file takes a while to read, which must not hold up checks.
                match tokio::task::spawn_blocking(move || config::load(&path, &config::environment)).await {
                    Ok(loaded) => return loaded,
                    Err(_) => {
                        error!("the new configuration could not be read: please report what stands above");
                    }
                }
            }
        }
    }
}

fn stamp(facts: Metadata) -> [i64; 5] {
    let inode = i64::from_ne_bytes(facts.ino().to_ne_bytes());
    let length = i64::from_ne_bytes(facts.len().to_ne_bytes());
    [inode, length, facts.mtime(), facts.mtime_nsec(), facts.ctime_nsec()]
}

/// Logs why a version is not taken over, and gives the reasons.
pub(crate) fn refused(problems: &Problems) -> Vec<String> {
    let problems: Vec<String> = problems.0.iter().map(Problem::line).collect();
    warn!("the new configuration is refused and the old one goes on: {}", problems.join("; "));
    problems
}

/// Takes over new versions of the configuration. A bad version is refused and the old one goes on.
pub(crate) struct Reloader {
    pub(crate) versions: Versions,
    /// What was loaded at the start: settings outside the landscape change only with a restart.
    pub(crate) loaded: Loaded,
    pub(crate) landscape: watch::Sender<Arc<Landscape>>,
    pub(crate) inbox: Inbox,
}

impl Reloader {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let version = tokio::select! {
                () = stop.cancelled() => return,
                version = self.versions.next() => version,
            };
            match version {
                Ok(loaded) => self.accept(loaded).await,
                Err(problems) => {
                    let problems = refused(&problems);
                    self.inbox.send(Event::ConfigurationRefused { problems }).await;
                }
            }
        }
    }

    async fn accept(&mut self, loaded: Loaded) {
        for warning in &loaded.warnings {
            warn!("{}", warning.line());
        }
        if self.needs_restart(&loaded) {
            warn!(
                "new addresses to listen on, data_dir, database, retention, heartbeat and revocation_lists take effect with a restart"
            );
        }
        let landscape = Arc::new(loaded.landscape.clone());
        info!("a new configuration is in force, with {} dependencies", landscape.dependencies.len());
        self.loaded = loaded;
        // The engine first, so that no report of a new dependency reaches it before it knows of it.
        if self.inbox.record(Event::Configured(landscape.clone())).await {
            self.landscape.send_replace(landscape);
        }
    }

    fn needs_restart(&self, new: &Loaded) -> bool {
        let fixed = |loaded: &Loaded| {
            let server = &loaded.server;
            let listen = (server.listen, loaded.landscape.status_page.listen);
            (
                listen,
                server.data_dir.clone(),
                server.database.clone(),
                server.retention,
                server.heartbeat.clone(),
                server.revocation_lists,
            )
        };
        fixed(new) != fixed(&self.loaded)
    }
}
