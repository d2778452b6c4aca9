use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use mainstay_model::{Blame, Failure, FailureKind, Phase};
use tokio::net::TcpStream;

/// Opens the connection of a check.
pub(crate) async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    #[expect(clippy::disallowed_methods, reason = "this is the connect phase")]
    let stream = TcpStream::connect(address).await.map_err(|error| failure(&error))?;
    // Small requests and small answers: nothing is worth waiting for. A socket that refuses the option works without it.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Nothing answered within the time of the check.
pub(crate) fn timed_out(within: &str) -> Failure {
    let message = format!(
        "nothing answered the connection attempt within {within}: the server is gone, or a firewall drops the packets"
    );
    Failure::new(FailureKind::ConnectTimedOut, Phase::Connect, message)
}

fn failure(error: &io::Error) -> Failure {
    use FailureKind::*;
    let of = |kind, message: &str| Failure::new(kind, Phase::Connect, message);
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            of(ConnectRefused, "the address answered that nothing listens on this port")
        }
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
            of(ConnectReset, "the connection was cut while it was being made")
        }
        ErrorKind::TimedOut => timed_out("the time that this system allows"),
        ErrorKind::NetworkUnreachable => {
            of(NetworkUnreachable, "this machine has no route to the address").blamed_on(Blame::Us)
        }
        ErrorKind::HostUnreachable => {
            of(NetworkUnreachable, "a router on the way answered that the host cannot be reached")
        }
        ErrorKind::PermissionDenied => {
            of(NetworkUnreachable, "this machine's own firewall or sandbox forbids the connection")
                .blamed_on(Blame::Us)
        }
        _ => of(Offline, &format!("this machine could not open a connection: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn means(error: ErrorKind, kind: FailureKind, blame: Blame) {
        let failure = failure(&io::Error::from(error));
        assert_eq!((failure.kind, failure.blame, failure.phase), (kind, blame, Phase::Connect));
    }

    #[test]
    fn errors_of_the_system() {
        means(ErrorKind::ConnectionRefused, FailureKind::ConnectRefused, Blame::Provider);
        means(ErrorKind::ConnectionReset, FailureKind::ConnectReset, Blame::Provider);
        means(ErrorKind::TimedOut, FailureKind::ConnectTimedOut, Blame::Path);
        means(ErrorKind::HostUnreachable, FailureKind::NetworkUnreachable, Blame::Path);
        means(ErrorKind::NetworkUnreachable, FailureKind::NetworkUnreachable, Blame::Us);
        means(ErrorKind::PermissionDenied, FailureKind::NetworkUnreachable, Blame::Us);
        // As when this process has no file handle left.
        means(ErrorKind::Other, FailureKind::Offline, Blame::Us);
    }
}
