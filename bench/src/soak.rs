//! A relay in bad days: very many short connections, very many idle ones, readers that do not read, and `kill -9` under load. Every
//! byte is checked, and what is left behind is counted.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mainstay_testkit::servers::{Postgres, free_port};
use mainstay_testkit::{Pki, Scenario};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::relay::{NAME, USER, servers};
use crate::whole::{now, tempdir};

/// What `bench soak` does.
pub(crate) struct Size {
    /// Connections that each ask one thing.
    pub(crate) short: usize,
    /// Connections that are open at once.
    pub(crate) idle: usize,
}

/// What slow readers ask for, each as a whole.
const VALUE: usize = 32 * 1024 * 1024;
const SLOW_READERS: usize = 40;
/// How long they do not read.
const DOZE: Duration = Duration::from_secs(5);
/// Short connections at the same time.
const AT_ONCE: usize = 32;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(size: &Size) -> anyhow::Result<()> {
    let directory = tempdir("soak")?;
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Fine, NAME);
    pki.write_root(&directory);
    let (redis, postgres) = servers(&identity);
    let ports = Ports { cache: free_port(), db: free_port() };
    let config = directory.join("mainstay.yaml");
    std::fs::write(&config, configuration(redis.tls_port(), postgres.port(), &ports))?;
    let relay = Relay::start(&config, &ports)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        short(&relay, ports.cache(), size.short).await?;
        idle(&relay, ports.cache(), size.idle).await?;
        slow(&relay, ports.cache()).await
    })?;
    killed(relay, &config, &ports, &postgres)?;
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

struct Ports {
    cache: u16,
    db: u16,
}

impl Ports {
    fn cache(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.cache))
    }
}

fn configuration(redis: u16, postgres: u16, ports: &Ports) -> String {
    format!(
        "server: {{ listen: 127.0.0.1:{}, data_dir: ./data }}\n\
         status_page: {{ listen: 127.0.0.1:{} }}\n\
         dependencies:\n  \
           cache: {{ url: rediss://{NAME}:{redis}, tls: {{ ca_file: root.pem }}, every: 24h, relay: {{ listen: 127.0.0.1:{} }} }}\n  \
           db: {{ url: postgres://{NAME}:{postgres}, tls: {{ ca_file: root.pem }}, every: 24h, relay: {{ listen: 127.0.0.1:{} }} }}\n",
        free_port(),
        free_port(),
        ports.cache,
        ports.db,
    )
}

/// The program as a process; it is gone when this is dropped.
struct Relay(Child);

