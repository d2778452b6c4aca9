use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mainstay_model::{Admission, AdmissionDecision, RefusalReason, RelayListen};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::time::Instant;
use tracing::warn;

use crate::dial::polish;
use crate::leg::Raw;
use crate::places::{Place, Places};
use crate::relay::Hub;
use crate::session::{self, Guest, Room};

/// Connections that wait to be accepted while all threads are busy.
const BACKLOG: u32 = 4_096;
/// So many beyond the limit are answered that there is no room; further ones are closed without a word.
const TOLD_FULL: u32 = 64;

/// A socket that applications connect to.
pub struct Listening {
    socket: Socket,
    /// To be removed at the end.
    file: Option<PathBuf>,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Why it cannot be listened there. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The operating system refuses.
    #[error(
        "the relay cannot listen on {place}: {why}. Does another program use it, such as another Mainstay? Choose another `relay.listen`"
    )]
    Refused {
        /// Where.
        place: String,
        /// What it says.
        why: io::Error,
    },
    /// Something else has that path.
    #[error("the relay cannot listen on {0}: that file exists and is no socket; choose another path")]
    NoSocket(String),
    /// Somebody answers there.
    #[error("the relay cannot listen on {0}: another program answers there; choose another path")]
    InUse(String),
}

impl Listening {
    /// Takes an address or a path. A socket that a process left behind is replaced.
    pub async fn bind(place: &RelayListen) -> Result<Listening, ListenError> {
        match place {
            RelayListen::Tcp(address) => {
                let refused = |why| ListenError::Refused { place: address.to_string(), why };
                let socket = bind_tcp(*address).map_err(refused)?;
                Ok(Listening { socket: Socket::Tcp(socket), file: None })
            }
            RelayListen::Unix(path) => bind_unix(path).await,
        }
    }

    /// Takes a socket that is listened on already. Its end does not take the address away.
    pub fn inherited(socket: std::net::TcpListener) -> io::Result<Listening> {
        socket.set_nonblocking(true)?;
        Ok(Listening { socket: Socket::Tcp(TcpListener::from_std(socket)?), file: None })
    }

    /// The same for a Unix socket, whose file stays.
    pub fn inherited_unix(socket: std::os::unix::net::UnixListener) -> io::Result<Listening> {
        socket.set_nonblocking(true)?;
        Ok(Listening { socket: Socket::Unix(UnixListener::from_std(socket)?), file: None })
    }

    /// A second handle on the same socket, so that one relay can follow another without anybody being turned away meanwhile.
    pub fn share(&self) -> io::Result<Listening> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let second = socket2::SockRef::from(socket).try_clone()?;
                Listening::inherited(second.into())
            }
            Socket::Unix(socket) => {
                let second = socket2::SockRef::from(socket).try_clone()?;
                Listening::inherited_unix(second.into())
            }
        }
    }

    /// The TCP address, if it is one.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().ok(),
            Socket::Unix(_) => None,
        }
    }

    /// Takes connections until told to stop.
    pub(crate) async fn serve(self, hub: Arc<Hub>) {
        let told_full = Places::default();
        loop {
            let (raw, client) = tokio::select! {
                // Whoever is there by then is for the next relay at this socket.
                biased;
                () = hub.stop.cancelled() => return,
                () = hub.no_more.cancelled() => return,
                accepted = self.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // No file handles are left, most likely; others will be closed.
                        warn!("a connection cannot be accepted: {error}");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            if !client.is_allowed(&hub) {
                turn_away(&hub, client);
                continue;
            }
            let (room, place) = match hub.places.take(hub.settings.relay.most_connections) {
                Some(place) => (Room::Free, place),
                None => match told_full.take(TOLD_FULL) {
                    Some(place) => (Room::Full, place),
                    None => continue,
                },
            };
            hub.under_way.spawn(session::serve(hub.clone(), raw, client.guest(&hub, room, place)));
        }
    }

    async fn accept(&self) -> io::Result<(Raw, Client)> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                polish(&stream);
                Ok((Raw::Tcp(stream), Client::Tcp(address)))
            }
            Socket::Unix(socket) => {
                let (stream, _) = socket.accept().await?;
                let user = stream.peer_cred().map(|credentials| credentials.uid()).ok();
                Ok((Raw::Unix(stream), Client::Unix(user)))
            }
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // Whoever removed it before us did the same.
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Whoever connected.
enum Client {
    Tcp(SocketAddr),
    /// The user's number, where the system tells it.
    Unix(Option<u32>),
}

impl Client {
    fn guest(&self, hub: &Hub, room: Room, place: Place) -> Guest {
        let relay = &hub.settings.relay;
        let is_here = match self {
            Client::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Client::Unix(_) => true,
        };
        let needs_tls = hub.settings.acceptor.is_some() && !is_here && !relay.plaintext_from_network;
        Guest { name: self.to_string(), room, place: Arc::new(place), needs_tls }
    }

    fn is_allowed(&self, hub: &Hub) -> bool {
        let relay = &hub.settings.relay;
        match self {
            Client::Tcp(address) => {
                relay.allow.is_empty() || relay.allow.iter().any(|network| network.contains(address.ip()))
            }
            Client::Unix(user) => {
                relay.allow_users.is_empty() || user.is_some_and(|user| relay.allow_users.contains(&user))
            }
        }
    }
}

impl std::fmt::Display for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Client::Tcp(address) => write!(f, "{address}"),
            Client::Unix(Some(user)) => write!(f, "unix user {user}"),
            Client::Unix(None) => f.write_str("unix"),
        }
    }
}

/// Nothing is said to those who may not connect.
fn turn_away(hub: &Hub, client: Client) {
    let client = client.to_string();
    let (dependency, reason) = (hub.settings.dependency.clone(), RefusalReason::NotAllowed);
    let message = format!("{client} may not connect here (`allow`, `allow_users`)");
    hub.meter.lines.refused(&dependency, &client, (reason, &message), Instant::now());
    let decision = AdmissionDecision::Refused { reason, message };
    hub.decided(Admission { at: hub.now(), dependency, client, address: None, decision });
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    // Connections of the process before this one may still be fading away.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn bind_unix(path: &Path) -> Result<Listening, ListenError> {
    let shown = path.display().to_string();
    let refused = |why| ListenError::Refused { place: shown.clone(), why };
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(ListenError::NoSocket(shown)),
        Ok(_) if UnixStream::connect(path).await.is_ok() => return Err(ListenError::InUse(shown)),
        Ok(_) => std::fs::remove_file(path).map_err(refused)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(refused(error)),
    }
    let socket = UnixListener::bind(path).map_err(refused)?;
    // Who may connect is said by the folder and by `allow_users`, as it is for the sockets of databases.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).map_err(refused)?;
    Ok(Listening { socket: Socket::Unix(socket), file: Some(path.to_owned()) })
}
