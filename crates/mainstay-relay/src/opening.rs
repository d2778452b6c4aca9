use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mainstay_model::RefusalReason;
use mainstay_tls::CertificateDer;
use mainstay_wire::relay::{CancelKey, Hop, HopError, HopStep, Received, Side};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::addresses::Health;
use crate::cancel::KeptKey;
use crate::dial::{self, Denial, Purpose};
use crate::leg::Leg;
use crate::line::Line;
use crate::pass::Pass;
use crate::refusal::Refusal;
use crate::relay::Hub;
use crate::route::Route;
use crate::scout;
use crate::session::{Guest, Room};

/// The steps that a hop may take without hearing anything; no protocol needs a tenth of this, and one that goes in circles is cut off.
const MOST_IDLE_STEPS: usize = 1_000;
/// Read at once while a connection is made.
const CHUNK: usize = 16 * 1024;
/// An application has this long for its log-in where the server counts who is slow: by default servers wait ten seconds
/// (`connect_timeout`), and leave must be taken before.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection while it is being made.
pub(crate) struct Opening<'a> {
    hub: &'a Arc<Hub>,
    pub(crate) hop: Box<dyn Hop>,
    /// Gone only while TLS is taken up on it.
    pub(crate) leg: Option<Leg>,
    pub(crate) line: Option<Line>,
    pub(crate) received: Received,
    pub(crate) route: Route<'a>,
    pub(crate) pass: Option<Pass>,
    /// By which its statements can be cancelled.
    pub(crate) key: Option<KeptKey>,
    /// Tells by what it was admitted as soon as that is decided.
    admitted: watch::Sender<Option<Pass>>,
    guest: &'a Guest,
    /// Whether it was told that the connection was admitted.
    is_told: bool,
    pub(crate) chain: Option<Arc<[CertificateDer<'static>]>>,
    /// Whether the application has said anything at all.
    pub(crate) heard: bool,
    /// Since when the server waits for the application.
    awaited: Option<Instant>,
    /// Whether all that the application wants is that a statement be cancelled.
    cancels: bool,
}

