use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::keeper::Keeper;
use super::place::Place;
use super::requirement::find_program;
use super::{Account, Missing, free_port};
use crate::Identity;

/// The user that the tests' own administration logs in as.
const ADMIN: &str = "testkit";

/// A Redis server with a plain port and, given an identity, one with TLS.
#[derive(Debug)]
pub struct Redis {
    keeper: Keeper,
    port: u16,
    tls_port: u16,
}

/// How a Redis server is set up.
#[derive(Clone, Copy, Default)]
pub struct RedisOptions<'a> {
    /// Certificate chain and key for the TLS port.
    pub identity: Option<&'a Identity>,
    /// Password of the default user (`requirepass`); without it, no log-in is asked for.
    pub password: Option<&'a str>,
    /// Users of the access control list.
    pub accounts: &'a [Account],
}

impl Redis {
    /// Whether Redis is installed here.
    pub fn available() -> Result<(), Missing> {
        let found = find_program("redis-server", &[]);
        found.map(|_| ()).ok_or(Missing::new("redis-server is not installed", "apt-get install redis-server"))
    }

    /// Starts a server.
    ///
    /// # Panics
    /// When it does not start; with its log.
    pub fn start(options: RedisOptions<'_>) -> Redis {
        let program = find_program("redis-server", &[]).expect("the test asks available() first");
        let place = Place::new("redis", &["redis", "nobody"]);
        if let Some(identity) = options.identity {
            place.write_identity(identity);
        }
        let (port, tls_port) = (free_port(), free_port());
        let configuration = place.write("redis.conf", &configuration(&place, options, port, tls_port));
        let server = [program.display().to_string(), configuration.display().to_string()];
        let keeper = Keeper::start(place, &server, "KILL", "eady to accept connections");
        Redis { keeper, port, tls_port }
    }

    /// The plain port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The TLS port on 127.0.0.1; nobody listens there when the server has no identity.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Swaps the certificate while the server runs; new connections get the new one when this returns.
    pub fn reload_identity(&self, identity: &Identity) {
        self.keeper.place.write_identity(identity);
        let here = self.keeper.place.directory.display();
        self.command(&format!("CONFIG SET tls-cert-file {here}/chain.pem tls-key-file {here}/key.pem"));
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        self.keeper.log()
    }

    /// Runs an inline command that answers `+OK`.
    fn command(&self, command: &str) {
        let answer = self.exchange(&format!("AUTH {ADMIN} any\r\n{command}\r\n"));
        let answer = answer.unwrap_or_else(|error| panic!("{command}: {error}\n{}", self.log()));
        assert_eq!(answer, "+OK\r\n+OK\r\n", "{command}");
    }

    fn exchange(&self, commands: &str) -> std::io::Result<String> {
        let mut socket = UnixStream::connect(self.keeper.place.path("socket"))?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        socket.write_all(commands.as_bytes())?;
        socket.write_all(b"QUIT\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        // The last is the answer to QUIT.
        Ok(answer.strip_suffix("+OK\r\n").unwrap_or(&answer).to_owned())
    }
}

fn configuration(place: &Place, options: RedisOptions<'_>, port: u16, tls_port: u16) -> String {
    let here = place.directory.display();
    let mut lines = vec![
        "bind 127.0.0.1".to_owned(),
        format!("port {port}"),
        format!("unixsocket {here}/socket"),
        // Root must be able to connect to the socket of the user redis, and an ordinary user to their own.
        "unixsocketperm 700".to_owned(),
        format!("dir {here}"),
        "save \"\"".to_owned(),
        format!("user {ADMIN} on nopass allkeys allcommands"),
    ];
    if options.identity.is_some() {
        lines.push(format!("tls-port {tls_port}"));
        lines.push(format!("tls-cert-file {here}/chain.pem"));
        lines.push(format!("tls-key-file {here}/key.pem"));
        lines.push("tls-auth-clients no".to_owned());
    }
    lines.extend(options.password.map(|password| format!("requirepass {password:?}")));
    let users = options.accounts.iter();
    lines.extend(users.map(|Account { user, password, .. }| {
        format!("user {user} on {:?} allkeys allcommands", format!(">{password}"))
    }));
    lines.join("\n") + "\n"
}
