//! The public status page: prepared when something changes, served from memory. No database on the request path.

mod bars;
mod figures;
mod page;
mod serve;
mod statuspage;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use jiff::Timestamp;
use mainstay_model::{Incident, Landscape};

use figures::Figures;
use serve::Prepared;

/// The page that is shown now. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Public(Arc<RwLock<Arc<Snapshot>>>);

/// Every public answer, rendered, each under its path.
#[derive(Debug, Default)]
pub struct Snapshot {
    answers: HashMap<String, Prepared>,
}

impl Public {
    /// A page that has nothing to show yet and says so.
    pub fn new() -> Public {
        Public::default()
    }

    /// Shows another snapshot from now on.
    pub fn replace(&self, snapshot: Snapshot) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// Everything that the public listener answers.
    pub fn router(self) -> Router {
        serve::router(self)
    }

    fn current(&self) -> Arc<Snapshot> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Snapshot {
    /// Renders every public answer. `incidents` are the published ones of the last 90 days, in any order; `watched_since` is
    /// when Mainstay first saw anything, so that the days before it are shown as unknown and not as good.
    pub fn render(
        landscape: &Landscape,
        incidents: &[Incident],
        watched_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Snapshot {
        let figures = Figures::of(landscape, incidents, watched_since, now);
        let mut answers = HashMap::new();
        answers.insert("/".to_owned(), Prepared::html(page::overview(&figures)));
        answers.insert("/history".to_owned(), Prepared::html(page::history(&figures)));
        for incident in &figures.incidents {
            answers.insert(
                format!("/incidents/{}", incident.id),
                Prepared::html(page::incident(&figures, incident)),
            );
        }
        for (path, document) in statuspage::documents(&figures) {
            answers.insert(format!("/api/v2/{path}"), Prepared::json(&document));
        }
        Snapshot { answers }
    }
}

#[cfg(test)]
mod tests;
