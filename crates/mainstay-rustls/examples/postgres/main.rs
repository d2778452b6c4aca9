//! A program that speaks to PostgreSQL, and goes on speaking to it while Mainstay has granted a waiver:
//!
//! ```text
//! cargo run -p mainstay-rustls --example postgres -- \
//!     "host=db.example.com user=app password=… dbname=orders" orders-db policy.json KEY
//! ```
//!
//! `orders-db` is the dependency's key in mainstay.yaml, `KEY` the public key that Mainstay shows.
#![allow(clippy::print_stdout, reason = "this is a command for people")]

mod tls;

use std::sync::Arc;

use anyhow::{Context, bail};
use mainstay_rustls::{Policies, Roots, client_config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, dependency, file, key] = arguments.as_slice() else {
        bail!("four arguments are needed: DATABASE DEPENDENCY FILE KEY");
    };
    let key = key.parse().context(format!("KEY {key}"))?;
    let policies = Arc::new(Policies::of_file(file, [key]));
    let config = client_config(Roots::system(), dependency.parse()?, policies);

    let database: tokio_postgres::Config = database.parse()?;
    let (client, connection) = tls::required(database).connect(tls::Tls::new(config)).await?;
    tokio::spawn(connection);
    let rows = client.simple_query("SELECT version()").await?;
    println!("{rows:?}");
    Ok(())
}
