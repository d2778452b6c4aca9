//! The relay beside other TLS hops, each verifying the same server: throughput, latency, CPU time and new connections.

mod contender;
mod load;
mod mysql;
mod peers;

use std::path::Path;

use anyhow::ensure;
use mainstay_testkit::servers::{
    Account, MariaDb, MariaDbOptions, Method, Postgres, PostgresOptions, Redis, RedisOptions,
};
use mainstay_testkit::{Identity, Pki, Scenario};

use crate::whole::{now, tempdir};
use contender::Contender;
use load::Load;

/// The name that the certificate is for; it leads to this machine.
pub(crate) const NAME: &str = "localhost";
/// Whoever logs in to PostgreSQL and MariaDB.
pub(crate) const USER: (&str, &str) = ("app", "app-password");

/// What `bench relay` measures: each load so many times, every contender in turn, so that a slow minute hits all of them.
pub(crate) struct Size {
    pub(crate) rounds: usize,
    /// Divides the amount of work of every load, for a quick look.
    pub(crate) divisor: usize,
    /// Only loads with this in their title.
    pub(crate) only: String,
}

pub(crate) fn run(size: &Size) -> anyhow::Result<()> {
    ensure!(size.rounds > 0 && size.divisor > 0, "at least one round of something");
    let directory = tempdir("relay")?;
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Fine, NAME);
    let ca_file = pki.write_root(&directory);
    let (redis, postgres) = servers(&identity);
    let accounts = [Account::new(USER.0, USER.1, Method::MySqlNative)];
    let mariadb = MariaDb::start(MariaDbOptions { identity: Some(&identity), accounts: &accounts });
    mysql::prepare(&mariadb, &directory)?;
    let place = Place {
        directory: &directory,
        ca_file: &ca_file,
        redis: redis.tls_port(),
        postgres: postgres.port(),
        mysql: mariadb.port(),
    };
    let contenders = peers::all(&place)?;
    load::prepare(&place)?;
    for load in load::ALL.iter().filter(|load| load.title.contains(&size.only)) {
        table(load, &contenders, size, &place)?;
    }
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

/// The servers that show this certificate; [`USER`] owns the database `bench`.
pub(crate) fn servers(identity: &Identity) -> (Redis, Postgres) {
    let redis = Redis::start(RedisOptions { identity: Some(identity), ..RedisOptions::default() });
    let accounts = [Account::new(USER.0, USER.1, Method::Scram)];
    let postgres = Postgres::start(PostgresOptions {
        identity: Some(identity),
        accounts: &accounts,
        ..PostgresOptions::default()
    });
    postgres.execute("CREATE DATABASE bench OWNER app");
    (redis, postgres)
}

/// Where everything is.
pub(crate) struct Place<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) ca_file: &'a Path,
    pub(crate) redis: u16,
    pub(crate) postgres: u16,
    pub(crate) mysql: u16,
}

/// Runs one load through everybody who can carry it, and prints how they did beside the best of the hops.
fn table(load: &Load, contenders: &[Contender], size: &Size, place: &Place<'_>) -> anyhow::Result<()> {
    println!("\n{}", load.title);
    println!(
        "{:<12}{:>14}{:>10}{:>12}{:>12}{:>14}",
        "", "a second", "ratio", "p50 ms", "p99 ms", "CPU µs each"
    );
    let able: Vec<&Contender> = contenders.iter().filter(|one| load.port(one, place).is_some()).collect();
    let mut figures = vec![Vec::new(); able.len()];
    for _ in 0..size.rounds {
        for (one, figures) in able.iter().zip(&mut figures) {
            figures.push(load.run(one, place, size.divisor)?);
        }
    }
    let middles: Vec<load::Figures> = figures.into_iter().map(load::Figures::middle).collect();
    let hops = able.iter().zip(&middles).filter(|(one, _)| !one.is_direct());
    let best = hops.map(|(_, figures)| figures.rate).fold(0.0, f64::max);
    for (one, figures) in able.iter().zip(&middles) {
        println!(
            "{:<12}{:>14.0}{:>10.2}{:>12}{:>12}{:>14}",
            one.name,
            figures.rate,
            figures.rate / best,
            shown(figures.p50_ms, 3),
            shown(figures.p99_ms, 3),
            shown(figures.cpu_us, 1),
        );
    }
    Ok(())
}

fn shown(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"))
}
