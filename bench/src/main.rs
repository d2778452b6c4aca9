//! What Mainstay costs: `cargo run --release -p bench -- checks`.

#![expect(clippy::print_stdout, reason = "the figures are printed")]

mod admit;
mod checks;
mod cpu;
mod rehearse;
mod relay;
mod rules;
mod serve;
mod soak;
mod whole;

use anyhow::bail;

const USAGE: &str = "\
bench checks [ROUNDS [CHECKS]]   CPU time of verified TLS checks, beside bare rustls and the blackbox exporter
bench whole [DEPENDENCIES [SECONDS]]   CPU share and memory of `serve` with many dependencies every 60 s
bench start [DEPENDENCIES]   how soon `serve` is ready
bench rules   nanoseconds to judge conditions of rules, beside Rust, and what thirty of them add to a check
bench admit   nanoseconds to prepare a deciding handshake, and to decide
bench relay [ROUNDS DIVISOR [ONLY]]   the relay beside HAProxy, nginx, stunnel and PgBouncer; ONLY: a part of a load's title
bench soak [SHORT IDLE]   a relay with very many connections, slow readers and kill -9 under load; every byte is checked
bench rehearse [DEPENDENCIES]   how long it takes to prove who would be told over four weeks";

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["checks"] => checks::run(checks::Size::default()),
        ["checks", rounds] => checks::run(checks::Size { rounds: rounds.parse()?, ..Default::default() }),
        ["checks", rounds, checks] => {
            checks::run(checks::Size { rounds: rounds.parse()?, checks: checks.parse()? })
        }
        ["whole"] => whole::run(&whole::Size { dependencies: 10_000, seconds: 120 }),
        ["whole", dependencies, seconds] => {
            whole::run(&whole::Size { dependencies: dependencies.parse()?, seconds: seconds.parse()? })
        }
        ["admit"] => admit::run(),
        ["rules"] => rules::run(),
        ["start"] => whole::start(100_000),
        ["start", dependencies] => whole::start(dependencies.parse()?),
        ["relay"] => relay::run(&relay::Size { rounds: 3, divisor: 1, only: String::new() }),
        ["relay", rounds, divisor] => relay::run(&relay::Size {
            rounds: rounds.parse()?,
            divisor: divisor.parse()?,
            only: String::new(),
        }),
        ["relay", rounds, divisor, only] => relay::run(&relay::Size {
            rounds: rounds.parse()?,
            divisor: divisor.parse()?,
            only: (*only).to_owned(),
        }),
        ["soak"] => soak::run(&soak::Size { short: 100_000, idle: 5_000 }),
        ["soak", short, idle] => soak::run(&soak::Size { short: short.parse()?, idle: idle.parse()? }),
        ["rehearse"] => rehearse::run(1_000),
        ["rehearse", dependencies] => rehearse::run(dependencies.parse()?),
        // The peer of the above, in a process of its own so that its work is not counted.
        ["serve", directory] => serve::run(directory.as_ref()),
        _ => bail!("usage:\n{USAGE}"),
    }
}
