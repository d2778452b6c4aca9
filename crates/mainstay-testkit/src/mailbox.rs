use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// An SMTP server on loopback, plaintext, that keeps every mail and can refuse at a chosen command.
pub struct Mailbox {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

/// Which command is refused, and how: `("RCPT", "550 5.1.1 no such user")`.
pub type SmtpRefusal = (&'static str, &'static str);

impl Mailbox {
    /// Accepts every mail.
    pub async fn start() -> Mailbox {
        Mailbox::refusing(&[]).await
    }

    /// Answers the n-th mail's commands with the n-th refusal; when these are used up, accepts.
    pub async fn refusing(refusals: &[SmtpRefusal]) -> Mailbox {
        let mut refusals = Vec::from(refusals).into_iter();
        Mailbox::with(move || {
            refusals.next().map(|(at, reply)| Refused { of: None, at, reply }).into_iter().collect()
        })
        .await
    }

    /// Refuses these recipients whenever they are named: `("gone@example.com", "550 5.1.1 no such user")`.
    pub async fn refusing_recipients(refusals: &[(&'static str, &'static str)]) -> Mailbox {
        let refusals: Vec<Refused> =
            refusals.iter().map(|(who, reply)| Refused { of: Some(who), at: "RCPT", reply }).collect();
        Mailbox::with(move || refusals.clone()).await
    }

    async fn with(mut refusals: impl FnMut() -> Vec<Refused> + Send + 'static) -> Mailbox {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = mails.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that breaks off is the test's business, not the server's.
                let _ = converse(stream, &refusals(), &kept).await;
            }
        });
        Mailbox { address, mails, server }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every accepted mail, as sent.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().expect("no panic while holding it").clone()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Debug, Clone, Copy)]
struct Refused {
    /// Only for this recipient.
    of: Option<&'static str>,
    at: &'static str,
    reply: &'static str,
}

impl Refused {
    fn is_meant(&self, command: &str, line: &str) -> bool {
        self.at == command && self.of.is_none_or(|recipient| line.contains(&format!("<{recipient}>")))
    }
}

async fn converse(
    stream: TcpStream,
    refusals: &[Refused],
    mails: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mailbox.test ESMTP\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let command = line.split([' ', ':']).next().unwrap_or("").trim().to_ascii_uppercase();
        let refused = refusals.iter().find(|refused| refused.is_meant(&command, &line));
        let reply = match (refused, command.as_str()) {
            (Some(refused), _) => refused.reply,
            (None, "EHLO") => "250-mailbox.test\r\n250 8BITMIME",
            (None, "DATA") => "354 go on",
            (None, "QUIT") => "221 bye",
            (None, _) => "250 ok",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        match command.as_str() {
            "QUIT" => return Ok(()),
            "DATA" if refused.is_none() => {
                let mail = data(&mut stream).await?;
                mails.lock().expect("no panic while holding it").push(mail);
                stream.write_all(b"250 2.0.0 queued as 42\r\n").await?;
            }
            _ => {}
        }
    }
}

async fn data(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let start = mail.len();
        if stream.read_line(&mut mail).await? == 0 || mail.get(start..) == Some(".\r\n") {
            mail.truncate(start);
            return Ok(mail);
        }
    }
}
