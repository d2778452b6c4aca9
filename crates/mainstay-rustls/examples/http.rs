//! A program that asks a service over HTTPS, and follows the policy of a Mainstay server meanwhile:
//!
//! ```text
//! cargo run -p mainstay-rustls --example http -- https://api.example.com/ example-api https://ops.example.com KEY
//! ```
//!
//! `example-api` is the dependency's key in mainstay.yaml, and `KEY` the public key of the server's policies.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command for people")]

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use mainstay_rustls::{Policies, Roots, client_config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [service, dependency, server, key] = arguments.as_slice() else {
        bail!("four arguments are needed: SERVICE DEPENDENCY SERVER KEY");
    };
    let key = key.parse().context(format!("KEY {key}"))?;
    let policies = Arc::new(Policies::offered([key]));
    let config = client_config(Roots::system(), dependency.parse()?, policies.clone());
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).build()?;

    // Mainstay itself is verified fully: a policy must not depend on a policy.
    let ordinary = Roots::system().client_config();
    let mainstay = reqwest::Client::builder().tls_backend_preconfigured(ordinary).build()?;
    tokio::spawn(follow(mainstay, format!("{server}/api/v1/policy/signed"), policies));
    loop {
        match client.get(service).send().await {
            Ok(answer) => println!("{}", answer.status()),
            Err(error) => eprintln!("{:#}", anyhow::Error::from(error)),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// While Mainstay does not answer, the policy of before stays in use, and its waivers end by themselves.
async fn follow(mainstay: reqwest::Client, address: String, policies: Arc<Policies>) {
    loop {
        let known = policies.in_use().issued_at;
        match fetch(&mainstay, &format!("{address}?after={known}")).await {
            // What is wrong with a policy is logged, and `Policies::problem` tells.
            Ok(envelope) => drop(policies.offer(&envelope)),
            Err(error) => eprintln!("{address}: {:#}", anyhow::Error::from(error)),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Mainstay answers when there is a later policy than the known one, and after 15 s at the latest.
async fn fetch(mainstay: &reqwest::Client, address: &str) -> reqwest::Result<Vec<u8>> {
    let answer = mainstay.get(address).timeout(Duration::from_secs(30)).send().await?.error_for_status()?;
    Ok(answer.bytes().await?.to_vec())
}
