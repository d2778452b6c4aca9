//! The rules of ARCHITECTURE.md that a script can see.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// Which crates of the workspace each crate may use. Whatever is not listed may use nothing.
const MAY_USE: [(&str, &[&str]); 14] = [
    ("mainstay-model", &[]),
    ("mainstay-wire", &[]),
    ("mainstay-engine", &["mainstay-model"]),
    ("mainstay-tls", &["mainstay-model"]),
    ("mainstay-probe", &["mainstay-model", "mainstay-wire", "mainstay-tls"]),
    ("mainstay-store", &["mainstay-model"]),
    ("mainstay-notify", &["mainstay-model"]),
    ("mainstay-relay", &["mainstay-model", "mainstay-wire", "mainstay-tls"]),
    ("mainstay-rustls", &["mainstay-model", "mainstay-tls"]),
    ("mainstay-web", &["mainstay-model", "mainstay-engine", "mainstay-store"]),
    (
        "mainstay",
        &[
            "mainstay-model",
            "mainstay-wire",
            "mainstay-engine",
            "mainstay-tls",
            "mainstay-probe",
            "mainstay-store",
            "mainstay-notify",
            "mainstay-relay",
            "mainstay-web",
        ],
    ),
    ("mainstay-testkit", &["mainstay-model"]),
    (
        "bench",
        &[
            "mainstay-model",
            "mainstay-engine",
            "mainstay-tls",
            "mainstay-probe",
            "mainstay-store",
            "mainstay-testkit",
        ],
    ),
    ("xtask", &[]),
];

/// Crates of others that only one of ours may name.
const ONLY_IN: [(&str, &str); 3] =
    [("sqlx", "mainstay-store"), ("lettre", "mainstay-notify"), ("hickory-resolver", "mainstay-probe")];

/// Crates that the pure ones must not use: sockets, clocks and executors.
const NEVER_IN_PURE: [&str; 6] = ["tokio", "sqlx", "reqwest", "axum", "hickory-resolver", "futures-util"];

/// Names of the standard library that mean a socket or a clock: the pure crates do not write them.
const NEVER_NAMED_IN_PURE: [&str; 10] = [
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
    "ToSocketAddrs",
    "SystemTime",
    "Instant",
    "Timestamp::now",
];

const PURE: [&str; 3] = ["mainstay-model", "mainstay-wire", "mainstay-engine"];

/// Fails with every broken rule.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut broken = broken_layers(&dependencies()?);
    broken.extend(misplaced_files(Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("a workspace")?)?);
    if !broken.is_empty() {
        bail!("rules of the house are broken:\n  {}", broken.join("\n  "));
    }
    println!("== house: every crate uses only what it may");
    Ok(())
}

/// For each crate of the workspace, the crates it names outside its tests.
fn dependencies() -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--locked"])
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let packages = metadata["packages"].as_array().context("packages")?;
    Ok(packages.iter().map(|package| (text(&package["name"]), used(package))).collect())
}

fn used(package: &Value) -> Vec<String> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.filter(|one| one["kind"] != "dev").map(|one| text(&one["name"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn broken_layers(dependencies: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, used) in dependencies {
        let allowed =
            MAY_USE.iter().find(|(crate_name, _)| crate_name == name).map_or(&[][..], |(_, allowed)| allowed);
        for other in used {
            if dependencies.contains_key(other) && !allowed.contains(&other.as_str()) {
                broken.push(format!("{name} must not use {other}"));
            }
            if ONLY_IN.iter().any(|(theirs, ours)| theirs == other && ours != name) {
                broken.push(format!("{name} must not name {other}"));
            }
            if PURE.contains(&name.as_str()) && NEVER_IN_PURE.contains(&other.as_str()) {
                broken.push(format!("{name} is pure and must not use {other}"));
            }
        }
    }
    broken
}

fn misplaced_files(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()?;
    let files = String::from_utf8(output.stdout)?;
    let mut broken: Vec<String> = files
        .lines()
        .filter(|file| file.ends_with("/mod.rs"))
        .map(|file| format!("{file}: write foo.rs and foo/, no mod.rs"))
        .collect();
    for name in PURE {
        let clippy_lift = "disallowed_methods";
        let lifted = files
            .lines()
            .filter(|file| file.starts_with(&format!("crates/{name}/src/")) && file.ends_with(".rs"));
        for file in lifted {
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            if text.contains(clippy_lift) {
                broken.push(format!("{file}: {name} is pure and never lifts the ban on clocks"));
            }
            let named = impure_names(&text).map(|(line, word)| {
                format!("{file}:{line}: {name} is pure and must not name {word}: it is given as an argument")
            });
            broken.extend(named);
        }
    }
    Ok(broken)
}

/// Where a text names a socket or a clock outside its comments, by line.
fn impure_names(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let code = text.lines().enumerate().map(|(at, line)| (at + 1, line.split("//").next().unwrap_or("")));
    code.flat_map(|(number, line)| {
        NEVER_NAMED_IN_PURE.into_iter().filter(|word| has_word(line, word)).map(move |word| (number, word))
    })
}

fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_word) && !line[at + word.len()..].starts_with(part_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(name: &str, used: &[&str]) -> Vec<String> {
        let mut dependencies = BTreeMap::new();
        for other in MAY_USE.iter().map(|(name, _)| *name) {
            dependencies.insert(other.to_owned(), Vec::new());
        }
        dependencies.insert(name.to_owned(), used.iter().map(|other| (*other).to_owned()).collect());
        broken_layers(&dependencies)
    }

    #[test]
    fn the_workspace_keeps_its_layers() {
        check().unwrap();
    }

    #[test]
    fn sockets_and_clocks_are_seen_in_code_alone() {
        let found = |text: &str| impure_names(text).collect::<Vec<_>>();
        assert_eq!(found("use std::net::IpAddr;\nuse std::time::{Duration, Instant};"), [(2, "Instant")]);
        assert_eq!(found("let at = std::time::SystemTime::now();"), [(1, "SystemTime")]);
        assert_eq!(found("fn a(s: std::net::TcpStream)"), [(1, "TcpStream")]);
        assert_eq!(found("/// Never an Instant.\nlet instantly = InstantCoffee;"), []);
    }

    #[test]
    fn every_broken_rule_is_seen() {
        assert_eq!(broken("mainstay-engine", &["mainstay-model", "serde"]), Vec::<String>::new());
        assert_eq!(
            broken("mainstay-engine", &["mainstay-store"]),
            ["mainstay-engine must not use mainstay-store"]
        );
        assert_eq!(broken("mainstay-web", &["sqlx"]), ["mainstay-web must not name sqlx"]);
        assert_eq!(broken("mainstay-wire", &["tokio"]), ["mainstay-wire is pure and must not use tokio"]);
        assert_eq!(broken("mainstay-new", &["mainstay-model"]), ["mainstay-new must not use mainstay-model"]);
    }
}
