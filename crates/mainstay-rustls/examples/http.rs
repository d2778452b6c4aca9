//! A program that asks a service over HTTPS, and fetches the policy from Mainstay every ten seconds meanwhile:
//!
//! ```text
//! cargo run -p mainstay-rustls --example http -- \
//!     https://api.example.com/ example-api https://mainstay.example.com/policy.json KEY
//! ```
//!
//! `example-api` is the dependency's key in mainstay.yaml, `KEY` the public key that Mainstay shows.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command for people")]

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use mainstay_rustls::{Policies, Roots, client_config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [service, dependency, endpoint, key] = arguments.as_slice() else {
        bail!("four arguments are needed: SERVICE DEPENDENCY ENDPOINT KEY");
    };
    let key = key.parse().context(format!("KEY {key}"))?;
    let policies = Arc::new(Policies::offered([key]));
    let config = client_config(Roots::system(), dependency.parse()?, policies.clone());
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).build()?;

    // Mainstay itself is verified fully: a policy must not depend on a policy.
    let mainstay = reqwest::Client::builder().tls_backend_preconfigured(ordinary()).build()?;
    tokio::spawn(follow(mainstay, endpoint.clone(), policies));
    loop {
        match client.get(service).send().await {
            Ok(answer) => println!("{}", answer.status()),
            Err(error) => eprintln!("{:#}", anyhow::Error::from(error)),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn ordinary() -> rustls::ClientConfig {
    Roots::system().client_config()
}

/// While Mainstay does not answer, the policy of before stays in use, and its waivers end by themselves.
async fn follow(mainstay: reqwest::Client, endpoint: String, policies: Arc<Policies>) {
    loop {
        match fetch(&mainstay, &endpoint).await {
            // What is wrong with a policy is logged, and `Policies::problem` tells.
            Ok(envelope) => drop(policies.offer(&envelope)),
            Err(error) => eprintln!("{endpoint}: {:#}", anyhow::Error::from(error)),
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}

async fn fetch(mainstay: &reqwest::Client, endpoint: &str) -> reqwest::Result<Vec<u8>> {
    let answer = mainstay.get(endpoint).timeout(Duration::from_secs(10)).send().await?.error_for_status()?;
    Ok(answer.bytes().await?.to_vec())
}
