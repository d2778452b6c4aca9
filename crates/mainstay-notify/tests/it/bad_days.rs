//! Every channel that speaks HTTP on every bad day.

use std::time::Duration;

use futures_util::future::join_all;
use mainstay_model::ChannelKind;
use mainstay_notify::{Receipt, Refusal};
use mainstay_testkit::scripted::{Act, Peer, Script};
use mainstay_testkit::{Answer, Pki, Received, Receiver, Scenario};

use crate::house::{MARK, impatient, kinds, samples, send, spoken};

/// What is to come of it: the beginning of what [`spoken`] says, or that it was accepted.
#[derive(Clone, Copy)]
enum Expected {
    Refused(&'static str),
    Accepted,
    /// Accepted where the status says all, and unclear, so tried again, where the body decides.
    ByStatus,
}
use Expected::{Accepted, ByStatus, Refused};

struct Day {
    name: &'static str,
    scheme: &'static str,
    script: Script,
    expected: Expected,
}

fn day(name: &'static str, script: Script, expected: Expected) -> Day {
    Day { name, scheme: "http", script, expected }
}

/// Answers once the beginning of a request came, and then closes, so that nothing more is waited for.
fn answer(text: impl Into<Vec<u8>>) -> Script {
    Script::new([Act::Read(64), Act::Send(text.into())])
}

fn http(status: &str, headers: &str, body: &str) -> Script {
    answer(format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
}

fn days() -> Vec<Day> {
    let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"ok\": ";
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    let drip = Act::Drip { bytes: vec![b' '; 900], every: Duration::from_millis(40) };
    let huge = format!("HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    vec![
        day(
            "a rate with Retry-After",
            http("429 Too Many Requests", "Retry-After: 7\r\n", ""),
            Refused("later after 7s: the service answered 429"),
        ),
        day(
            "a rate as Discord says it",
            http(
                "429 Too Many Requests",
                "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset-After: 3.5\r\n",
                r#"{"message": "You are being rate limited.", "retry_after": 3.5, "global": false}"#,
            ),
            Refused("later after 3.5s: the service answered 429"),
        ),
        day(
            "a rate as Telegram says it",
            http(
                "429 Too Many Requests",
                "",
                r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 9","parameters":{"retry_after":9}}"#,
            ),
            Refused("later after 9s: the service answered 429"),
        ),
        day(
            "a rate without a word",
            http("429 Too Many Requests", "", ""),
            Refused("later: the service answered 429"),
        ),
        day(
            "500",
            http("500 Internal Server Error", "", "oops"),
            Refused("later: the service answered 500 Internal Server Error: oops"),
        ),
        day(
            "502 of a proxy",
            http("502 Bad Gateway", "", "<html>"),
            Refused("later: the service answered 502"),
        ),
        day(
            "503 with Retry-After",
            http("503 Service Unavailable", "Retry-After: 60\r\n", ""),
            Refused("later after 60s: the service answered 503"),
        ),
        day(
            "404 for ever",
            http("404 Not Found", "", "gone"),
            Refused("never: the service answered 404 Not Found: gone"),
        ),
        day("400", http("400 Bad Request", "", "{}"), Refused("never: the service answered 400")),
        day(
            "401",
            http("401 Unauthorized", "", ""),
            Refused("not let in, after 300s: the service answered 401"),
        ),
        day(
            "a redirection",
            http("302 Found", "Location: http://127.0.0.1:1/\r\n", ""),
            Refused("never: the service answered 302"),
        ),
        day(
            "silence after accepting",
            Script::silent(),
            Refused("later: the service did not answer in time"),
        ),
        day("closed at once", Script::close_at_once(), Refused("later: the connection to the service broke")),
        day("a reset at once", Script::reset_after(1), Refused("later: the connection to the service broke")),
        day(
            "a reset in the middle of the answer",
            Script::new([Act::Read(64), Act::Send(cut.into()), Act::Reset]),
            ByStatus,
        ),
        day("a slow body", Script::new([Act::Read(64), Act::Send(head.into()), drip]), ByStatus),
        day(
            "a huge answer",
            Script::new([Act::Read(64), Act::Send(endless.into()), Act::Repeat(chunk.clone().into_bytes())]),
            ByStatus,
        ),
        day(
            "a huge refusal",
            Script::new([Act::Read(64), Act::Send(huge.into_bytes()), Act::Repeat(chunk.into_bytes())]),
            Refused("later: the service answered 500"),
        ),
        day(
            "something that is no HTTP",
            answer("SSH-2.0-OpenSSH_9.2p1\r\n"),
            Refused("later: the connection to the service broke"),
        ),
        day("a good day", http("200 OK", "", r#"{"ok":true,"channel":"C","ts":"1.5"}"#), Accepted),
        Day {
            scheme: "https",
            ..day(
                "a certificate that nobody trusts",
                untrusted(),
                Refused("later: the service could not be reached"),
            )
        },
        Day {
            scheme: "https",
            ..day(
                "no TLS where TLS is expected",
                Script::speaks_http(),
                Refused("later: the service could not be reached"),
            )
        },
        Day {
            scheme: "https",
            ..day(
                "silence instead of a handshake",
                Script::silent(),
                Refused("later: the service did not answer in time"),
            )
        },
    ]
}

fn untrusted() -> Script {
    let identity = Pki::new(crate::house::now()).identity(Scenario::Fine, "127.0.0.1");
    Script::tls_then_silent(identity.server_config())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_day_ends_with_the_right_refusal() {
    let tried = join_all(days().into_iter().map(try_day)).await;
    assert_eq!(tried.into_iter().sum::<usize>(), 23 * 12, "every day on every channel");
}

async fn try_day(day: Day) -> usize {
    let peer = Peer::start(day.script.clone()).await;
    let kinds = kinds(&peer.url(day.scheme));
    let outcomes = join_all(kinds.iter().map(try_channel)).await;
    for (kind, outcome) in kinds.iter().zip(&outcomes) {
        judge(&day, kind, outcome);
    }
    outcomes.len()
}

async fn try_channel(kind: &ChannelKind) -> Result<Receipt, Refusal> {
    // A courier of its own, so that one channel's pace holds up no other.
    send(&impatient(), kind, &samples()["opened"], None).await
}

fn judge(day: &Day, kind: &ChannelKind, outcome: &Result<Receipt, Refusal>) {
    let (day_name, kind_name) = (day.name, kind.as_str());
    let expected = match (day.expected, kind) {
        (ByStatus, ChannelKind::SlackBot(_)) => Refused("later: the service answered 200 OK without saying"),
        (ByStatus, _) => Accepted,
        (other, _) => other,
    };
    match (expected, outcome) {
        (Accepted, Ok(_)) => {}
        (Refused(beginning), Err(refusal)) => {
            let said = spoken(refusal);
            assert!(said.starts_with(beginning), "{day_name}, {kind_name}: {said}");
            assert!(said.len() < 400, "{day_name}, {kind_name}: {said}");
            assert!(!said.contains(MARK), "{day_name}, {kind_name} shows a secret: {said}");
        }
        (_, outcome) => panic!("{day_name}, {kind_name}: {outcome:?}"),
    }
    assert!(!format!("{kind:?}").contains(MARK), "{kind_name} shows a secret");
}

#[tokio::test]
async fn a_service_that_limits_the_rate_is_not_asked_again_before_its_time() {
    let peer = Peer::start(http("429 Too Many Requests", "Retry-After: 600\r\n", "")).await;
    let (courier, kinds) = (impatient(), kinds(&peer.url("http")));
    for _ in 0..3 {
        let refusal = send(&courier, &kinds[0], &samples()["opened"], None).await.unwrap_err();
        let Refusal::Later { retry_after: Some(after), .. } = refusal else { panic!("{refusal}") };
        assert!(after > Duration::from_secs(590), "{after:?}");
    }
    assert_eq!(peer.accepted(), 1);
}

#[tokio::test]
async fn a_service_that_quotes_what_it_was_asked_shows_no_secret() {
    let receiver = Receiver::start(|request: &Received| {
        let (said, key) = (request.header("authorization"), request.json()["routing_key"].to_string());
        Answer::new(404, &format!("Cannot POST {} for {said} with {key}", request.uri))
    })
    .await;
    for kind in kinds(&receiver.url("")) {
        let said = spoken(&send(&impatient(), &kind, &samples()["opened"], None).await.unwrap_err());
        assert!(said.starts_with("never: the service answered 404 Not Found: Cannot POST "), "{said}");
        assert!(!said.contains(MARK) && said.contains('…'), "{} shows a secret: {said}", kind.as_str());
    }
}
