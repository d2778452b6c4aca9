use mainstay_model::{Phase, Phases};
use tokio::time::Instant;

/// Which phase a check is in, and how long each one took.
#[derive(Debug)]
pub(crate) struct PhaseClock {
    phase: Phase,
    since: Instant,
    phases: Phases,
}

impl PhaseClock {
    /// Begins with the connection attempt.
    pub(crate) fn start() -> PhaseClock {
        PhaseClock { phase: Phase::Connect, since: Instant::now(), phases: Phases::default() }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Ends the present phase, keeps its time, and begins the next.
    pub(crate) fn enter(&mut self, next: Phase) {
        self.stop();
        self.phase = next;
    }

    /// The same, unless the phase has begun already.
    pub(crate) fn enter_once(&mut self, next: Phase) {
        if self.phase != next {
            self.enter(next);
        }
    }

    /// Keeps the time of the present phase so far, as when it failed or was the last. The first time kept stays.
    pub(crate) fn stop(&mut self) {
        let now = Instant::now();
        let spent = milliseconds(now.duration_since(self.since));
        if let Some(kept) = slot(&mut self.phases, self.phase) {
            kept.get_or_insert(spent);
        }
        self.since = now;
    }

    /// The times kept so far.
    pub(crate) fn phases(&self) -> Phases {
        self.phases
    }
}

/// Milliseconds with three decimals: microseconds are as fine as a network phase means anything.
pub(crate) fn milliseconds(length: std::time::Duration) -> f64 {
    length.as_micros() as f64 / 1000.0
}

fn slot(phases: &mut Phases, phase: Phase) -> Option<&mut Option<f64>> {
    match phase {
        Phase::Resolve => None,
        Phase::Connect => Some(&mut phases.connect_ms),
        Phase::Upgrade => Some(&mut phases.upgrade_ms),
        Phase::Tls => Some(&mut phases.tls_ms),
        Phase::Ready => Some(&mut phases.ready_ms),
        Phase::Login => Some(&mut phases.login_ms),
        Phase::Query => Some(&mut phases.query_ms),
    }
}
