use std::net::{Ipv4Addr, SocketAddr};

use mainstay_testkit::scripted::{Peer, Script};
use mainstay_testkit::servers::free_port;

/// A TCP server on a port of its own that can be switched off, so that connections are refused, and on again.
pub(super) struct Switch {
    address: SocketAddr,
    peer: Option<Peer>,
}

impl Switch {
    pub(super) async fn on() -> Switch {
        let mut switch = Switch { address: SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())), peer: None };
        switch.turn_on().await;
        switch
    }

    pub(super) async fn turn_on(&mut self) {
        self.peer = Some(Peer::start_on(self.address, Script::silent()).await);
    }

    pub(super) async fn turn_off(&mut self) {
        self.peer = None;
        let address = self.address;
        // The task that listens is ended by now or a moment later.
        mainstay_testkit::wait_for("the port to be closed", crate::instance::PATIENCE, async || {
            std::net::TcpListener::bind(address).ok().map(drop)
        })
        .await;
    }

    /// How many connections came since it was last turned on.
    pub(super) fn accepted(&self) -> u64 {
        self.peer.as_ref().map_or(0, Peer::accepted)
    }

    /// A dependency that is checked every second and believed at once, as a line of the section `dependencies`.
    pub(super) fn dependency(&self, name: &str) -> String {
        format!(
            "  {name}: {{ url: \"tcp://{}\", every: 1s, timeout: 900ms, confirm: {{ failures: 1, of: 1, recoveries: 1 }} }}\n",
            self.address
        )
    }
}
