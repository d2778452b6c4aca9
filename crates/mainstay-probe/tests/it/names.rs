use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mainstay_model::{CheckReport, Verdict};
use mainstay_probe::{Prober, ProberOptions};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::support::{LONG, in_short, now, request};

/// A small DNS server on loopback that knows a few names.
pub(crate) struct Names {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// How it answers questions.
enum Manner {
    /// From the list; other names do not exist.
    Knows(Vec<(String, Vec<Ipv4Addr>)>),
    /// With this response code (RFC 1035 section 4.1.1).
    Fails(u8),
    Silent,
}

impl Names {
    pub(crate) async fn start(names: &[(&str, &[&str])]) -> Names {
        let addresses = |list: &[&str]| list.iter().map(|address| address.parse().unwrap()).collect();
        Names::with(Manner::Knows(
            names.iter().map(|(name, list)| (name.to_string(), addresses(list))).collect(),
        ))
        .await
    }

    async fn with(manner: Manner) -> Names {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        Names { address, task: tokio::spawn(serve(socket, manner)) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, manner: Manner) {
    let mut question = [0; 512];
    while let Ok((length, client)) = socket.recv_from(&mut question).await {
        if let Some(answer) = answer(&question[..length], &manner) {
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

/// RFC 1035 section 4: the header, the question again, and the records.
fn answer(message: &[u8], manner: &Manner) -> Option<Vec<u8>> {
    let (name, end) = name(message);
    let question = &message[12..end + 4];
    let is_a = message[end..end + 2] == [0, 1];
    let (code, addresses) = match manner {
        Manner::Silent => return None,
        Manner::Fails(code) => (*code, Vec::new()),
        Manner::Knows(names) => match names.iter().find(|(known, _)| *known == name) {
            Some((_, addresses)) if is_a => (0, addresses.clone()),
            Some(_) => (0, Vec::new()),
            None => (3, Vec::new()),
        },
    };
    let mut answer = message[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
    answer.extend(question);
    for address in addresses {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}

/// The name of the question, and where it ends.
fn name(message: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while message[at] != 0 {
        let length = message[at] as usize;
        labels.push(String::from_utf8_lossy(&message[at + 1..at + 1 + length]).to_ascii_lowercase());
        at += 1 + length;
    }
    (labels.join("."), at + 1)
}

async fn resolve(names: &Names, host: &str, timeout: Duration) -> CheckReport {
    let options = ProberOptions { name_servers: vec![names.address()], ..ProberOptions::default() };
    Prober::new(options).check(&request(&format!("tcp://{host}:9"), timeout), now()).await
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_down() {
    let names = Names::start(&[("empty.example.com", &[])]).await;
    for host in ["no.example.com", "empty.example.com", "db.invalid"] {
        let report = resolve(&names, host, LONG).await;
        assert_eq!(in_short(&report), "name-not-resolved resolve path", "{host}: {report:?}");
        assert_eq!(report.verdict, Verdict::Down, "{host}: {report:?}");
        assert!(report.failure.unwrap().message.contains(host));
    }
}

#[tokio::test]
async fn a_resolver_that_does_not_say_is_inconclusive() {
    for manner in [Manner::Fails(2), Manner::Fails(5)] {
        let names = Names::with(manner).await;
        let report = resolve(&names, "db.example.com", LONG).await;
        assert_eq!(in_short(&report), "name-not-resolved resolve path", "{report:?}");
        assert_eq!(report.verdict, Verdict::Inconclusive, "{report:?}");
    }
}

#[tokio::test]
async fn a_resolver_that_is_silent_is_inconclusive_within_the_timeout() {
    let names = Names::with(Manner::Silent).await;
    let began = std::time::Instant::now();
    let report = resolve(&names, "db.example.com", Duration::from_millis(200)).await;
    assert_eq!(report.verdict, Verdict::Inconclusive, "{report:?}");
    assert!(report.failure.unwrap().message.contains("in time"));
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn localhost_is_what_the_hosts_file_says() {
    let names = Names::with(Manner::Silent).await;
    let report = resolve(&names, "localhost", LONG).await;
    assert!(report.addresses.iter().any(|one| one.address == "127.0.0.1:9"), "{report:?}");
}
