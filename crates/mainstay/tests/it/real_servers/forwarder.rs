use std::io::{Result, copy};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;

use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

/// Passes connections on to a server on 127.0.0.1, so that they come from 127.0.0.`last`. Lives as long as the process.
pub(super) struct Forwarder {
    port: u16,
}

impl Forwarder {
    pub(super) fn start(server: u16, last: u8) -> Forwarder {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let port = listener.local_addr().expect("a listener has an address").port();
        let runtime = Runtime::new().expect("a runtime can be made");
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = runtime.block_on(connect_from(last, server)).expect("the server listens");
                thread::spawn(move || exchange(&client, &server));
            }
        });
        Forwarder { port }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

async fn connect_from(last: u8, port: u16) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
    let stream = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Copies both ways until both sides have ended; what breaks ends the connection, as it would without us.
fn exchange(client: &TcpStream, server: &TcpStream) {
    thread::scope(|scope| {
        scope.spawn(|| one_way(client, server));
        one_way(server, client);
    });
}

fn one_way(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
