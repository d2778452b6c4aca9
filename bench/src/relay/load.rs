use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::contender::Contender;
use super::{NAME, Place, USER, mysql};

/// One kind of work.
pub(crate) struct Load {
    pub(crate) title: &'static str,
    kind: Kind,
}

enum Kind {
    /// redis-benchmark: GET.
    Redis { clients: usize, requests: usize, bytes: usize, keeps: bool },
    /// pgbench, one select by its primary key.
    Postgres { clients: usize, transactions: usize, mode: &'static str, reconnects: bool },
    /// sysbench, one select by its primary key.
    MySql { clients: usize, events: usize, reconnects: bool },
}

pub(crate) const ALL: &[Load] = &[
    redis("Redis GET, 50 clients", 50, 300_000, 3, true),
    redis("Redis GET, 1 client", 1, 40_000, 3, true),
    redis("Redis GET of 512 KiB, 4 clients (raw throughput)", 4, 4_000, 512 * 1024, true),
    redis("Redis, a new connection for each of 8 clients' GETs", 8, 6_000, 3, false),
    postgres("pgbench -S -M simple, 1 client", 1, 10_000, "simple", false),
    postgres("pgbench -S -M prepared, 1 client", 1, 10_000, "prepared", false),
    postgres("pgbench -S -M prepared, 8 clients", 8, 6_000, "prepared", false),
    postgres("pgbench -S -M prepared, 64 clients", 64, 1_000, "prepared", false),
    postgres("pgbench -S -C, a new connection each, 4 clients", 4, 150, "simple", true),
    mysql("sysbench, MariaDB, 1 client (direct: in the clear)", 1, 10_000, false),
    mysql("sysbench, MariaDB, 16 clients (direct: in the clear)", 16, 60_000, false),
    mysql("sysbench, MariaDB, a new connection each, 4 clients (direct: in the clear)", 4, 1_000, true),
];

const fn redis(title: &'static str, clients: usize, requests: usize, bytes: usize, keeps: bool) -> Load {
    Load { title, kind: Kind::Redis { clients, requests, bytes, keeps } }
}

const fn postgres(
    title: &'static str,
    clients: usize,
    transactions: usize,
    mode: &'static str,
    reconnects: bool,
) -> Load {
    Load { title, kind: Kind::Postgres { clients, transactions, mode, reconnects } }
}

const fn mysql(title: &'static str, clients: usize, events: usize, reconnects: bool) -> Load {
    Load { title, kind: Kind::MySql { clients, events, reconnects } }
}

/// What one run showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    /// CPU time of the hop for each request.
    pub(crate) cpu_us: Option<f64>,
}

impl Figures {
    /// The run in the middle by its rate.
    pub(crate) fn middle(mut runs: Vec<Figures>) -> Figures {
        runs.sort_by(|one, other| one.rate.total_cmp(&other.rate));
        runs[runs.len() / 2]
    }
}

/// The tables that pgbench asks.
pub(crate) fn prepare(place: &Place<'_>) -> anyhow::Result<()> {
    output(pgbench(place.postgres, place, true).args(["-i", "-q", "-s", "10", "bench"]))?;
    Ok(())
}

impl Load {
    /// Where this load reaches a contender; `None` when that cannot carry it.
    pub(crate) fn port(&self, contender: &Contender, place: &Place<'_>) -> Option<u16> {
        match (&self.kind, contender.is_direct()) {
            (Kind::Redis { .. }, true) => Some(place.redis),
            (Kind::Postgres { .. }, true) => Some(place.postgres),
            (Kind::MySql { .. }, true) => Some(place.mysql),
            (Kind::Redis { .. }, false) => contender.ports.redis,
            (Kind::Postgres { .. }, false) => contender.ports.postgres,
            (Kind::MySql { .. }, false) => contender.ports.mysql,
        }
    }

