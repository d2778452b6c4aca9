use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::cpu;

/// One way from the load to the servers.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Where it takes each protocol in the clear, if it can carry that.
    pub(crate) ports: Ports,
    /// None: the load goes to the servers themselves, by TLS.
    process: Option<Child>,
}

/// A port for each protocol.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ports {
    pub(crate) redis: Option<u16>,
    pub(crate) postgres: Option<u16>,
    pub(crate) mysql: Option<u16>,
}

impl Contender {
    /// No hop at all.
    pub(crate) fn direct() -> Contender {
        Contender { name: "direct TLS", ports: Ports::default(), process: None }
    }

    /// A hop that this starts, and that listens at those ports once it is up.
    pub(crate) fn start(
        name: &'static str,
        ports: Ports,
        program: &Path,
        arguments: &[&str],
        directory: &Path,
    ) -> anyhow::Result<Contender> {
        let log = std::fs::File::create(directory.join(format!("{name}.log")))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let one = Contender { name, ports, process: Some(process) };
        for port in [ports.redis, ports.postgres, ports.mysql].into_iter().flatten() {
            listens(port).with_context(|| {
                let log = std::fs::read_to_string(directory.join(format!("{name}.log"))).unwrap_or_default();
                format!("{name} does not listen: {log}")
            })?;
        }
        Ok(one)
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.process.is_none()
    }

    /// The CPU time that it and its children used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Option<Duration>> {
        let Some(process) = &self.process else { return Ok(None) };
        let mut all = cpu::used_with_ended_threads(process.id())?;
        for child in children(process.id())? {
            all += cpu::used_with_ended_threads(child).unwrap_or_default();
        }
        Ok(Some(all))
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            for child in children(process.id()).unwrap_or_default() {
                let _ = Command::new("kill").arg(child.to_string()).status();
            }
            // It may have ended by itself already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// nginx works in children.
fn children(pid: u32) -> anyhow::Result<Vec<u32>> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    Ok(text.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

fn listens(port: u16) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        ensure!(Instant::now() < until, "nothing listens on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
