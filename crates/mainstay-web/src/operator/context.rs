use std::sync::Arc;
use std::time::Duration;

use mainstay_engine::{Action, Event};
use tokio::sync::{Semaphore, oneshot};

use super::courses::Courses;
use super::trouble::Trouble;
use super::{Operator, Submitted};

/// At most so many pages are told of changes at once; each costs a connection and a task.
const LIVE_PAGES: usize = 512;

/// How long a person waits for an answer before being told that there is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// What every handler shares.
#[derive(Debug)]
pub(crate) struct Context {
    pub(super) operator: Operator,
    pub(super) courses: Courses,
    pub(super) live: Arc<Semaphore>,
}

impl Context {
    pub(super) fn new(operator: Operator) -> Context {
        Context { operator, courses: Courses::default(), live: Arc::new(Semaphore::new(LIVE_PAGES)) }
    }

    /// Hands on what a person did, and waits until it is committed.
    pub(super) async fn submit(&self, action: Action) -> Result<(), Trouble> {
        // There is no log-in yet, so nobody has a name.
        let event = Event::Operator { by: "operator".into(), action };
        let (done, committed) = oneshot::channel();
        let submitted = Submitted { event, done };
        let handed_on =
            async { self.operator.submit.send(submitted).await.is_ok() && committed.await.is_ok() };
        match tokio::time::timeout(PATIENCE, handed_on).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Trouble::not_recorded("the recorder refused or is gone")),
            Err(_) => Err(Trouble::not_recorded("the recorder did not answer in time")),
        }
    }
}
