use std::collections::HashMap;
use std::time::Duration;

use mainstay_engine::Event;
use mainstay_model::DependencyName;
use mainstay_relay::News;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{Board, Uses};
use crate::tasks::record::Inbox;

/// The use of a waiver is written down this often at most: a busy relay admits thousands of connections in that time.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// That a server is refused is passed on this often at most, however many applications try.
const REFUSED_EVERY: Duration = Duration::from_secs(2);

/// What relays tell, on its way to the pages and to the recorder.
pub(crate) struct Told {
    /// What they tell.
    pub(crate) news: mpsc::Receiver<News>,
    /// For the pages.
    pub(crate) board: Board,
    /// The way to the recorder.
    pub(crate) inbox: Inbox,
    /// When it was passed on last that the server of a dependency is refused.
    pub(crate) refused: HashMap<DependencyName, Instant>,
}

impl Told {
    /// Takes down what relays tell until told to stop, and then what is left.
    pub(crate) async fn follow(mut self, stop: CancellationToken) {
        let mut uses = Uses::default();
        let mut pace = tokio::time::interval(TELL_EVERY);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = pace.tick() => self.tell(&mut uses).await,
                news = self.news.recv() => match news {
                    Some(news) => self.heard(news, &mut uses).await,
                    None => break,
                },
            }
        }
        while let Ok(news) = self.news.try_recv() {
            self.heard(news, &mut uses).await;
        }
        self.tell(&mut uses).await;
    }

    async fn heard(&mut self, news: News, uses: &mut Uses) {
        self.board.heard(&news, Instant::now());
        match news {
            News::Decided(admission) => {
                uses.count(&admission);
                if admission.decision.is_of_the_server() && self.is_due(&admission.dependency, Instant::now())
                {
                    self.inbox.send(Event::RelayRefused(admission.dependency)).await;
                }
            }
            News::FullyVerified { waiver, .. } => {
                // What was admitted before is told before the end.
                self.tell(uses).await;
                self.inbox.send(Event::FullyVerified { waiver }).await;
            }
            News::Shadow { .. } => {}
        }
    }

    fn is_due(&mut self, name: &DependencyName, now: Instant) -> bool {
        let is_due = self.refused.get(name).is_none_or(|last| now.duration_since(*last) >= REFUSED_EVERY);
        if is_due {
            self.refused.insert(name.clone(), now);
        }
        is_due
    }

    async fn tell(&self, uses: &mut Uses) {
        for (waiver, count, at) in std::mem::take(uses).all() {
            self.inbox.send(Event::WaiverUsed { waiver, count, at }).await;
        }
    }
}
