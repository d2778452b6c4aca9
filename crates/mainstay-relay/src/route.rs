use std::collections::VecDeque;
use std::net::SocketAddr;

use mainstay_model::RefusalReason;
use tokio::net::TcpStream;

use crate::addresses::Health;
use crate::allowance::Allowance;
use crate::dial;
use crate::refusal::Refusal;
use crate::relay::Hub;

/// How one connection comes to its server: the addresses in turn, and the time there is for all of them.
pub(crate) struct Route<'a> {
    hub: &'a Hub,
    /// What the application was connected to, or was to be.
    pub(crate) address: Option<SocketAddr>,
    /// Where else to try, once it is known where at all.
    others: Option<VecDeque<SocketAddr>>,
    /// Why the addresses before this one were left.
    left_because: Vec<String>,
    /// For the server, until it is admitted.
    pub(crate) allowance: Allowance,
    /// Whether anything was done to reach the server.
    pub(crate) called: bool,
}

impl<'a> Route<'a> {
    pub(crate) fn new(hub: &'a Hub) -> Route<'a> {
        Route {
            hub,
            address: None,
            others: None,
            left_because: Vec::new(),
            allowance: Allowance::new(hub.settings.relay.connect_within),
            called: false,
        }
    }

    /// Connects to the next address that is likely to serve.
    pub(crate) async fn next(&mut self) -> Result<TcpStream, Refusal> {
        self.called = true;
        if self.others.is_none() {
            self.others = Some(self.resolve().await?);
        }
        while let Some(address) = self.others.as_mut().and_then(VecDeque::pop_front) {
            self.address = Some(address);
            if let Some(refusal) = self.known_refusal(address) {
                match self.has_others() {
                    true => continue,
                    false => return Err(refusal),
                }
            }
            if self.allowance.is_spent() {
                // It was not tried, so nothing is known of it.
                self.left_because.push(format!("{address}: there was no time left for it"));
                break;
            }
            self.allowance.divide(self.others.as_ref().map_or(0, VecDeque::len));
            match self.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(why) => {
                    self.hub.addresses.note(address, Health::Unreachable);
                    self.left_because.push(format!("{address}: {why}"));
                }
            }
        }
        Err(self.nowhere())
    }

    /// Connects to that address and no other.
    pub(crate) async fn to(&mut self, address: SocketAddr) -> Result<TcpStream, Refusal> {
        self.called = true;
        self.address = Some(address);
        let connected = self.connect(address).await;
        connected.map_err(|why| Refusal::new(RefusalReason::Unreachable, format!("{address}: {why}")))
    }

    pub(crate) fn has_others(&self) -> bool {
        self.others.as_ref().is_some_and(|others| !others.is_empty())
    }

    /// Notes why the address at hand is left for another.
    pub(crate) fn leave(&mut self, why: &Refusal) {
        if let Some(address) = self.address {
            self.left_because.push(format!("{address}: {}", why.message));
        }
    }

    async fn resolve(&mut self) -> Result<VecDeque<SocketAddr>, Refusal> {
        let resolving = self.hub.addresses.resolve(self.allowance.within());
        let found = self.allowance.spend(resolving).await.map_err(|error| {
            let message = format!("the name {} cannot be resolved: {error}", self.hub.settings.upstream.host);
            Refusal::new(RefusalReason::Unreachable, message)
        })?;
        Ok(found.into())
    }

    async fn connect(&mut self, address: SocketAddr) -> Result<TcpStream, String> {
        let connecting = dial::connect(address, self.allowance.within());
        self.allowance.spend(connecting).await
    }

    /// Only where asking again would be counted: anywhere else the next connection to the same address may find a better server.
    fn known_refusal(&self, address: SocketAddr) -> Option<Refusal> {
        let counts = self.hub.settings.upstream.counts_refusals();
        self.hub.addresses.refusal(address, self.hub.policy.latest().issued_at).filter(|_| counts)
    }

    fn nowhere(&self) -> Refusal {
        let message = match self.left_because.is_empty() {
            true => format!("the name {} has no address", self.hub.settings.upstream.host),
            false => {
                format!("no address of the server can be connected to ({})", self.left_because.join("; "))
            }
        };
        Refusal::new(RefusalReason::Unreachable, message)
    }
}
