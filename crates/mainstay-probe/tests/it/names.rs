use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mainstay_model::{CheckReport, Lookup, Verdict};
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
    /// With those of these records that the name of the question has, and those of its alias; other names do not exist.
    Has(&'static [(&'static str, Record)]),
    /// With this response code (RFC 1035 section 4.1.1).
    Fails(u8),
    Silent,
}

#[derive(Clone, Copy, PartialEq)]
enum Record {
    A(Ipv4Addr),
    Alias(&'static str),
    Mail(&'static str),
    NameServer(&'static str),
}

impl Record {
    /// RFC 1035 section 3.2.2, and the data of section 3.3.
    fn on_the_wire(self) -> (u8, Vec<u8>) {
        match self {
            Record::A(address) => (1, address.octets().to_vec()),
            Record::NameServer(name) => (2, labels(name)),
            Record::Alias(name) => (5, labels(name)),
            Record::Mail(name) => (15, [vec![0, 10], labels(name)].concat()),
        }
    }
}

fn labels(name: &str) -> Vec<u8> {
    let all = name.split('.').filter(|label| !label.is_empty());
    let labels = all.flat_map(|label| [vec![label.len() as u8], label.as_bytes().to_vec()].concat());
    labels.chain([0]).collect()
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
    let kind = message[end + 1];
    let record = |address: Ipv4Addr| (name.clone(), Record::A(address));
    let (code, records) = match manner {
        Manner::Silent => return None,
        Manner::Fails(code) => (*code, Vec::new()),
        Manner::Knows(names) => match names.iter().find(|(known, _)| *known == name) {
            Some((_, addresses)) => (0, addresses.iter().copied().map(record).collect()),
            None => (3, Vec::new()),
        },
        Manner::Has(all) => match having(all, &name) {
            records if records.is_empty() => (3, records),
            records => (0, records),
        },
    };
    let wire = records.into_iter().map(|(name, record)| (labels(&name), record.on_the_wire()));
    let wire: Vec<_> = wire.filter(|(_, (of, _))| *of == kind || *of == 5).collect();
    let mut answer = message[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, wire.len() as u8, 0, 0, 0, 0]);
    answer.extend(question);
    for (name, (of, data)) in wire {
        answer.extend(name);
        answer.extend([0, of, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        answer.extend(data);
    }
    Some(answer)
}

fn having(all: &[(&str, Record)], name: &str) -> Vec<(String, Record)> {
    let own = all.iter().filter(|(of, _)| *of == name);
    own.flat_map(|(of, record)| {
        let of_alias = match record {
            Record::Alias(to) => having(all, to),
            _ => Vec::new(),
        };
        [vec![(of.to_string(), *record)], of_alias].concat()
    })
    .collect()
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

#[tokio::test]
async fn what_a_name_leads_to_is_found() {
    static RECORDS: [(&str, Record); 6] = [
        ("hooks.chat.example", Record::Alias("edge.cdn.example")),
        ("edge.cdn.example", Record::A(Ipv4Addr::new(192, 0, 2, 7))),
        ("chat.example", Record::Mail("mx1.acme.example")),
        ("chat.example", Record::Mail("mx2.acme.example")),
        ("chat.example", Record::NameServer("ns1.acme.example")),
        ("silent.example", Record::Mail(".")),
    ];
    let names = Names::with(Manner::Has(&RECORDS)).await;
    let options = ProberOptions { name_servers: vec![names.address()], ..ProberOptions::default() };
    let prober = Prober::new(options);
    let check = async |lookup: Lookup, expected: &[&str], addresses: &[&str]| {
        let found = prober.look_up(&lookup).await.unwrap_or_else(|| panic!("{lookup:?} was not answered"));
        assert_eq!(found.names.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{lookup:?}");
        let seen: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(seen, addresses, "{lookup:?}");
    };
    check(Lookup::Host("hooks.chat.example".into()), &["edge.cdn.example"], &["192.0.2.7"]).await;
    check(Lookup::Host("no.chat.example".into()), &[], &[]).await;
    check(Lookup::Mail("chat.example".into()), &["mx1.acme.example", "mx2.acme.example"], &[]).await;
    check(Lookup::Mail("edge.cdn.example".into()), &["edge.cdn.example"], &[]).await;
    check(Lookup::Mail("silent.example".into()), &[], &[]).await;
    check(Lookup::NameServers("chat.example".into()), &["ns1.acme.example"], &[]).await;
    check(Lookup::NameServers("edge.cdn.example".into()), &[], &[]).await;
    let failing = Names::with(Manner::Fails(2)).await;
    let options = ProberOptions { name_servers: vec![failing.address()], ..ProberOptions::default() };
    assert_eq!(Prober::new(options).look_up(&Lookup::Mail("chat.example".into())).await, None);
}
