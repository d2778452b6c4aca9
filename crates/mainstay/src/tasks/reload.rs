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

use crate::config::{self, Loaded, Problem};
use crate::tasks::record::Inbox;

/// How often the file is looked at, which sees what notifications of the file system miss: editors that replace the file,
/// and mounted configuration of containers.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Takes over new versions of the configuration: when the file changes, or on SIGHUP. A bad version is refused and the old
/// one goes on.
pub(crate) struct Reloader {
    /// SIGHUP.
    pub(crate) asked: Signal,
    pub(crate) path: PathBuf,
    /// What was loaded at the start: settings outside the landscape change only with a restart.
    pub(crate) loaded: Loaded,
    pub(crate) landscape: watch::Sender<Arc<Landscape>>,
    pub(crate) inbox: Inbox,
}

impl Reloader {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut taken = self.stamp().await;
        let mut before = taken;
        loop {
            let by_hand = tokio::select! {
                () = stop.cancelled() => return,
                _ = self.asked.recv() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let stamp = self.stamp().await;
            // A file that is still being written is not refused half-way: it has to look the same twice.
            if by_hand || (stamp != taken && stamp == before) {
                taken = stamp;
                self.reload().await;
            }
            before = stamp;
        }
    }

    /// Tells versions of the file apart without reading it; a file that is away is a version too.
    async fn stamp(&self) -> Option<[i64; 5]> {
        let facts = tokio::fs::metadata(&self.path).await.ok()?;
        let inode = i64::from_ne_bytes(facts.ino().to_ne_bytes());
        let length = i64::from_ne_bytes(facts.len().to_ne_bytes());
        Some([inode, length, facts.mtime(), facts.mtime_nsec(), facts.ctime_nsec()])
    }

    async fn reload(&mut self) {
        let path = self.path.clone();
        // A large file takes a while to read, which must not hold up checks.
        let loading = tokio::task::spawn_blocking(move || config::load(&path, &config::environment));
        let Ok(loaded) = loading.await else {
            return error!("the new configuration could not be read: please report what stands above");
        };
        match loaded {
            Ok(loaded) => self.accept(loaded).await,
            Err(problems) => {
                let problems: Vec<String> = problems.0.iter().map(Problem::line).collect();
                warn!("the new configuration is refused and the old one goes on: {}", problems.join("; "));
                self.inbox.send(Event::ConfigurationRefused { problems }).await;
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
