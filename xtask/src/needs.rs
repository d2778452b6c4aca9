//! The real servers and the browser that the tests talk to.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// A program that tests start, and the Debian package that brings it.
const NEEDS: [(&str, &str); 12] = [
    ("postgres", "postgresql"),
    ("mariadbd", "mariadb-server"),
    ("redis-server", "redis-server"),
    ("nginx", "nginx-light"),
    ("postfix", "postfix"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("faketime", "faketime"),
    ("openssl", "openssl"),
    ("sqlite3", "sqlite3"),
    ("prometheus-alertmanager", "prometheus-alertmanager"),
    ("prometheus", "prometheus"),
];

/// Installs what is missing with apt-get, as root or by sudo. Where neither is possible the tests that need it say that
/// they are skipped, except in CI, where that would hide something.
pub(crate) fn install() -> anyhow::Result<()> {
    let missing: Vec<&str> =
        NEEDS.iter().filter(|(program, _)| !is_installed(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        println!("== needs: all servers and the browser for the tests are installed");
        return Ok(());
    }
    println!("== needs: installing {}", missing.join(" "));
    let Some(prefix) = privilege() else {
        let advice = format!("apt-get install {}", missing.join(" "));
        if std::env::var_os("CI").is_some() {
            bail!("neither root nor sudo: run {advice}");
        }
        println!(
            "== needs: neither root nor sudo, so the tests that need them are skipped; to run them: {advice}"
        );
        return Ok(());
    };
    apt(&prefix, &["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&missing);
    apt(&prefix, &install)
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ordinary = std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
    let system = ["/usr/sbin", "/sbin"].iter().any(|directory| Path::new(directory).join(program).is_file());
    ordinary || system || (program == "postgres" && postgres_is_installed())
}

/// Debian keeps each version in its own directory, outside the path.
fn postgres_is_installed() -> bool {
    let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") else { return false };
    versions.flatten().any(|version| version.path().join("bin/postgres").is_file())
}

/// What to put before a command that needs root: nothing, or sudo that asks for no password.
fn privilege() -> Option<Vec<&'static str>> {
    let prints = |program: &str, argument: &str| {
        Command::new(program)
            .arg(argument)
            .output()
            .ok()
            .filter(|output| output.status.success())
            .map(|output| output.stdout)
    };
    if prints("id", "-u")?.starts_with(b"0\n") {
        return Some(vec![]);
    }
    let sudo = Command::new("sudo").args(["-n", "true"]).output().ok()?;
    sudo.status.success().then(|| vec!["sudo", "-n", "--preserve-env=DEBIAN_FRONTEND,RUNLEVEL"])
}

fn apt(prefix: &[&str], arguments: &[&str]) -> anyhow::Result<()> {
    let words: Vec<&str> =
        prefix.iter().copied().chain(["apt-get"]).chain(arguments.iter().copied()).collect();
    let [program, rest @ ..] = words.as_slice() else { bail!("nothing to run") };
    let status = Command::new(program)
        .args(rest)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // The packages would start their servers; the tests start their own.
        .env("RUNLEVEL", "1")
        .status()
        .context("apt-get cannot be started: the test command knows Debian and its kin")?;
    if !status.success() {
        bail!("{} failed", words.join(" "));
    }
    Ok(())
}
