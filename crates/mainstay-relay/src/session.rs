use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use mainstay_model::{Admission, AdmissionDecision, RefusalReason};
use mainstay_wire::relay::{Hop, Legs, Plain};
use mainstay_wire::{mysql, postgres, redis};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::debug;

use crate::Spoken;
use crate::leg::{Leg, Raw};
use crate::line::Line;
use crate::opening::{Opened, Opening};
use crate::pass::Pass;
use crate::places::Place;
use crate::pump::{Outcome, Pump};
use crate::refusal::Refusal;
use crate::relay::Hub;

/// An application and a server together may take this long to log in: as long as PostgreSQL itself allows.
const OPENING: Duration = Duration::from_secs(60);
/// What was said last is given this long to be read.
const FAREWELL: Duration = Duration::from_secs(1);

/// Whether there is room for another connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Free,
    /// There is none: the application is told so as soon as that can be said.
    Full,
}

/// An application that connected.
#[derive(Debug)]
pub(crate) struct Guest {
    /// Where it connected from.
    pub(crate) name: String,
    pub(crate) room: Room,
    /// Its own until it has left and leave is taken of all servers that were tried for it.
    pub(crate) place: Arc<Place>,
    /// Whether it comes over a network, where nothing of it may go in the clear.
    pub(crate) needs_tls: bool,
}

/// One connection, from its first byte to its last.
pub(crate) async fn serve(hub: Arc<Hub>, raw: Raw, guest: Guest) {
    hub.meter.opened();
    let opening = open(&hub, raw, &guest).await;
    if let Some((pump, pass, _key)) = opening {
        established(&hub, pump, &pass).await;
    }
    hub.meter.closed();
}

/// Makes the connection, tells how that was decided, and tells the application when it comes to nothing.
async fn open(
    hub: &Arc<Hub>,
    raw: Raw,
    guest: &Guest,
) -> Option<(Pump, Pass, Option<crate::cancel::KeptKey>)> {
    let mut opening = Opening::new(hub, hop(hub), Leg::Plain(raw), guest);
    let over = waiver_over(hub, opening.admitted());
    let outcome = tokio::select! {
        outcome = timeout(OPENING, opening.run()) => outcome.unwrap_or_else(|_| Err(opening.overdue())),
        () = over => Err(Refusal::new(RefusalReason::NotWaived, "the waiver ended before the log-in was over")),
        () = hub.stop.cancelled() => Err(Refusal::new(RefusalReason::Stopping, "the relay is stopping")),
    };
    if outcome.is_err() {
        opening.take_leave();
    }
    match outcome {
        // Nobody asked for anything: somebody looked whether the port is open, or the server would not have it.
        Ok(Opened::Finished) if !opening.heard => {
            if let (Some(leg), Some(line)) = (opening.leg.take(), opening.line.take()) {
                finish(leg, line).await;
            }
            None
        }
        Ok(opened) => {
            opening.tell_of_admission();
            let pass = opening.pass.take()?;
            let (leg, line) = (opening.leg.take()?, opening.line.take()?);
            if opened == Opened::Finished {
                finish(leg, line).await;
                return None;
            }
            let key = opening.key.take();
            let mut pump = Pump::new(leg, line, opening.hop.flow());
            pump.begin(&opening.received.client, &opening.received.server);
            Some((pump, pass, key))
        }
        // Somebody who connects and says nothing looks whether the port is open.
        Err(_) if !opening.heard && opening.received.client_ended => None,
        Err(refusal) => {
            refuse(hub, &mut opening, refusal, &guest.name).await;
            None
        }
    }
}

/// Waits until the waiver is over that a connection was admitted under while it is still being made.
async fn waiver_over(hub: &Hub, mut admitted: watch::Receiver<Option<Pass>>) {
    let pass = match admitted.wait_for(Option::is_some).await {
        Ok(pass) => pass.clone(),
        Err(_) => None,
    };
    match pass {
        Some(pass) => pass.over(&hub.settings.dependency, &hub.policy).await,
        None => std::future::pending().await,
    }
}

fn hop(hub: &Hub) -> Box<dyn Hop> {
    let legs = Legs { client_tls: hub.settings.acceptor.is_some(), server: hub.settings.upstream.start };
    match hub.settings.upstream.spoken {
        Spoken::Postgres => Box::new(postgres::RelayHop::new(legs)),
        Spoken::MySql => Box::new(mysql::RelayHop::new(legs)),
        Spoken::Redis => Box::new(redis::RelayHop::new(legs).with_peers(hub.settings.peers.clone())),
        Spoken::Other => Box::new(Plain::new(legs)),
    }
}

