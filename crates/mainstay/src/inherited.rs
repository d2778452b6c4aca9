use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use mainstay_model::{Landscape, RelayListen};
use mainstay_relay::Listening;
use tracing::warn;

/// The sockets that whoever started this process listens on already, as systemd does (sd_listen_fds(3)).
///
/// Each is used where the configuration names its address or path, again and again if it has to be: it stays open between two
/// processes, so that a restart turns nobody away.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    tcp: Vec<(SocketAddr, TcpListener)>,
    unix: Vec<(PathBuf, UnixListener)>,
    /// The places of those in the list that are none of both.
    unfit: Vec<usize>,
}

impl Inherited {
    /// Those of this process. To be asked for before there is a second thread: it takes them out of the environment, so that no child
    /// finds them there.
    pub(crate) fn of_process() -> Inherited {
        let mut handed = ListenFd::from_env();
        let mut inherited = Inherited::default();
        for index in 0..handed.len() {
            if let Ok(Some(socket)) = handed.take_tcp_listener(index)
                && let Ok(address) = socket.local_addr()
            {
                inherited.tcp.push((address, socket));
            } else if let Ok(Some(socket)) = handed.take_unix_listener(index)
                && let Some(path) = path_of(&socket)
            {
                inherited.unix.push((path, socket));
            } else {
                inherited.unfit.push(index);
            }
        }
        inherited
    }

    /// The socket of a TCP address.
    pub(crate) fn tcp(&self, address: SocketAddr) -> Option<TcpListener> {
        let (_, socket) = self.tcp.iter().find(|(known, _)| is_for(*known, address))?;
        let second = socket.try_clone().ok()?;
        second.set_nonblocking(true).ok()?;
        Some(second)
    }

    /// The socket that a relay is to listen on.
    pub(crate) fn listening(&self, place: &RelayListen) -> Option<Listening> {
        match place {
            RelayListen::Tcp(address) => Listening::inherited(self.tcp(*address)?).ok(),
            RelayListen::Unix(path) => Listening::inherited_unix(self.unix(path)?).ok(),
        }
    }

    fn unix(&self, path: &Path) -> Option<UnixListener> {
        let (_, socket) = self.unix.iter().find(|(known, _)| known == path)?;
        socket.try_clone().ok()
    }

    /// Says of every socket that nothing of the configuration is for it: whoever connects there would wait for ever.
    pub(crate) fn tell_of_others(&self, addresses: &[SocketAddr], landscape: &Landscape) {
        let relays = landscape.dependencies.values().filter_map(|one| one.relay.as_ref());
        let mut named: Vec<RelayListen> = relays.flat_map(|relay| relay.listen.clone()).collect();
        named.extend(addresses.iter().copied().map(RelayListen::Tcp));
        let is_named = |known: SocketAddr| {
            named.iter().any(|one| matches!(one, RelayListen::Tcp(address) if is_for(known, *address)))
        };
        for index in &self.unfit {
            warn!(
                "socket {index} of LISTEN_FDS is neither of TCP nor a Unix socket with a path, and is not used"
            );
        }
        for (known, _) in self.tcp.iter().filter(|(known, _)| !is_named(*known)) {
            warn!("the socket on {known} was handed over, but nothing in the configuration listens there");
        }
        for (path, _) in &self.unix {
            if !named.contains(&RelayListen::Unix(path.clone())) {
                warn!("the socket {} was handed over, but no relay listens there", path.display());
            }
        }
    }
}

/// One for every IPv6 address of the machine takes what goes to its IPv4 addresses as well.
fn is_for(known: SocketAddr, address: SocketAddr) -> bool {
    let everywhere = known.ip().is_unspecified() && address.ip().is_unspecified();
    known == address || (everywhere && known.is_ipv6() && known.port() == address.port())
}

fn path_of(socket: &UnixListener) -> Option<PathBuf> {
    socket.local_addr().ok()?.as_pathname().map(Path::to_owned)
}