/// How a connection's beginning ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// The log-in is over.
    Established,
    /// There was nothing more to do.
    Finished,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(hub: &'a Arc<Hub>, hop: Box<dyn Hop>, leg: Leg, guest: &'a Guest) -> Opening<'a> {
        Opening {
            hub,
            hop,
            leg: Some(leg),
            line: None,
            received: Received::default(),
            route: Route::new(hub),
            pass: None,
            key: None,
            admitted: watch::Sender::new(None),
            guest,
            is_told: false,
            chain: None,
            heard: false,
            awaited: None,
            cancels: false,
        }
    }

    /// Goes on until the log-in is over.
    pub(crate) async fn run(&mut self) -> Result<Opened, Refusal> {
        let mut idle = 0;
        while idle < MOST_IDLE_STEPS {
            let step = match self.hop.step(&mut self.received) {
                Ok(step) => step,
                Err(error @ HopError::Broken { side: Side::Server, .. }) => {
                    self.failed(Refusal::of_hop(&error))?;
                    continue;
                }
                Err(error) => return Err(Refusal::of_hop(&error)),
            };
            match step {
                HopStep::ReadClient | HopStep::ReadServer | HopStep::ReadEither => idle = 0,
                _ => idle += 1,
            }
            let opened = match self.until() {
                Some(until) => timeout_at(until, self.take(step)).await.unwrap_or_else(|_| Err(slow()))?,
                None => self.take(step).await?,
            };
            if let Some(opened) = opened {
                return Ok(opened);
            }
        }
        Err(Refusal::new(RefusalReason::ClientProtocol, "the connection goes in circles"))
    }

    /// Until when the application must have begun its log-in, while a server counts who is slow.
    fn until(&mut self) -> Option<Instant> {
        self.hop.is_awaited().then(|| *self.awaited.get_or_insert_with(Instant::now) + PATIENCE)
    }

    async fn take(&mut self, step: HopStep) -> Result<Option<Opened>, Refusal> {
        match step {
            HopStep::ToClient(bytes) => self.tell_client(&bytes).await?,
            HopStep::ToServer(bytes) => self.tell_server(&bytes).await?,
            HopStep::ReadClient => {
                read(&mut self.leg, &mut self.received.client, &mut self.received.client_ended).await;
                self.heard |= !self.received.client.is_empty();
            }
            HopStep::ReadServer => self.read_server().await?,
            HopStep::ReadEither => {
                self.read_either().await;
                self.heard |= !self.received.client.is_empty();
            }
            HopStep::Dial => self.dial().await?,
            HopStep::DialFor(key) => self.dial_for(&key).await?,
            HopStep::ClientTls => self.take_up_tls().await?,
            HopStep::ServerTls => self.secure().await?,
            HopStep::Established => {
                self.refuse_plaintext()?;
                return Ok(Some(Opened::Established));
            }
            HopStep::Finished => return Ok(Some(Opened::Finished)),
        }
        Ok(None)
    }

    async fn tell_client(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.keep_key();
        let Some(leg) = &mut self.leg else { return Err(gone()) };
        let written = async {
            leg.write_all(bytes).await?;
            leg.flush().await
        };
        written.await.map_err(|_| gone())
    }

    /// Before the application is told of it, for it may use it at once.
    fn keep_key(&mut self) {
        if let (None, Some(key), Some(address)) = (&self.key, self.hop.cancel_key(), self.route.address) {
            self.key = Some(self.hub.cancel_keys.keep(key.clone(), address));
        }
    }

    /// What an application on another machine says without TLS goes no further, so that nobody gets used to it. Requests to cancel
    /// do: libpq sent them in plaintext alone up to version 16, however its sessions went, and so do drivers that build on it.
    fn refuse_plaintext(&self) -> Result<(), Refusal> {
        let is_plain = matches!(self.leg, Some(Leg::Plain(_)));
        if !self.guest.needs_tls || !is_plain || self.received.client_ended || self.cancels {
            return Ok(());
        }
        let message = "from other machines this relay is spoken to by TLS only; switch TLS on in the application, or say that it may do \
                       without (`plaintext_from_network: true`)";
        Err(Refusal::new(RefusalReason::NotAllowed, message))
    }

    async fn tell_server(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.refuse_plaintext()?;
        let Some(line) = &mut self.line else { return Err(gone()) };
        let written = async {
            line.write_all(bytes).await?;
            line.flush().await
        };
        match written.await {
            Ok(()) => Ok(()),
            Err(error) => self.failed(Refusal::of_upstream(&error)),
        }
    }

    /// Until the server is admitted its silence is bounded; afterwards it may think about a log-in for as long as that may take.
    async fn read_server(&mut self) -> Result<(), Refusal> {
        let reading = read(&mut self.line, &mut self.received.server, &mut self.received.server_ended);
        if self.pass.is_some() {
            reading.await;
            return Ok(());
        }
        let within = self.route.allowance.within();
        match self.route.allowance.spend(timeout(within, reading)).await {
            Ok(()) => Ok(()),
            Err(_) => self.failed(Refusal::new(
                RefusalReason::Unreachable,
                "the server accepted the connection and then was silent or too slow",
            )),
        }
    }

    async fn read_either(&mut self) {
        let Received { client, server, client_ended, server_ended } = &mut self.received;
        tokio::select! {
            () = read(&mut self.leg, client, client_ended), if !*client_ended => {}
            () = read(&mut self.line, server, server_ended), if !*server_ended => {}
            // Both have ended; the hop sees that.
            else => {}
        }
    }

    /// Connects to the next address that is likely to serve.
    async fn dial(&mut self) -> Result<(), Refusal> {
        if self.guest.room == Room::Full {
            let most = self.hub.settings.relay.most_connections;
            let message =
                format!("{most} connections are open, and more are not allowed (`most_connections`)");
            return Err(Refusal::new(RefusalReason::TooMany, message));
        }
        let stream = self.route.next().await?;
        self.reached(stream);
        Ok(())
    }

    async fn dial_for(&mut self, key: &CancelKey) -> Result<(), Refusal> {
        // As servers do with a key that nobody has: no answer, and nothing in it that tells whether it exists.
        let Some(address) = self.hub.cancel_keys.address(key) else { return Err(gone()) };
        self.cancels = true;
        let stream = self.route.to(address).await?;
        self.reached(stream);
        Ok(())
    }

    fn reached(&mut self, stream: TcpStream) {
        self.line = Some(Line::Plain(stream));
        self.received.server.clear();
        self.received.server_ended = false;
    }

    async fn take_up_tls(&mut self) -> Result<(), Refusal> {
        let read = std::mem::take(&mut self.received.client);
        let (Some(leg), Some(acceptor)) = (self.leg.take(), &self.hub.settings.acceptor) else {
            return Err(gone());
        };
        let secured = leg.secured(acceptor, read).await.map_err(|error| {
            let message = format!("the TLS handshake with the application failed: {error}");
            Refusal::new(RefusalReason::ClientProtocol, message)
        })?;
        self.leg = Some(secured);
        Ok(())
    }

    /// The handshake with the server. One that is not admitted is left for another.
    async fn secure(&mut self) -> Result<(), Refusal> {
        let (Some(Line::Plain(stream)), Some(address)) = (self.line.take(), self.route.address) else {
            return Err(gone());
        };
        let within = self.route.allowance.within();
        let securing = dial::secure(self.hub, stream, address, Purpose::Application, within);
        match self.route.allowance.spend(securing).await {
            Ok(secured) => {
                self.line = Some(Line::Secure(Box::new(secured.stream)));
                self.admitted.send_replace(Some(secured.pass.clone()));
                self.pass = Some(secured.pass);
                self.chain = Some(secured.chain);
                if self.heard {
                    self.tell_of_admission();
                }
                Ok(())
            }
            Err(Denial { refusal, stream }) => {
                self.line = stream.map(Line::Secure);
                self.take_leave();
                self.go_elsewhere(refusal)
            }
        }
    }

    /// The server broke off, fell silent or does not speak as it should.
    fn failed(&mut self, why: Refusal) -> Result<(), Refusal> {
        if self.pass.is_some() {
            return Err(why);
        }
        // One that waits for the application may lose patience, and is none the worse for it.
        if let Some(address) = self.route.address.filter(|_| self.awaited.is_none()) {
            self.hub.addresses.note(address, Health::Unreachable);
        }
        // One that is merely slow counts it when it is left without a word.
        self.take_leave();
        self.go_elsewhere(why)
    }

    /// Leaves a server that is not to be had for another, where there is one and it is not too late.
    fn go_elsewhere(&mut self, why: Refusal) -> Result<(), Refusal> {
        if !self.route.has_others() || !self.hop.redial() {
            return Err(why);
        }
        self.route.leave(&why);
        self.line = None;
        Ok(())
    }

    /// Leaves a server that counts connections that break off. The application need not wait for that, but its place is taken meanwhile:
    /// a server that is slow in this must not have more connections than there may be.
    pub(crate) fn take_leave(&mut self) {
        if let (Some(line), Some(address)) = (self.line.take(), self.route.address)
            && let Some(farewell) = self.hop.take_leave()
        {
            let (hub, input) = (self.hub.clone(), std::mem::take(&mut self.received.server));
            let place = self.guest.place.clone();
            self.hub.under_way.spawn(async move {
                scout::take_leave(hub, address, line, farewell, input).await;
                drop(place);
            });
        }
    }

    /// It was not over in time. Once the server is called and as long as it is not admitted, that is not the application's doing.
    pub(crate) fn overdue(&self) -> Refusal {
        match self.route.called && self.pass.is_none() {
            true => Refusal::new(RefusalReason::Unreachable, "the server was not reached within a minute"),
            false => Refusal::new(RefusalReason::ClientProtocol, "the log-in was not over within a minute"),
        }
    }

    /// By what it is admitted, once that is decided.
    pub(crate) fn admitted(&self) -> watch::Receiver<Option<Pass>> {
        self.admitted.subscribe()
    }

    /// Tells once that it was admitted: when the application's words go to the server, whatever becomes of the log-in.
    pub(crate) fn tell_of_admission(&mut self) {
        let (Some(pass), Some(address)) = (&self.pass, self.route.address) else { return };
        if !std::mem::replace(&mut self.is_told, true) {
            self.hub.admitted(pass, self.chain.as_deref(), address, &self.guest.name);
        }
    }
}

fn slow() -> Refusal {
    let message = format!(
        "the application did not log in within {} of the server's greeting, and the server locks out whoever is too slow too often",
        mainstay_model::HumanDuration(PATIENCE)
    );
    Refusal::new(RefusalReason::ClientProtocol, message)
}

/// The application went away; nobody is left to be told.
fn gone() -> Refusal {
    Refusal::new(RefusalReason::ClientProtocol, "the application went away")
}

/// Reads what there is. A broken connection counts as one that ended.
async fn read<S: AsyncRead + Unpin>(from: &mut Option<S>, into: &mut BytesMut, ended: &mut bool) {
    let Some(stream) = from else {
        *ended = true;
        return;
    };
    into.reserve(CHUNK);
    match stream.read_buf(into).await {
        Ok(0) | Err(_) => *ended = true,
        Ok(_) => {}
    }
}
