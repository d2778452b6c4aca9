use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use mainstay_testkit::servers::MariaDb;

use super::load::{Figures, output};
use super::{Place, USER};

/// One select by its primary key, over a connection that stays.
const STAYS: &str = "function thread_init() con = sysbench.sql.driver():connect() end
function event() con:query('SELECT c FROM numbers WHERE id = ' .. sysbench.rand.uniform(1, 10000)) end
";

/// The same, each over a connection of its own.
const RECONNECTS: &str = "function event()
  local con = sysbench.sql.driver():connect()
  con:query('SELECT c FROM numbers WHERE id = ' .. sysbench.rand.uniform(1, 10000))
  con:disconnect()
end
";

/// The table, and the two scripts.
pub(crate) fn prepare(mariadb: &MariaDb, directory: &Path) -> anyhow::Result<()> {
    mariadb.execute(
        "CREATE DATABASE bench; CREATE TABLE bench.numbers (id INT PRIMARY KEY, c CHAR(60)) ENGINE=InnoDB;
         USE bench; INSERT INTO numbers SELECT seq, MD5(seq) FROM seq_1_to_10000;",
    );
    for (name, script) in [("stays.lua", STAYS), ("reconnects.lua", RECONNECTS)] {
        std::fs::write(directory.join(name), script)?;
    }
    Ok(())
}

/// sysbench cannot do TLS without a client's certificate, so the way without a hop is in the clear: no hop can be as fast.
pub(crate) fn run(
    port: u16,
    place: &Place<'_>,
    (clients, events, reconnects): (usize, usize, bool),
) -> anyhow::Result<Figures> {
    let mut command = Command::new("sysbench");
    command.current_dir(place.directory);
    command.args(["--db-driver=mysql", "--mysql-host=127.0.0.1", "--mysql-db=bench", "--mysql-ssl=off"]);
    command.arg(format!("--mysql-port={port}"));
    command.args([format!("--mysql-user={}", USER.0), format!("--mysql-password={}", USER.1)]);
    command.args([format!("--threads={clients}"), format!("--events={events}")]);
    command.args(["--time=0", "--histogram=on"]);
    command.args([if reconnects { "reconnects.lua" } else { "stays.lua" }, "run"]);
    read(&output(&mut command)?, events)
}

/// The figures of what sysbench prints at its end.
fn read(text: &str, events: usize) -> anyhow::Result<Figures> {
    let seconds = text.lines().find_map(|line| line.trim().strip_prefix("total time:"));
    let seconds: f64 =
        seconds.with_context(|| format!("a total time: {text}"))?.trim().trim_end_matches('s').parse()?;
    // Milliseconds, a bar, and how many took about so long.
    let bars: Vec<(f64, usize)> = text
        .lines()
        .filter(|line| line.contains('|'))
        .filter_map(|line| {
            Some((
                line.split_whitespace().next()?.parse().ok()?,
                line.split_whitespace().last()?.parse().ok()?,
            ))
        })
        .collect();
    let all: usize = bars.iter().map(|(_, count)| count).sum();
    let at = |share: f64| {
        let mut below = 0;
        bars.iter().find_map(|(ms, count)| {
            below += count;
            (below as f64 >= all as f64 * share).then_some(*ms)
        })
    };
    Ok(Figures { rate: events as f64 / seconds, p50_ms: at(0.5), p99_ms: at(0.99), cpu_us: None })
}