    pub(crate) fn run(
        &self,
        contender: &Contender,
        place: &Place<'_>,
        divisor: usize,
    ) -> anyhow::Result<Figures> {
        let port = self.port(contender, place).context("it carries this load")?;
        let before = contender.cpu()?;
        let (figures, count) = match self.kind {
            Kind::Redis { clients, requests, bytes, keeps } => {
                let requests = requests / divisor;
                let figures =
                    redis_benchmark(port, contender.is_direct(), place, (clients, requests, bytes, keeps))?;
                // Each value is set as often as it is got.
                (figures, 2 * requests)
            }
            Kind::Postgres { clients, transactions, mode, reconnects } => {
                let transactions = transactions / divisor;
                let count = clients * transactions;
                let work = (clients, transactions, mode, reconnects);
                (pgbench_run(port, contender.is_direct(), place, work)?, count)
            }
            Kind::MySql { clients, events, reconnects } => {
                let events = events / divisor;
                (mysql::run(port, place, (clients, events, reconnects))?, events)
            }
        };
        let used = before.zip(contender.cpu()?).map(|(before, after)| after.saturating_sub(before));
        let cpu_us = used.map(|used: Duration| used.as_secs_f64() * 1e6 / count as f64);
        Ok(Figures { cpu_us, ..figures })
    }
}

fn redis_benchmark(
    port: u16,
    direct: bool,
    place: &Place<'_>,
    (clients, requests, bytes, keeps): (usize, usize, usize, bool),
) -> anyhow::Result<Figures> {
    let mut command = Command::new("redis-benchmark");
    command.args(["-h", NAME, "-p", &port.to_string(), "--csv", "-t", "set,get"]);
    command.args(["-n", &requests.to_string(), "-c", &clients.to_string(), "-d", &bytes.to_string()]);
    command.args(["-k", if keeps { "1" } else { "0" }]);
    if direct {
        command.args(["--tls", "--sni", NAME, "--cacert"]).arg(place.ca_file);
    }
    let text = output(&mut command)?;
    // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
    let line =
        text.lines().find(|line| line.starts_with("\"GET\"")).with_context(|| format!("a line: {text}"))?;
    let fields: Vec<f64> =
        line.split(',').skip(1).filter_map(|field| field.trim_matches('"').parse().ok()).collect();
    ensure!(fields.len() >= 6, "seven figures: {line}");
    Ok(Figures { rate: fields[0], p50_ms: Some(fields[3]), p99_ms: Some(fields[5]), cpu_us: None })
}

fn pgbench(port: u16, place: &Place<'_>, direct: bool) -> Command {
    let mut command = Command::new("pgbench");
    command
        .env("PGPASSWORD", USER.1)
        .env("PGUSER", USER.0)
        .env("PGHOST", NAME)
        .env("PGPORT", port.to_string());
    if direct {
        command.env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", place.ca_file);
    } else {
        command.env("PGSSLMODE", "disable");
    }
    command
}

fn pgbench_run(
    port: u16,
    direct: bool,
    place: &Place<'_>,
    (clients, transactions, mode, reconnects): (usize, usize, &str, bool),
) -> anyhow::Result<Figures> {
    let log = place.directory.join("pgbench-log");
    let mut command = pgbench(port, place, direct);
    command.args(["-S", "-n", "-M", mode, "-c", &clients.to_string(), "-t", &transactions.to_string()]);
    command.args(["-l", "--log-prefix"]).arg(&log);
    if reconnects {
        command.arg("-C");
    }
    let text = output(command.arg("bench"))?;
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let mut latencies = Vec::new();
    for file in std::fs::read_dir(place.directory)? {
        let path = file?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pgbench-log")) {
            // client, transaction, latency in microseconds, …
            let text = std::fs::read_to_string(&path)?;
            latencies.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok()));
            std::fs::remove_file(&path)?;
        }
    }
    latencies.sort_unstable();
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).map(|us| *us as f64 / 1e3);
    Ok(Figures { rate: rate.context("a line with tps")?, p50_ms: at(0.5), p99_ms: at(0.99), cpu_us: None })
}

pub(super) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    Ok(text)
}
