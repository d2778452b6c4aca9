//! A real Redis behind the relay.

use mainstay_testkit::servers::{Redis, RedisOptions, require};
use mainstay_testkit::{Pki, Scenario};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::scene::*;

const NAME: &str = "localhost";

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_waited_for_and_nothing_is_said_at_the_end() {
    if !require(Redis::available()) {
        return;
    }
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Fine, NAME);
    let options = RedisOptions { identity: Some(&identity), ..RedisOptions::default() };
    let server = tokio::task::block_in_place(|| Redis::start(options));
    let running =
        relay(&format!("rediss://localhost:{}", server.tls_port()), NAME, &pki, terms(loopback())).await;

    // A server that stands alone says so itself, in its turn.
    let mut client = connect(&running).await;
    let alone = "-ERR This instance has cluster support disabled\r\n";
    ask(&mut client, "SET a 1\r\nCLUSTER SLOTS\r\nGET a\r\n", &format!("+OK\r\n{alone}$1\r\n1\r\n")).await;
    let mut resting = connect(&running).await;
    ask(&mut resting, "PING\r\n", "+PONG\r\n").await;

    ask(&mut client, "MULTI\r\nINCR a\r\n", "+OK\r\n+QUEUED\r\n").await;
    running.stop.cancel();
    assert_eq!(rest_of(&mut resting).await, "");
    ask(&mut client, "EXEC\r\n", "*1\r\n:2\r\n").await;
    assert_eq!(rest_of(&mut client).await, "");
}

async fn ask(client: &mut TcpStream, commands: &str, expected: &str) {
    client.write_all(commands.as_bytes()).await.unwrap();
    let mut answer = vec![0; expected.len()];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), expected);
}

/// What comes until the connection ends.
async fn rest_of(client: &mut TcpStream) -> String {
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.unwrap();
    rest
}