impl Relay {
    fn start(config: &Path, ports: &Ports) -> anyhow::Result<Relay> {
        let program = std::env::current_exe()?.with_file_name("mainstay");
        let child = Command::new(&program)
            .args(["serve", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(config.with_extension("log"))?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let relay = Relay(child);
        let until = Instant::now() + PATIENCE;
        for port in [ports.cache, ports.db] {
            while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
                ensure!(Instant::now() < until, "the relay does not listen on port {port}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(relay)
    }

    /// Resident memory in MB, and open files.
    fn holds(&self) -> anyhow::Result<(f64, usize)> {
        let proc = Path::new("/proc").join(self.0.id().to_string());
        let status = std::fs::read_to_string(proc.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok((kilobytes / 1000.0, std::fs::read_dir(proc.join("fd"))?.count()))
    }

    /// Waits until no more files are open than before, but for a visit of the relay's own that may be under way.
    async fn settled(&self, before: usize) -> anyhow::Result<()> {
        let (until, files) = (Instant::now() + PATIENCE, before + 2);
        while self.holds()?.1 > files {
            ensure!(Instant::now() < until, "{} files are left open of {files}", self.holds()?.1);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    fn tell(&self, what: &str) -> anyhow::Result<()> {
        let (megabytes, files) = self.holds()?;
        println!("{what}: {megabytes:.0} MB, {files} open files");
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "an application connects")]
async fn connect(to: SocketAddr) -> anyhow::Result<TcpStream> {
    Ok(TcpStream::connect(to).await?)
}

async fn ping(stream: &mut TcpStream) -> anyhow::Result<()> {
    stream.write_all(b"*1\r\n$4\r\nPING\r\n").await?;
    let mut answer = [0; 7];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await??;
    ensure!(&answer == b"+PONG\r\n", "an answer is another: {}", answer.escape_ascii());
    Ok(())
}

/// Each connection asks one thing and goes.
async fn short(relay: &Relay, to: SocketAddr, count: usize) -> anyhow::Result<()> {
    async fn one(to: SocketAddr) -> anyhow::Result<()> {
        let mut stream = connect(to).await?;
        ping(&mut stream).await
    }
    for _ in 0..AT_ONCE {
        one(to).await?;
    }
    relay.tell("at the beginning")?;
    let files = relay.holds()?.1;
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..AT_ONCE {
        clients.spawn(async move {
            for _ in (client..count).step_by(AT_ONCE) {
                one(to).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    relay.settled(files).await?;
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    relay.tell(&format!("after {count} short connections, {rate:.0} a second"))
}

/// All are open at once, and each still answers after the last one came.
async fn idle(relay: &Relay, to: SocketAddr, count: usize) -> anyhow::Result<()> {
    let files = relay.holds()?.1;
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = connect(to).await?;
        ping(&mut stream).await?;
        open.push(stream);
    }
    relay.tell(&format!("with {count} idle connections"))?;
    for stream in &mut open {
        ping(stream).await?;
    }
    drop(open);
    relay.settled(files).await?;
    relay.tell("after they were closed")
}

/// Each asks for a large value and does not read for a while; then every byte has to be there.
async fn slow(relay: &Relay, to: SocketAddr) -> anyhow::Result<()> {
    let files = relay.holds()?.1;
    let mut writer = connect(to).await?;
    let value = bytes(VALUE);
    writer.write_all(format!("*3\r\n$3\r\nSET\r\n$1\r\nv\r\n${VALUE}\r\n").as_bytes()).await?;
    writer.write_all(&value).await?;
    writer.write_all(b"\r\n").await?;
    let mut answer = [0; 5];
    writer.read_exact(&mut answer).await?;
    ensure!(&answer == b"+OK\r\n", "the value is not kept: {}", answer.escape_ascii());
    let mut readers = Vec::new();
    for _ in 0..SLOW_READERS {
        let mut reader = connect(to).await?;
        reader.write_all(b"*2\r\n$3\r\nGET\r\n$1\r\nv\r\n").await?;
        readers.push(reader);
    }
    tokio::time::sleep(DOZE).await;
    relay.tell(&format!("with {SLOW_READERS} readers that do not read, each of {} MB", VALUE / 1_000_000))?;
    let head = format!("${VALUE}\r\n").into_bytes();
    for mut reader in readers {
        let mut answer = vec![0; head.len() + VALUE + 2];
        tokio::time::timeout(PATIENCE, reader.read_exact(&mut answer)).await??;
        let (said, rest) = answer[head.len()..].split_at(VALUE);
        ensure!(answer.starts_with(&head) && said == value && rest == b"\r\n", "a byte is another");
    }
    drop(writer);
    relay.settled(files).await?;
    relay.tell("after each read everything")
}

/// Bytes in which each eight differ from all others.
fn bytes(count: usize) -> Vec<u8> {
    (0..count as u64 / 8)
        .flat_map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .collect()
}

/// Whether all three sums are that of the history, and how many transactions that has.
const SUMS: &str = "
  SELECT (SELECT SUM(abalance) FROM pgbench_accounts) = h AND (SELECT SUM(tbalance) FROM pgbench_tellers) = h
     AND (SELECT SUM(bbalance) FROM pgbench_branches) = h, n
  FROM (SELECT SUM(delta) AS h, COUNT(*) AS n FROM pgbench_history) AS all_of_them";

/// pgbench's bank, the relay killed in the middle of it and started again: every transaction is there whole or not at all.
fn killed(relay: Relay, config: &Path, ports: &Ports, postgres: &Postgres) -> anyhow::Result<()> {
    let pgbench = |arguments: &[&str]| {
        let mut command = Command::new("pgbench");
        command.env("PGHOST", NAME).env("PGPORT", ports.db.to_string()).env("PGSSLMODE", "disable");
        command.env("PGUSER", USER.0).env("PGPASSWORD", USER.1).args(arguments).arg("bench");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    ensure!(pgbench(&["-i", "-q"]).output()?.status.success(), "pgbench cannot fill its tables");
    let mut relay = relay;
    for round in 1..=5 {
        let load = pgbench(&["-n", "-c", "8", "-T", "60"]).spawn()?;
        std::thread::sleep(Duration::from_secs(2));
        drop(relay);
        let ended = load.wait_with_output()?;
        ensure!(!ended.status.success(), "the load has to notice the end");
        relay = Relay::start(config, ports)?;
        let again = pgbench(&["-n", "-c", "8", "-t", "50"]).output()?;
        ensure!(again.status.success(), "the next load: {}", String::from_utf8_lossy(&again.stderr));
        let sums = Command::new("psql")
            .args(["-XAtq", "-c", SUMS])
            .arg(postgres.admin_url("bench"))
            .output()
            .context("cannot run psql")?;
        let sums = String::from_utf8_lossy(&sums.stdout).trim().to_owned();
        println!("killed under load for the {round}. time: the sums agree, transactions: {sums}");
        ensure!(sums.starts_with('t'), "the sums differ: {sums}");
    }
    relay.tell("at the end")
}
