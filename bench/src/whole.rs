//! The whole service as a process: what it uses while it watches many dependencies, and how soon it is ready.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mainstay_testkit::servers::free_port;
use mainstay_testkit::{Pki, Scenario};

use crate::cpu;
use crate::serve::{ADDRESSES, Server};

/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(300);

/// The name that every certificate here is for.
const NAME: &str = "db.example.test";

/// What `bench whole` measures.
pub(crate) struct Size {
    /// TLS targets, each checked once a minute.
    pub(crate) dependencies: usize,
    /// How long to look, once every target was checked.
    pub(crate) seconds: u64,
}

/// CPU share and memory of `serve` with many dependencies every 60 s.
pub(crate) fn run(size: &Size) -> anyhow::Result<()> {
    let directory = tempdir("whole")?;
    let pki = Pki::new(now());
    pki.identity(Scenario::Fine, NAME).write(&directory);
    pki.write_root(&directory);
    let server = Server::start(&directory)?;
    let instance = Instance::start(&directory, &configuration(size.dependencies, server.tls_port, 60))?;
    println!(
        "{} dependencies every 60 s: ready after {:.1} s",
        size.dependencies,
        instance.took.as_secs_f64()
    );
    let begun = Instant::now();
    while instance.healthy()? < size.dependencies {
        ensure!(
            begun.elapsed() < PATIENCE,
            "not every target was checked in time: {} were",
            instance.healthy()?
        );
        std::thread::sleep(Duration::from_secs(1));
    }
    println!("all of them healthy after {:.1} s", begun.elapsed().as_secs_f64());
    let (before, from) = (cpu::used_by(instance.child.id())?, Instant::now());
    std::thread::sleep(Duration::from_secs(size.seconds));
    let used = cpu::used_by(instance.child.id())? - before;
    let share = used.as_secs_f64() / from.elapsed().as_secs_f64() * 100.0;
    println!("over {} s: {share:.1} % of one core, {:.0} MB of memory", size.seconds, instance.memory()?);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

/// How soon `serve` is ready with so many dependencies, for the first time and again.
pub(crate) fn start(dependencies: usize) -> anyhow::Result<()> {
    let directory = tempdir("start")?;
    // Once a day, so that the start is measured and not the checks.
    let yaml = configuration(dependencies, free_port(), 86_400);
    Pki::new(now()).write_root(&directory);
    for which in ["first start", "second start"] {
        let instance = Instance::start(&directory, &yaml)?;
        println!(
            "{dependencies} dependencies, {which}: ready after {:.2} s, {:.0} MB of memory",
            instance.took.as_secs_f64(),
            instance.memory()?
        );
    }
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

/// The program as a process; it is gone when this is dropped.
struct Instance {
    child: Child,
    port: u16,
    /// Until it said that it is ready.
    took: Duration,
}

impl Instance {
    fn start(directory: &Path, yaml: &str) -> anyhow::Result<Instance> {
        let (port, public) = (free_port(), free_port());
        let head = format!(
            "server: {{ listen: 127.0.0.1:{port}, data_dir: ./data }}\nstatus_page: {{ listen: 127.0.0.1:{public} }}\n"
        );
        let config = directory.join("mainstay.yaml");
        std::fs::write(&config, head + yaml)?;
        let program = std::env::current_exe()?.with_file_name("mainstay");
        let begun = Instant::now();
        let child = Command::new(&program)
            .args(["serve", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(directory.join("log"))?)
            .spawn()
            .with_context(|| {
                format!("cannot start {}; build it with cargo build --release", program.display())
            })?;
        let mut instance = Instance { child, port, took: Duration::ZERO };
        while !instance.get("/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            if let Some(status) = instance.child.try_wait()? {
                bail!("it ended with {status}: {}", std::fs::read_to_string(directory.join("log"))?);
            }
            ensure!(begun.elapsed() < PATIENCE, "it is not ready after {} s", PATIENCE.as_secs());
            std::thread::sleep(Duration::from_millis(20));
        }
        instance.took = begun.elapsed();
        Ok(instance)
    }

    fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.port)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn healthy(&self) -> anyhow::Result<usize> {
        let answer = self.get("/api/v1/status")?;
        let (_, rest) = answer.split_once("\"healthy\":").context("the status counts the healthy ones")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Ok(digits.parse()?)
    }

    /// Resident memory in MB.
    fn memory(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes / 1000.0)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(dependencies: usize, port: u16, every: u32) -> String {
    let mut yaml = String::from("dependencies:\n");
    for number in 0..dependencies {
        let address = 1 + number % usize::from(ADDRESSES);
        // Writing into a string cannot fail.
        let _ = writeln!(
            yaml,
            "  d{number}: {{ url: \"tls://127.0.0.{address}:{port}/#{number}\", every: {every}s, tls: {{ ca_file: root.pem, server_name: {NAME} }} }}"
        );
    }
    yaml
}

pub(crate) fn tempdir(what: &str) -> std::io::Result<std::path::PathBuf> {
    let directory = std::env::temp_dir().join(format!("mainstay-bench-{what}-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

#[expect(clippy::disallowed_methods, reason = "certificates of a benchmark begin now")]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
