use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mainstay_engine::Event;
use mainstay_model::Landscape;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{self, Loaded, Problem};
use crate::tasks::record::Inbox;

/// How often the file is looked at. Reading a few kilobytes is cheap, and sees what notifications of the file system miss:
/// editors that replace the file, and mounted configuration of containers.
const LOOK_EVERY: Duration = Duration::from_secs(2);

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
        let mut seen = self.fingerprint().await;
        loop {
            let by_hand = tokio::select! {
                () = stop.cancelled() => return,
                _ = self.asked.recv() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let fingerprint = self.fingerprint().await;
            if by_hand || fingerprint != seen {
                seen = fingerprint;
                self.reload().await;
            }
        }
    }

    /// Stands for the content of the file; a file that cannot be read is a content too.
    async fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        tokio::fs::read(&self.path).await.ok().hash(&mut hasher);
        hasher.finish()
    }

    async fn reload(&mut self) {
        match config::load(&self.path, &config::environment) {
            Ok(loaded) => self.accept(loaded).await,
            Err(problems) => {
                let problems: Vec<String> = problems.0.iter().map(Problem::line).collect();
                warn!("the new configuration is refused and the old one goes on: {}", problems.join("; "));
                self.inbox.send(Event::ConfigurationRefused { problems }).await;
            }
        }
    }

    async fn accept(&mut self, loaded: Loaded) {
        if loaded.server != self.loaded.server {
            warn!("changes of `server` other than `public_url` and `references` take effect with a restart");
        }
        let landscape = Arc::new(loaded.landscape.clone());
        info!("a new configuration is in force, with {} dependencies", landscape.dependencies.len());
        self.loaded.landscape = loaded.landscape;
        // The engine first, so that no report of a new dependency reaches it before it knows of it.
        if self.inbox.record(Event::Configured(landscape.clone())).await {
            self.landscape.send_replace(landscape);
        }
    }
}
