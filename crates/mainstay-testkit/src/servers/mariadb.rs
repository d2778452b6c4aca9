use std::path::{Path, PathBuf};
use std::process::Command;

use super::keeper::Keeper;
use super::place::{Place, clean_environment, run};
use super::requirement::find_program;
use super::{Account, Method, Missing, free_port, template};
use crate::Identity;

const USERS: [&str; 2] = ["mysql", "nobody"];
/// Debian keeps plug-ins elsewhere than the server looks when it runs without its option files.
const DEBIAN_PLUGINS: &str = "/usr/lib/mysql/plugin";
/// The smallest that InnoDB takes: the template is copied for every server.
const SMALL_LOG: &str = "--innodb-log-file-size=4M";

/// A MariaDB server. Its superuser `root` needs no password on the Unix socket.
#[derive(Debug)]
pub struct MariaDb {
    keeper: Keeper,
    port: u16,
}

/// How a MariaDB server is set up.
#[derive(Clone, Copy, Default)]
pub struct MariaDbOptions<'a> {
    /// Certificate chain and key; without them the server does not offer TLS.
    pub identity: Option<&'a Identity>,
    /// Users beside the superuser. They may connect with and without TLS and may do everything.
    pub accounts: &'a [Account],
}

impl MariaDb {
    /// Whether MariaDB is installed here.
    pub fn available() -> Result<(), Missing> {
        let found = find_program("mariadbd", &[]).and(find_program("mariadb-install-db", &[]));
        found.map(|_| ()).ok_or(Missing::new("mariadbd is not installed", "apt-get install mariadb-server"))
    }

    /// Whether the plug-in for [`Method::Ed25519`] is there too.
    pub fn has_ed25519() -> bool {
        Path::new(DEBIAN_PLUGINS).join("auth_ed25519.so").is_file()
    }

    /// Starts a server.
    ///
    /// # Panics
    /// When it does not start; with its log.
    pub fn start(options: MariaDbOptions<'_>) -> MariaDb {
        let mariadbd = program("mariadbd");
        let place = Place::new("mariadb", &USERS);
        template::copy_of(&mariadbd, &place, &USERS, initialise);
        if let Some(identity) = options.identity {
            place.write_identity(identity);
        }
        let port = free_port();
        let server = command_line(&mariadbd, &place, port, options.identity.is_some());
        // An orderly shutdown takes a while to write what nobody will read.
        let keeper = Keeper::start(place, &server, "KILL", "ready for connections");
        let mariadb = MariaDb { keeper, port };
        mariadb.create(options.accounts);
        mariadb
    }

    /// The TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs SQL as the superuser and gives the rows, columns separated by tabs.
    pub fn execute(&self, sql: &str) -> String {
        let mut command = Command::new(program("mariadb"));
        clean_environment(&mut command).args([
            "--no-defaults",
            "--user=root",
            "--batch",
            "--skip-column-names",
        ]);
        let socket = format!("--socket={}", self.keeper.place.path("socket").display());
        run(command.arg(socket).args(["--execute", sql])).trim_end().to_owned()
    }

    /// Swaps the certificate while the server runs; new connections get the new one when this returns.
    pub fn reload_identity(&self, identity: &Identity) {
        self.keeper.place.write_identity(identity);
        self.execute("FLUSH SSL");
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        self.keeper.log()
    }

    fn create(&self, accounts: &[Account]) {
        // Nameless users of a fresh installation come before users from anywhere, and would shadow ours.
        let nameless = "DELETE FROM mysql.global_priv WHERE User = ''; FLUSH PRIVILEGES;".to_owned();
        let statements: Vec<String> =
            std::iter::once(nameless).chain(accounts.iter().map(create_user)).collect();
        self.execute(&statements.concat());
    }
}

fn program(name: &str) -> PathBuf {
    find_program(name, &[]).unwrap_or_else(|| panic!("{name} is missing; the test asks available() first"))
}

fn initialise(place: &Place) {
    let mut command = place.command(&program("mariadb-install-db"));
    command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", SMALL_LOG]);
    run(command.arg(format!("--datadir={}", place.path("data").display())));
}

fn create_user(account: &Account) -> String {
    let plugin = match account.method {
        Method::MySqlNative => "mysql_native_password",
        Method::Ed25519 => "ed25519",
        other => panic!("MariaDB has no log-in method {other:?}"),
    };
    let Account { user, password, .. } = account;
    let password = password.replace('\\', "\\\\").replace('\'', "''");
    format!(
        "CREATE USER '{user}'@'%' IDENTIFIED VIA {plugin} USING PASSWORD('{password}'); GRANT ALL ON *.* TO '{user}'@'%';"
    )
}

fn command_line(mariadbd: &Path, place: &Place, port: u16, tls: bool) -> Vec<String> {
    let here = place.directory.display();
    let mut line = vec![
        mariadbd.display().to_string(),
        "--no-defaults".to_owned(),
        format!("--datadir={here}/data"),
        format!("--socket={here}/socket"),
        format!("--pid-file={here}/mariadbd.pid"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--port={port}"),
        SMALL_LOG.to_owned(),
        "--innodb-buffer-pool-size=8M".to_owned(),
        "--innodb-flush-log-at-trx-commit=0".to_owned(),
        "--innodb-doublewrite=0".to_owned(),
        "--innodb-use-native-aio=0".to_owned(),
        "--key-buffer-size=1M".to_owned(),
        "--aria-pagecache-buffer-size=1M".to_owned(),
    ];
    if MariaDb::has_ed25519() {
        line.push(format!("--plugin-dir={DEBIAN_PLUGINS}"));
        line.push("--plugin-load-add=auth_ed25519".to_owned());
    }
    if tls {
        line.push(format!("--ssl-cert={here}/chain.pem"));
        line.push(format!("--ssl-key={here}/key.pem"));
    }
    line
}
