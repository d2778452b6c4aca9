use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mainstay_wire::{Conversation, Step, mysql, postgres, redis, tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tracing::debug;

use crate::Spoken;
use crate::dial::{self, Denial, Purpose};
use crate::line::Line;
use crate::pass::Pass;
use crate::relay::Hub;

/// While a waiver is in force, full verification is tried this often.
const WHILE_WAIVED: Duration = Duration::from_secs(3);
/// So often an address is looked at that something is held against: before what is remembered of a refusal is forgotten, so that
/// applications cause no more of them.
const WHILE_DOUBTFUL: Duration = Duration::from_secs(10);
/// No protocol needs more steps to greet and to leave.
const MOST_STEPS: usize = 64;
/// A greeting has no more bytes.
const MOST_BYTES: usize = 64 * 1024;

/// Looks after the addresses where no connection does: whether one that failed serves again, and whether a waiver is still needed.
///
/// It makes the same verified connection as applications, without logging in, and takes leave properly.
pub(crate) async fn run(hub: Arc<Hub>) {
    let within = hub.settings.relay.connect_within;
    let all = hub.addresses.resolve(within).await.unwrap_or_default();
    if all.len() > 1 {
        // So that the first connection avoids what cannot serve it.
        look_at(&hub, &all).await;
    }
    let mut policy = hub.policy.watch();
    loop {
        let waived = hub.policy.waiver(&hub.settings.dependency).is_some();
        let wait = if waived { WHILE_WAIVED } else { WHILE_DOUBTFUL };
        tokio::select! {
            () = hub.stop.cancelled() => return,
            () = hub.no_more.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
            // Then the pace may be another.
            Ok(()) = policy.changed() => continue,
        }
        if hub.policy.waiver(&hub.settings.dependency).is_some() {
            look_at(&hub, &hub.addresses.resolve(within).await.unwrap_or_default()).await;
        } else {
            look_at(&hub, &hub.addresses.doubtful()).await;
        }
    }
}

async fn look_at(hub: &Hub, addresses: &[SocketAddr]) {
    for address in addresses {
        if hub.stop.is_cancelled() || hub.no_more.is_cancelled() {
            return;
        }
        // A server that is silent must not hold up the others for ever.
        let within = hub.settings.relay.connect_within;
        let seen = tokio::time::timeout(within, visit(hub, *address)).await;
        if let Err(why) = seen.unwrap_or_else(|_| Err("it fell silent".to_owned())) {
            hub.addresses.still_fails(*address);
            debug!(relay.dependency = %hub.settings.dependency, relay.address = %address, "not verified: {why}");
        }
    }
}

/// One verified connection to an address, without logging in.
async fn visit(hub: &Hub, address: SocketAddr) -> Result<(), String> {
    let stream = match dial::connect(address, hub.settings.relay.connect_within).await {
        Ok(stream) => stream,
        Err(why) => {
            hub.addresses.note(address, crate::addresses::Health::Unreachable);
            return Err(why);
        }
    };
    converse(Line::Plain(stream), conversation(hub), (hub, address), BytesMut::new()).await
}

/// Says what a server is owed that counts connections that break off. It said `input` already.
pub(crate) async fn take_leave(
    hub: Arc<Hub>,
    address: SocketAddr,
    line: Line,
    farewell: Box<dyn Conversation + Send>,
    input: BytesMut,
) {
    let within = hub.settings.relay.connect_within;
    let left = tokio::time::timeout(within, converse(line, farewell, (&hub, address), input)).await;
    if let Err(why) = left.unwrap_or_else(|_| Err("it fell silent".to_owned())) {
        debug!("a server was not left as it should be: {why}");
    }
}

/// Goes through a conversation to its end, with a server of which this was heard already.
async fn converse(
    mut line: Line,
    mut conversation: Box<dyn Conversation + Send>,
    of: (&Hub, SocketAddr),
    mut input: BytesMut,
) -> Result<(), String> {
    let mut ended = false;
    for _ in 0..MOST_STEPS {
        match conversation.step(&mut input, ended).map_err(|error| error.to_string())? {
            Step::Write(bytes) => {
                let written = async {
                    line.write_all(&bytes).await?;
                    line.flush().await
                };
                written.await.map_err(|error| error.to_string())?;
            }
            Step::Read => {
                ended = line.read_buf(&mut input).await.unwrap_or(0) == 0;
                if input.len() > MOST_BYTES {
                    return Err("it says too much".to_owned());
                }
            }
            Step::StartTls => line = secured(line, of, conversation.as_mut()).await?,
            Step::Finished => break,
            // What follows is courtesy, and spares the relay a mark against it at the server.
            Step::Reached(_) => {}
        }
    }
    let _ = line.shutdown().await;
    Ok(())
}

async fn secured(
    line: Line,
    (hub, address): (&Hub, SocketAddr),
    conversation: &mut (dyn Conversation + Send),
) -> Result<Line, String> {
    let Line::Plain(stream) = line else { return Err("TLS inside of TLS".to_owned()) };
    let within = hub.settings.relay.connect_within;
    match dial::secure(hub, stream, address, Purpose::Look, within).await {
        Ok(secured) => {
            if matches!(secured.pass, Pass::Verified) {
                hub.verified(address, &secured.chain);
            }
            conversation.tls_established(secured.chain.first().map(|der| der.as_ref()).unwrap_or_default());
            Ok(Line::Secure(Box::new(secured.stream)))
        }
        Err(Denial { refusal, stream }) => match stream.filter(|_| conversation.tls_rejected()) {
            Some(stream) => Ok(Line::Secure(stream)),
            None => Err(refusal.message),
        },
    }
}

fn conversation(hub: &Hub) -> Box<dyn Conversation + Send> {
    let upstream = &hub.settings.upstream;
    let tls = upstream.start;
    match upstream.spoken {
        Spoken::Postgres => Box::new(postgres::Client::new(postgres::Options {
            tls,
            login: None,
            database: None,
            query: None,
            // Only a log-in makes use of it.
            nonce: [0; 18],
        })),
        Spoken::MySql => {
            Box::new(mysql::Client::new(mysql::Options { tls, login: None, database: None, query: None }))
        }
        Spoken::Redis => {
            Box::new(redis::Client::new(redis::Options { tls, login: None, database: None, query: None }))
        }
        Spoken::Other => Box::new(tls::Client::new()),
    }
}
