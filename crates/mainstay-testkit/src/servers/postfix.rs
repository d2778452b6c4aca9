use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use super::keeper::Keeper;
use super::place::{Place, run};
use super::requirement::find_program;
use super::smtp_login::SmtpLogin;
use super::{Account, Missing, free_port};
use crate::Identity;

/// Nobody's number on Debian and most others; Postfix insists on delivering as somebody.
const NOBODY: u32 = 65_534;

/// What runs in the foreground is only a script that waits for the master, which is a session of its own and has to be stopped by name.
const RUN: &str = r#"
trap '"$0" -c "$1" stop' TERM
"$0" -c "$1" start-fg &
wait
wait
"#;

/// A Postfix that takes mail for anybody at `example.test` and keeps it to be read; everybody else is refused.
#[derive(Debug)]
pub struct Postfix {
    keeper: Keeper,
    smtp_port: u16,
    smtps_port: u16,
    /// Judges passwords for Postfix as long as it lives.
    _login: Option<SmtpLogin>,
}

/// How a Postfix is set up.
#[derive(Clone, Copy, Default)]
pub struct PostfixOptions<'a> {
    /// Certificate chain and key; without them there is neither STARTTLS nor a port with TLS.
    pub identity: Option<&'a Identity>,
    /// Users that may log in, under TLS only. Nobody has to.
    pub accounts: &'a [Account],
    /// The port on 127.0.0.1 of the server that mail for `away.test` is handed on to. What that one refuses comes back to its sender.
    pub away: Option<u16>,
    /// The command that mail for `bounces` at `returned.test`, with or without a `+` and more, is piped into by an alias. It runs as nobody.
    pub pipe: Option<&'a str>,
}

impl Postfix {
    /// Whether Postfix is installed here and may run: it needs root.
    pub fn available() -> Result<(), Missing> {
        if find_program("postfix", &[]).is_none() {
            return Err(Missing::new("postfix is not installed", "apt-get install postfix"));
        }
        let is_root = fs::read("/etc/shadow").is_ok();
        if is_root { Ok(()) } else { Err(Missing::new("postfix needs root", "run the tests as root")) }
    }

    /// Starts a server.
    ///
    /// # Panics
    /// When it does not start; with its log.
    pub fn start(options: PostfixOptions<'_>) -> Postfix {
        let program = find_program("postfix", &[]).expect("the test asks available() first");
        let place = Place::new("postfix", &[]);
        let login = (!options.accounts.is_empty()).then(|| SmtpLogin::start(options.accounts));
        let (smtp_port, smtps_port) = (free_port(), free_port());
        furnish(&place, &options);
        place.write("etc/main.cf", &main_settings(&place, &options, login.as_ref()));
        let smtps = options.identity.map(|_| smtps_port);
        place.write("etc/master.cf", &services(smtp_port, smtps));
        let configuration = place.path("etc").display().to_string();
        let server =
            ["/bin/sh".into(), "-c".into(), RUN.into(), program.display().to_string(), configuration];
        let keeper = Keeper::start(place, &server, "TERM", "daemon started");
        Postfix { keeper, smtp_port, smtps_port, _login: login }
    }

    /// The port on 127.0.0.1 that offers STARTTLS.
    pub fn smtp_port(&self) -> u16 {
        self.smtp_port
    }

    /// The port on 127.0.0.1 that speaks TLS from the first byte; nobody listens there without an identity.
    pub fn smtps_port(&self) -> u16 {
        self.smtps_port
    }

    /// The messages that have arrived for an address at `example.test`, headers included, oldest first.
    pub fn inbox(&self, address: &str) -> Vec<String> {
        // The folder is made by the first delivery, and names begin with the time of theirs.
        let folder = self.keeper.place.path("mail/everybody/new");
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
        files.sort();
        let read =
            |file: &PathBuf| String::from_utf8_lossy(&fs::read(file).expect("mail stays")).into_owned();
        let is_theirs = |message: &String| message.contains(&format!("\nDelivered-To: {address}\n"));
        files.iter().map(read).filter(is_theirs).collect()
    }

