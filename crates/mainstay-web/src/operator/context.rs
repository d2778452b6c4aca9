use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mainstay_engine::{Action, Event};
use mainstay_model::{PersonName, ScheduleName};
use mainstay_store::{CertificateOnDuty, StoreError};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::api::Heard;
use super::by::By;
use super::courses::Courses;
use super::duties::Duties;
use super::known::Known;
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
    duties: Duties,
    pub(super) heard: Heard,
    pub(super) live: Arc<Semaphore>,
}

impl Context {
    pub(super) fn new(operator: Operator) -> Context {
        let live = Arc::new(Semaphore::new(LIVE_PAGES));
        Context {
            operator,
            courses: Courses::default(),
            duties: Duties::default(),
            heard: Heard::default(),
            live,
        }
    }

    /// The certificates that configured dependencies present, soonest end first.
    pub(super) async fn certificates(
        &self,
        known: &Known,
    ) -> Result<Arc<Vec<CertificateOnDuty>>, StoreError> {
        self.duties.of(&self.operator, known).await
    }

    /// Who is on call by a schedule at that moment.
    pub(super) fn on_call(&self, schedule: &ScheduleName, at: Timestamp) -> Option<PersonName> {
        let state = self.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        Some(state.on_call(schedule.as_str(), at)?.now?.person)
    }

    /// Hands on what a person did, and waits until it is committed.
    pub(super) async fn submit(&self, by: By, action: Action) -> Result<(), Trouble> {
        self.record(Event::Operator { by: by.0, action }).await
    }

    /// Hands on what happened, and waits until it is committed.
    pub(super) async fn record(&self, event: Event) -> Result<(), Trouble> {
        hand_on(&self.operator.submit, event, PATIENCE).await
    }
}

async fn hand_on(submit: &mpsc::Sender<Submitted>, event: Event, patience: Duration) -> Result<(), Trouble> {
    let until = Instant::now() + patience;
    let (done, committed) = oneshot::channel();
    match timeout_at(until, submit.send(Submitted { event, done })).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return Err(Trouble::not_recorded("the recorder is gone")),
        Err(_) => return Err(Trouble::not_recorded("the recorder took nothing more in time")),
    }
    match timeout_at(until, committed).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Trouble::not_recorded("the recorder ended before it could write it")),
        // The recorder has it, and does not let go of it before it is written or Mainstay is stopped.
        Err(_) => Err(Trouble::not_recorded_yet("the recorder has not written it in time")),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::response::IntoResponse;

    use super::*;

    /// How it is answered when the recorder does this with what it is given.
    async fn check(recorder: impl Fn(Submitted) + Send + 'static, expected: Result<(), StatusCode>) {
        let (submit, mut submitted) = mpsc::channel(1);
        tokio::spawn(async move { submitted.recv().await.map(recorder) });
        assert_eq!(answered(&submit, PATIENCE).await, expected);
    }

    async fn answered(submit: &mpsc::Sender<Submitted>, patience: Duration) -> Result<(), StatusCode> {
        let answer = hand_on(submit, Event::Tick, patience).await;
        answer.map_err(|trouble| trouble.into_response().status())
    }

    #[tokio::test]
    async fn what_is_written_is_told_from_what_never_will_be() {
        check(|one| one.done.send(()).unwrap(), Ok(())).await;
        check(drop, Err(StatusCode::SERVICE_UNAVAILABLE)).await;
        let (submit, submitted) = mpsc::channel(1);
        drop(submitted);
        assert_eq!(answered(&submit, PATIENCE).await, Err(StatusCode::SERVICE_UNAVAILABLE));
    }

    #[tokio::test]
    async fn what_the_recorder_has_may_be_written_later_and_what_it_never_took_will_not() {
        let (submit, _submitted) = mpsc::channel(1);
        assert_eq!(answered(&submit, Duration::ZERO).await, Err(StatusCode::GATEWAY_TIMEOUT));
        assert_eq!(answered(&submit, Duration::ZERO).await, Err(StatusCode::SERVICE_UNAVAILABLE));
    }
}
