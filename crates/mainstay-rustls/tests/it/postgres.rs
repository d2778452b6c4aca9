//! The example for PostgreSQL, against a real one with an expired certificate.

use std::sync::Arc;

use mainstay_rustls::{Policies, client_config};
use mainstay_testkit::servers::{Postgres, PostgresOptions, require};
use mainstay_testkit::{Pki, Scenario};

use crate::scene::{Clock, DEPENDENCY, HOUR, now, policy, public_key, roots, signed, waiver};

#[path = "../../examples/postgres/tls.rs"]
mod tls;

/// The server listens on this address, which its certificate is for.
const ADDRESS: &str = "127.0.0.1";

#[tokio::test]
async fn refused_admitted_and_refused_again() {
    if !require(Postgres::available()) {
        return;
    }
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Expired, ADDRESS);
    let server = Postgres::start(PostgresOptions { identity: Some(&identity), ..Default::default() });
    let policies = Arc::new(Policies::offered([public_key()]));
    let clock = Clock::new();
    let mut config = client_config(roots(&pki), DEPENDENCY.parse().unwrap(), policies.clone());
    config.time_provider = clock.clone();
    let tls = tls::Tls::new(config);

    let refusal = version(&server, &tls).await.unwrap_err();
    assert!(refusal.contains("expired 2 h 10 min ago"), "{refusal}");

    policies.offer(&signed(&policy(now(), vec![waiver(&identity.chain[0], ADDRESS)]))).unwrap();
    assert!(version(&server, &tls).await.unwrap().starts_with("PostgreSQL"));
    clock.set(now() + HOUR * 3);
    let refusal = version(&server, &tls).await.unwrap_err();
    assert!(refusal.contains("expired"), "the waiver is over: {refusal}");

    server.reload_identity(&pki.short_lived(ADDRESS, now(), HOUR * 24));
    assert!(version(&server, &tls).await.unwrap().starts_with("PostgreSQL"), "the provider has renewed it");
}

/// What the server says that it is, over a connection of its own.
async fn version(server: &Postgres, tls: &tls::Tls) -> Result<String, String> {
    let mut database = tokio_postgres::Config::new();
    database.host(ADDRESS).port(server.port()).user("postgres").dbname("postgres");
    let (client, connection) =
        tls::required(database).connect(tls.clone()).await.map_err(|error| chain(&error))?;
    let speaking = tokio::spawn(connection);
    let row = client.query_one("SELECT version()", &[]).await.map_err(|error| chain(&error))?;
    drop(client);
    speaking.await.unwrap().unwrap();
    Ok(row.get(0))
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
