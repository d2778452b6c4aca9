use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

/// What asks for the addresses of a name.
pub(crate) trait Looking: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static {}
impl<F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static> Looking for F {}

/// A lookup that was begun, which several wait for. It cannot be given up: the system's resolver keeps its thread until it has an
/// answer or has had enough, and there are only so many threads for everything.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    began: Instant,
    /// Once there is an outcome.
    outcome: watch::Receiver<Option<Outcome>>,
}

type Outcome = Result<Vec<SocketAddr>, Arc<io::Error>>;

impl Lookup {
    /// Goes on by itself, and gives the answer to `keep` before anybody else has it.
    pub(crate) fn begin(looking: impl Looking, keep: impl FnOnce(&[SocketAddr]) + Send + 'static) -> Lookup {
        let (tell, outcome) = watch::channel(None);
        tokio::spawn(async move {
            let found = looking.await;
            if let Ok(found) = &found {
                keep(found);
            }
            tell.send_replace(Some(found.map_err(Arc::new)));
        });
        Lookup { began: Instant::now(), outcome }
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// One that ended without an outcome, as with its runtime, is not.
    pub(crate) fn is_under_way(&self) -> bool {
        self.outcome.borrow().is_none() && self.outcome.has_changed().is_ok()
    }

    pub(crate) async fn outcome(&mut self) -> io::Result<Vec<SocketAddr>> {
        let outcome = self.outcome.wait_for(Option::is_some).await.map_err(io::Error::other)?.clone();
        outcome.unwrap_or_else(|| Ok(Vec::new())).map_err(|error| io::Error::new(error.kind(), error))
    }
}