async fn refuse(hub: &Hub, opening: &mut Opening<'_>, refusal: Refusal, client: &str) {
    let Refusal { reason, message } = refusal;
    let dependency = &hub.settings.dependency;
    hub.meter.lines.refused(dependency, client, (reason, &message), Instant::now());
    let said = opening.hop.refusal(&hub.in_full(&message));
    let decision = AdmissionDecision::Refused { reason, message };
    hub.decided(Admission {
        at: hub.now(),
        dependency: dependency.clone(),
        client: client.to_owned(),
        address: opening.route.address.map(|address| address.to_string()),
        decision,
    });
    if let Some(leg) = opening.leg.take() {
        leave(leg, &said).await;
    }
}

/// Says something last, and waits until it is read or the other side is gone: closing at once would take back what is unread.
async fn leave(mut leg: Leg, said: &[u8]) {
    let _ = timeout(FAREWELL, async {
        leg.write_all(said).await?;
        leg.shutdown().await?;
        let mut rest = [0; 1024];
        while leg.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    })
    .await;
}

/// Waits until the server has taken note, as of a request to cancel.
async fn finish(leg: Leg, mut line: Line) {
    let _ = timeout(FAREWELL, async {
        let mut rest = [0; 64];
        while line.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    })
    .await;
    leave(leg, b"").await;
}

async fn established(hub: &Hub, mut pump: Pump, pass: &Pass) {
    let relay = &hub.settings.relay;
    let over = pass.over(&hub.settings.dependency, &hub.policy);
    tokio::pin!(over);
    let mut idle = relay.idle.map(|after| Idle { after, moves: 0, until: Instant::now() + after });
    let mut deadline = None;
    let mut because = "";
    let end = loop {
        tokio::select! {
            // The copying last: under full load it takes all the time that there is, and the ends would never come.
            biased;
            () = &mut over, if !pump.ending => {
                because = "the waiver that it was admitted under is over";
                pump.ending = true;
                deadline = Some(Instant::now() + relay.drain_within);
            }
            () = hub.stop.cancelled(), if !pump.ending => {
                because = "the relay is stopping";
                pump.ending = true;
                deadline = Some(Instant::now() + relay.drain_within);
            }
            () = until(deadline) => break End::Overdue,
            () = until(idle.as_ref().map(|idle| idle.until)) => match &mut idle {
                Some(idle) if idle.moves != pump.moves() => idle.begin_again(pump.moves()),
                _ => break End::Idle,
            },
            outcome = poll_fn(|cx| pump.poll(cx, &hub.meter)) => break End::of(outcome),
        }
    };
    debug!(relay.dependency = %hub.settings.dependency, relay.end = ?end, "a connection ended");
    end_it(hub, pump, end, because).await;
}

/// How an established connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// As its sides wanted.
    Over,
    /// By us, at a moment of rest.
    AtRest,
    /// By a fault of one side.
    Broken,
    /// By us, after the moment of rest did not come in time.
    Overdue,
    /// By us, since nothing happened for long.
    Idle,
}

impl End {
    fn of(outcome: Outcome) -> End {
        match outcome {
            Outcome::Over => End::Over,
            Outcome::AtRest => End::AtRest,
            Outcome::Broken => End::Broken,
        }
    }
}

/// Watches for a connection over which nothing goes any more.
struct Idle {
    after: Duration,
    moves: u64,
    until: Instant,
}

impl Idle {
    fn begin_again(&mut self, moves: u64) {
        self.moves = moves;
        self.until = Instant::now() + self.after;
    }
}

async fn end_it(hub: &Hub, pump: Pump, end: End, because: &str) {
    let Pump { leg, mut line, flow, .. } = pump;
    match end {
        // Where the end of the bytes is the end of the message, half of one must not look whole.
        End::Overdue | End::Broken
            if end == End::Overdue || hub.settings.upstream.spoken == Spoken::Other =>
        {
            leg.reset();
            line.reset();
        }
        End::AtRest => {
            let message =
                format!("Mainstay closes this connection to {}: {because}", hub.settings.dependency);
            let said = flow.farewell(&message);
            tokio::join!(leave(leg, &said), take_leave(&mut line, flow.goodbye()));
        }
        _ => {
            tokio::join!(leave(leg, b""), take_leave(&mut line, b""));
        }
    }
}

async fn take_leave(line: &mut Line, said: &[u8]) {
    let _ = timeout(FAREWELL, async {
        line.write_all(said).await?;
        line.shutdown().await
    })
    .await;
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
