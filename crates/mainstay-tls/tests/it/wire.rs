//! The bytes of a handshake, carried in memory.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use rustls_pki_types::{ServerName, UnixTime};

/// Carries bytes both ways until both sides are content, and the client has read what the server says first.
pub(crate) fn connect(
    config: &Arc<ClientConfig>,
    name: &ServerName<'static>,
    server: Arc<ServerConfig>,
) -> io::Result<(ClientConnection, ServerConnection)> {
    let (mut client, mut server) = ends(config, name, server);
    meet(&mut client, &mut server)?;
    Ok((client, server))
}

pub(crate) fn ends(
    config: &Arc<ClientConfig>,
    name: &ServerName<'static>,
    server: Arc<ServerConfig>,
) -> (ClientConnection, ServerConnection) {
    let client = ClientConnection::new(config.clone(), name.clone()).unwrap();
    (client, ServerConnection::new(server).unwrap())
}

/// The same, so that both ends can be looked at when it fails. What the client says last is carried in any case.
pub(crate) fn meet(client: &mut ClientConnection, server: &mut ServerConnection) -> io::Result<()> {
    while client.wants_write() || server.wants_write() {
        carry(client, server);
        // A server that refuses says so in an alert, which the client has yet to read.
        let refused = server.process_new_packets().is_err();
        let mut answer = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answer).unwrap();
        }
        let fed = feed(client, &answer);
        if fed.is_err() {
            carry(client, server);
        }
        fed?;
        if refused && !client.wants_write() {
            break;
        }
    }
    Ok(())
}

pub(crate) fn carry(client: &mut ClientConnection, server: &mut ServerConnection) {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    let mut bytes = bytes.as_slice();
    while !bytes.is_empty() {
        server.read_tls(&mut bytes).unwrap();
        // What is wrong with it is asked for by the caller, as often as it likes.
        let _refused = server.process_new_packets();
    }
}

/// Errors are wrapped as tokio-rustls wraps them.
pub(crate) fn feed(client: &mut ClientConnection, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        client.read_tls(&mut bytes)?;
        client.process_new_packets().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    }
    Ok(())
}

/// The time for rustls.
#[derive(Debug)]
pub(crate) struct At(pub(crate) Timestamp);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.as_second().unsigned_abs())))
    }
}
