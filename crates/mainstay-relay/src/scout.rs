use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mainstay_wire::{Conversation, Step, mysql, postgres, redis, tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tracing::debug;

use crate::Spoken;
use crate::dial;
use crate::line::Line;
use crate::pass::Pass;
use crate::relay::Hub;

/// While a waiver is in force, full verification is tried this often.
const WHILE_WAIVED: Duration = Duration::from_secs(3);
/// So often an address is looked at that something is held against.
const WHILE_DOUBTFUL: Duration = Duration::from_secs(15);
/// No protocol needs more steps to greet and to leave.
const MOST_STEPS: usize = 64;
/// A greeting has no more bytes.
const MOST_BYTES: usize = 64 * 1024;

/// Looks after the addresses where no connection does: whether one that failed serves again, and whether a waiver is still needed.
///
/// It makes the same verified connection as applications, without logging in, and takes leave properly.
pub(crate) async fn run(hub: Arc<Hub>) {
    let all = hub.addresses.resolve().await.unwrap_or_default();
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
            look_at(&hub, &hub.addresses.resolve().await.unwrap_or_default()).await;
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
        if let Ok(Err(why)) = seen {
            debug!(relay.dependency = %hub.settings.dependency, relay.address = %address, "not verified: {why}");
        }
    }
}

/// One verified connection to an address, without logging in.
async fn visit(hub: &Hub, address: SocketAddr) -> Result<(), String> {
    let stream = match dial::connect(hub, address).await {
        Ok(stream) => stream,
        Err(why) => {
            hub.addresses.note(address, crate::addresses::Health::Unreachable);
            return Err(why);
        }
    };
    let mut line = Line::Plain(stream);
    let mut conversation = conversation(hub);
    let (mut input, mut ended) = (BytesMut::new(), false);
    for _ in 0..MOST_STEPS {
        match conversation.step(&mut input, ended).map_err(|error| error.to_string())? {
            Step::Write(bytes) => line.write_all(&bytes).await.map_err(|error| error.to_string())?,
            Step::Read => {
                ended = line.read_buf(&mut input).await.unwrap_or(0) == 0;
                if input.len() > MOST_BYTES {
                    return Err("it says too much".to_owned());
                }
            }
            Step::StartTls => line = secured(hub, line, address, conversation.as_mut()).await?,
            Step::Finished => break,
            // What follows is courtesy, and spares the relay a mark against it at the server.
            Step::Reached(_) => {}
        }
    }
    let _ = line.shutdown().await;
    Ok(())
}

async fn secured(
    hub: &Hub,
    line: Line,
    address: SocketAddr,
    conversation: &mut (dyn Conversation + Send),
) -> Result<Line, String> {
    let Line::Plain(stream) = line else { return Err("TLS inside of TLS".to_owned()) };
    let secured = dial::secure(hub, stream, address).await.map_err(|refusal| refusal.message)?;
    if matches!(secured.pass, Pass::Verified) {
        hub.verified(address, &secured.chain);
    }
    conversation.tls_established(secured.chain.first().map(|der| der.as_ref()).unwrap_or_default());
    Ok(Line::Secure(Box::new(secured.stream)))
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
