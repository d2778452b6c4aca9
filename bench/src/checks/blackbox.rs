use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::{SERVER_NAME, path_text};

const PROGRAM: &str = "prometheus-blackbox-exporter";

/// Prometheus's blackbox exporter as Debian has it, on loopback; it is gone when this is dropped.
pub(super) struct Blackbox {
    child: Child,
    port: u16,
}

impl Blackbox {
    /// Starts it; `None` where it is not installed.
    pub(super) fn start(directory: &Path) -> anyhow::Result<Option<Blackbox>> {
        let configuration = directory.join("blackbox.yml");
        let root = directory.join("root.pem");
        std::fs::write(&configuration, module(path_text(&root)?))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let started = Command::new(PROGRAM)
            .arg(format!("--config.file={}", path_text(&configuration)?))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = match started {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context(PROGRAM),
        };
        let exporter = Blackbox { child, port };
        exporter.wait_until_it_listens()?;
        Ok(Some(exporter))
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks for one probe after the other over one connection, as Prometheus does.
    pub(super) fn subject(self, target: u16) -> impl FnMut(u32) -> anyhow::Result<()> {
        move |checks| {
            let mut connection = BufReader::new(self.connect()?);
            for _ in 0..checks {
                let metrics = ask(&mut connection, &format!("/probe?module=tls&target=127.0.0.1:{target}"))?;
                ensure!(metrics.contains("\nprobe_success 1\n"), "the probe failed:\n{metrics}");
            }
            Ok(())
        }
    }

    fn wait_until_it_listens(&self) -> anyhow::Result<()> {
        let start = Instant::now();
        while self.connect().is_err() {
            ensure!(start.elapsed() < Duration::from_secs(10), "{PROGRAM} does not listen on {}", self.port);
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        connection.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(connection)
    }
}

impl Drop for Blackbox {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn module(root: &str) -> String {
    format!(
        "modules:\n  tls:\n    prober: tcp\n    timeout: 10s\n    tcp:\n      tls: true\n      tls_config: {{ ca_file: {root}, server_name: {SERVER_NAME} }}\n"
    )
}

fn ask(connection: &mut BufReader<TcpStream>, path: &str) -> anyhow::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes())?;
    let mut length = None;
    loop {
        let mut line = String::new();
        connection.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = Some(value.parse()?)
            }
            Some(_) => {}
            None if line.starts_with("HTTP/1.1 200") => {}
            None if line == "\r\n" => break,
            None => bail!("an answer that is not understood: {line:?}"),
        }
    }
    let mut body = vec![0; length.context("the answer says how long it is")?];
    connection.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}
