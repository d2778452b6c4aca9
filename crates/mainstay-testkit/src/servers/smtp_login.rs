use std::io::{BufRead, BufReader, Result, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::Account;

/// Judges passwords for Postfix, which does not itself: the server's side of Dovecot's authentication protocol 1.1,
/// with `AUTH PLAIN` only.
///
/// <https://doc.dovecot.org/main/developers/design/auth_protocol.html>
#[derive(Debug)]
pub(crate) struct SmtpLogin {
    port: u16,
}

impl SmtpLogin {
    /// Listens as long as the process lives: Postfix asks from several processes, which may outlast the value.
    pub(crate) fn start(accounts: &[Account]) -> SmtpLogin {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let port = listener.local_addr().expect("a listener has an address").port();
        let accounts: Arc<[Account]> = accounts.into();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let accounts = Arc::clone(&accounts);
                // A connection that breaks is one that Postfix closed.
                thread::spawn(move || serve(connection, &accounts));
            }
        });
        SmtpLogin { port }
    }

    /// What Postfix has to know about it.
    pub(crate) fn settings(&self) -> String {
        format!(
            "smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{}
smtpd_tls_auth_only = yes
",
            self.port
        )
    }
}

fn serve(mut connection: TcpStream, accounts: &[Account]) -> Result<()> {
    connection.write_all(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n")?;
    for line in BufReader::new(connection.try_clone()?).lines() {
        let line = line?;
        let fields: Vec<&str> = line.split('\t').collect();
        if let ["AUTH", id, "PLAIN", parameters @ ..] = fields.as_slice() {
            connection.write_all(answer(id, parameters, accounts).as_bytes())?;
        } else if let ["CONT", id, response] = fields.as_slice() {
            connection.write_all(judge(id, response, accounts).as_bytes())?;
        }
    }
    Ok(())
}

fn answer(id: &str, parameters: &[&str], accounts: &[Account]) -> String {
    match parameters.iter().find_map(|parameter| parameter.strip_prefix("resp=")) {
        Some(response) => judge(id, response, accounts),
        None => format!("CONT\t{id}\t\n"),
    }
}

fn judge(id: &str, response: &str, accounts: &[Account]) -> String {
    let decoded = BASE64_STANDARD.decode(response).unwrap_or_default();
    // RFC 4616: authorisation identity, NUL, user, NUL, password.
    let fields: Vec<&[u8]> = decoded.splitn(3, |byte| *byte == 0).collect();
    let known = |account: &&Account| match fields.as_slice() {
        [_, user, password] => *user == account.user.as_bytes() && *password == account.password.as_bytes(),
        _ => false,
    };
    match accounts.iter().find(known) {
        Some(account) => format!("OK\t{id}\tuser={}\n", account.user),
        None => format!("FAIL\t{id}\treason=wrong password\n"),
    }
}