    /// Hands in a mail from nobody, as servers do that return one.
    ///
    /// # Panics
    /// When it is not taken; with what the server said.
    pub fn hand_in(&self, to: &str, mail: &str) {
        let stream = TcpStream::connect(("127.0.0.1", self.smtp_port)).expect("it listens");
        let mut replies = BufReader::new(&stream).lines();
        let recipient = format!("RCPT TO:<{to}>\r\n");
        let mail = format!("{}\r\n.\r\n", mail.replace('\n', "\r\n"));
        for (said, expected) in [
            ("", '2'),
            ("HELO mail.away.test\r\n", '2'),
            ("MAIL FROM:<>\r\n", '2'),
            (&recipient, '2'),
            ("DATA\r\n", '3'),
            (&mail, '2'),
        ] {
            (&stream).write_all(said.as_bytes()).expect("it listens");
            let reply = replies.next().expect("a reply").expect("a reply");
            assert!(reply.starts_with(expected), "{said}{reply}");
        }
    }

    /// Swaps the certificate; new connections get the new one when this returns.
    pub fn reload_identity(&self, identity: &Identity) {
        // Each connection is a process of its own that reads the file (see `services`).
        write_identity(&self.keeper.place, identity);
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        self.keeper.log()
    }
}

fn furnish(place: &Place, options: &PostfixOptions<'_>) {
    place.make_directory("etc");
    if let Some(command) = options.pipe {
        place.write("etc/aliases", &format!("bounces \"|{command}\"\n"));
    }
    place.make_directory("queue");
    let data = place.make_directory("data");
    let postfix = run(place.command(Path::new("id")).args(["-u", "postfix"]));
    let postfix = postfix.trim().parse().expect("id prints a number");
    chown(&data, Some(postfix), None).expect("root may give a directory away");
    let mail = place.make_directory("mail");
    chown(&mail, Some(NOBODY), None).expect("root may give a directory away");
    if let Some(identity) = options.identity {
        write_identity(place, identity);
    }
}

/// One file with the key first, which is the form that Postfix recommends and replaces at once.
fn write_identity(place: &Place, identity: &Identity) {
    place.write_secret("identity.new", &format!("{}{}", identity.key_pem(), identity.chain_pem()));
    fs::rename(place.path("identity.new"), place.path("identity.pem")).expect("both are in one directory");
}

fn main_settings(place: &Place, options: &PostfixOptions<'_>, login: Option<&SmtpLogin>) -> String {
    let here = place.directory.display();
    let tls = options.identity.is_some();
    let away = options.away.map(|port| {
        format!(
            "relay_domains = away.test\ntransport_maps = inline:{{{{away.test = onward:[127.0.0.1]:{port}}}}}\n"
        )
    });
    let away = away.unwrap_or_default();
    let pipe = match options.pipe {
        Some(_) => piping(place),
        None => "mydestination =\nalias_maps =\n".into(),
    };
    let security = if tls { "may" } else { "none" };
    let chain = if tls { format!("smtpd_tls_chain_files = {here}/identity.pem\n") } else { String::new() };
    let login = login.map(SmtpLogin::settings).unwrap_or_default();
    format!(
        "compatibility_level = 3.6
queue_directory = {here}/queue
data_directory = {here}/data
maillog_file = /dev/stdout
myhostname = mail.example.test
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = example.test
virtual_mailbox_base = {here}/mail
virtual_mailbox_maps = static:everybody/
virtual_uid_maps = static:{NOBODY}
virtual_gid_maps = static:{NOBODY}
smtpd_tls_security_level = {security}
{chain}{login}{away}{pipe}"
    )
}

/// Aliases and addresses with a `+` as on any mail server; what is deferred is tried again at once, so that nobody has to wait for it.
fn piping(place: &Place) -> String {
    format!(
        "mydestination = returned.test
alias_maps = texthash:{}/aliases
recipient_delimiter = +
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
",
        place.path("etc").display()
    )
}

/// `max_use=1` gives each connection a process of its own, which reads the certificate anew.
fn services(smtp: u16, smtps: Option<u16>) -> String {
    let smtps = smtps.map(|port| {
        format!("127.0.0.1:{port} inet n - n - - smtpd -o max_use=1 -o smtpd_tls_wrappermode=yes\n")
    });
    format!(
        "127.0.0.1:{smtp} inet n - n - - smtpd -o max_use=1
{}postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - discard
onward unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
local unix - n n - - local
anvil unix - - n - 1 anvil
",
        smtps.unwrap_or_default()
    )
}
