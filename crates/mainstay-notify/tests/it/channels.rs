use aws_lc_rs::hmac;
use jiff::Timestamp;
use mainstay_model::*;
use mainstay_notify::{Outgoing, Receipt, Refusal};
use mainstay_testkit::{Answer, Mailbox, Receiver};

use crate::house::{courier, now, spoken};

fn delivery() -> Delivery {
    let mut random = Random::seeded(3);
    Delivery {
        id: DeliveryId::new(now(), &mut random),
        channel: "bot".parse().unwrap(),
        sequence: 1,
        created_at: now(),
        message: message(MessageKind::Opened),
        again_of: None,
        state: DeliveryState::Queued { next_attempt_at: now(), attempts: 0, last_error: None },
    }
}

fn message(kind: MessageKind) -> Message {
    let opened: Timestamp = "2026-03-14T22:30:02Z".parse().unwrap();
    Message {
        kind,
        at: now(),
        incident: MessageIncident {
            id: IncidentId::new(opened, &mut Random::seeded(1)),
            title: "orders-db is down: its certificate expired".into(),
            state: "open".into(),
            severity: Severity::Page,
            opened_at: opened,
            since: "2026-03-14T22:29:00Z".parse().unwrap(),
            resolved_at: None,
            breaks_at: None,
            url: "https://ops.example.com/incidents/1".into(),
            ack_url: None,
        },
        dependencies: vec![MessageDependency {
            name: "orders-db".parse().unwrap(),
            provider: Some("acme-db".parse().unwrap()),
            target: "mysql://monitor@eu-west.acme.example:3306/orders".into(),
        }],
        components: vec!["checkout".parse().unwrap()],
        cause: "The certificate of eu-west.acme.example <leaf> expired at 22:29:00 UTC; everything else about it holds.".into(),
        failure: Some(MessageFailure {
            kind: FailureKind::CertificateExpired,
            blame: Blame::Provider,
            message: "the server's certificate expired".into(),
        }),
        evidence: vec!["All 2 addresses serve it.".into()],
        actions: vec!["Ask Acme Databases to renew it & reload their servers.".into()],
        change: None,
        drill: false,
        person: None,
    }
}

async fn send(kind: ChannelKind, mail: Option<&MailServer>) -> Result<Receipt, Refusal> {
    let channel = Channel { kind, provider: None };
    let outgoing = Outgoing { delivery: &delivery(), channel: &channel, mail, earlier: None, now: now() };
    courier().send(outgoing).await
}

fn webhook_to(receiver: &Receiver) -> ChannelKind {
    ChannelKind::Webhook {
        url: Secret::new(receiver.url("/hook?token=hunter2")),
        secret: Some(Secret::new("s3cret")),
    }
}

#[tokio::test]
async fn a_webhook_carries_the_contract_and_a_signature_that_verifies() {
    let receiver = Receiver::start(|_| Answer::new(204, "")).await;
    assert_eq!(send(webhook_to(&receiver), None).await, Ok(Receipt::of(None)));

    let received = receiver.received();
    let [request] = received.as_slice() else { panic!("one request, not {}", received.len()) };
    assert_eq!(request.header("webhook-id"), delivery().id.to_string());
    let signed =
        format!("{}.{}.{}", request.header("webhook-id"), request.header("webhook-timestamp"), request.body);
    let signature = request.header("webhook-signature").strip_prefix("v1,").unwrap();
    let tag = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, signature).unwrap();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, b"s3cret"), signed.as_bytes(), &tag).unwrap();
    insta::assert_json_snapshot!("webhook", request.json());
}

#[tokio::test]
async fn discord_and_slack_get_their_own_forms() {
    let discord = Receiver::start(|_| Answer::new(200, r#"{"id":"123456"}"#)).await;
    let receipt =
        send(ChannelKind::Discord { url: Secret::new(discord.url("/api/webhooks/1/x")) }, None).await;
    assert_eq!(receipt, Ok(Receipt::of(Some("123456".into()))));
    assert_eq!(discord.received()[0].uri, "/api/webhooks/1/x?wait=true");
    insta::assert_json_snapshot!("discord", discord.received()[0].json());

    let slack = Receiver::start(|_| Answer::new(200, "ok")).await;
    send(ChannelKind::Slack { url: Secret::new(slack.url("/services/T/B/x")) }, None).await.unwrap();
    insta::assert_json_snapshot!("slack", slack.received()[0].json());
}

#[test]
fn plain_texts() {
    let mut resolved = message(MessageKind::Resolved);
    resolved.incident.resolved_at = Some("2026-03-15T00:02:00Z".parse().unwrap());
    resolved.incident.state = "resolved".into();
    resolved.at = "2026-03-15T00:02:00Z".parse().unwrap();
    let mut impending = message(MessageKind::Updated);
    impending.incident.breaks_at = Some("2026-03-16T22:29:00Z".parse().unwrap());
    impending.change = Some("The severity rose from warn to high.".into());
    insta::assert_snapshot!("opened", mainstay_notify::plain_text(&message(MessageKind::Opened)));
    insta::assert_snapshot!("impending", mainstay_notify::plain_text(&impending));
    insta::assert_snapshot!("resolved", mainstay_notify::plain_text(&resolved));
}

#[test]
fn a_drill_is_marked_first_and_once_even_when_its_title_says_so() {
    let mut drill = message(MessageKind::Opened);
    drill.drill = true;
    drill.incident.title = "DRILL: orders-db is down: its certificate expired".into();
    let headline = mainstay_notify::plain_text(&drill).lines().next().unwrap().to_owned();
    assert_eq!(headline, "DRILL: ■ orders-db is down: its certificate expired");
    let sms = mainstay_notify::sms(&drill);
    assert!(sms.starts_with("DRILL. orders-db is down: its certificate expired. Severity"), "{sms}");
}

#[test]
fn a_mail_leads_to_where_it_is_taken_up() {
    let mut asking = message(MessageKind::Opened);
    asking.incident.ack_url = Some("https://ops.example.com/a/t0ken".into());
    let mail = mainstay_notify::render_mail(&asking);
    assert!(mail.text.contains("\nTake it up: https://ops.example.com/a/t0ken\n"), "{}", mail.text);
    assert!(mail.html.contains("<a href=\"https://ops.example.com/a/t0ken\""), "{}", mail.html);
    let telling = mainstay_notify::render_mail(&message(MessageKind::Opened));
    assert!(!telling.text.contains("Take it up") && !telling.html.contains("Take it up"));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (answer, expected) in [
        (
            Answer::new(503, "down  for\nmaintenance"),
            "later: the service answered 503 Service Unavailable: down for maintenance",
        ),
        (
            Answer::new(429, "").header("retry-after", "7"),
            "later after 7s: the service answered 429 Too Many Requests",
        ),
        (
            Answer::new(429, r#"{"retry_after":1.5}"#),
            "later after 1.5s: the service answered 429 Too Many Requests: {\"retry_after\":1.5}",
        ),
        (
            Answer::new(503, "").header("date", "").header("retry-after", "Sat, 14 Mar 2026 22:33:00 GMT"),
            "later after 120s: the service answered 503 Service Unavailable",
        ),
        (
            Answer::new(503, "").header("date", "").header("retry-after", "Saturday, 14-Mar-26 22:33:00 GMT"),
            "later after 120s: the service answered 503 Service Unavailable",
        ),
        (
            Answer::new(503, "").header("date", "").header("retry-after", "Sat Mar 14 22:33:00 2026"),
            "later after 120s: the service answered 503 Service Unavailable",
        ),
        (
            Answer::new(503, "").header("date", "").header("retry-after", "Sat, 14 Mar 2026 21:00:00 GMT"),
            "later after 0ns: the service answered 503 Service Unavailable",
        ),
        (
            Answer::new(503, "")
                .header("date", "Sun, 15 Mar 2026 10:00:00 GMT")
                .header("retry-after", "Sun, 15 Mar 2026 10:00:30 GMT"),
            "later after 30s: the service answered 503 Service Unavailable",
        ),
        (Answer::new(401, ""), "not let in, after 300s: the service answered 401 Unauthorized"),
        (
            Answer::new(403, "").header("retry-after", "9"),
            "not let in, after 9s: the service answered 403 Forbidden",
        ),
        (Answer::new(413, ""), "never: the service answered 413 Payload Too Large"),
        (Answer::new(422, ""), "never: the service answered 422 Unprocessable Entity"),
        (Answer::new(404, ""), "never: the service answered 404 Not Found"),
        (Answer::new(410, ""), "never: the service answered 410 Gone"),
        (Answer::new(400, "invalid"), "never: the service answered 400 Bad Request: invalid"),
        (
            Answer::new(302, "").header("location", "http://127.0.0.1:1/"),
            "never: the service answered 302 Found",
        ),
    ] {
        let receiver = Receiver::start(move |_| answer.clone()).await;
        let refusal = send(webhook_to(&receiver), None).await.unwrap_err();
        assert_eq!(spoken(&refusal), expected);
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_asked_again_and_its_address_stays_secret() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?token=hunter2", gone.local_addr().unwrap());
    drop(gone);
    let refusal = send(ChannelKind::Slack { url: Secret::new(url) }, None).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Later { retry_after: None, .. }), "{refusal}");
    assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let receiver = Receiver::start(|_| Answer::new(500, &"x".repeat(5_000_000))).await;
    let refusal = send(webhook_to(&receiver), None).await.unwrap_err();
    assert!(refusal.to_string().len() < 400);
}

fn mail_server(mailbox: &Mailbox) -> MailServer {
    MailServer {
        host: mailbox.address().ip().to_string(),
        port: mailbox.address().port(),
        security: MailSecurity::Plaintext,
        login: None,
        from: "Example Status <status@example.com>".into(),
        bounce_address: None,
        ca_file: None,
    }
}

fn email() -> ChannelKind {
    ChannelKind::Email { to: vec!["oncall@example.com".into(), "Second Person <second@example.com>".into()] }
}

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or("")
}

#[tokio::test]
async fn a_mail_has_a_stable_id_a_thread_and_both_forms() {
    let mailbox = Mailbox::start().await;
    let server = mail_server(&mailbox);
    send(email(), Some(&server)).await.unwrap();
    let mails = mailbox.mails();
    let recipients: Vec<&str> = mails.iter().map(|mail| header(mail, "To")).collect();
    assert_eq!(recipients, ["oncall@example.com", "\"Second Person\" <second@example.com>"]);
    assert_eq!(header(&mails[0], "Message-ID"), format!("<{}@example.com>", delivery().id));
    assert_eq!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"), "it is the same mail");
    let thread = format!("<incident-{}@example.com>", delivery().message.incident.id);
    assert_eq!(header(&mails[0], "References"), thread);
    for part in ["text/plain", "text/html", "auto-generated"] {
        assert!(mails[0].contains(part), "{part} is missing in\n{}", mails[0]);
    }
}

#[tokio::test]
async fn a_mail_server_may_say_later_or_never() {
    for (refusal, expected) in [
        (("RCPT", "451 4.7.1 greylisted"), "later: "),
        (("RCPT", "550 5.1.1 no such user"), "never: "),
        (("DATA", "452 4.3.1 disk full"), "later: "),
        (("DATA", "554 5.7.1 spam"), "never: "),
        (("MAIL", "535 5.7.8 wrong password"), "not let in, after 300s: "),
        (("MAIL", "421 4.3.2 shutting down"), "later: "),
    ] {
        let mailbox = Mailbox::refusing(&[refusal, refusal]).await;
        let server = mail_server(&mailbox);
        let spoken = spoken(&send(email(), Some(&server)).await.unwrap_err());
        assert!(spoken.starts_with(expected), "{refusal:?}: {spoken}");
        assert!(spoken.contains(&refusal.1[..3]), "the code is said: {spoken}");
    }
}

#[tokio::test]
async fn a_bad_mailbox_does_not_silence_the_others_and_is_named() {
    let mailbox = Mailbox::refusing_recipients(&[("oncall@example.com", "550 5.1.1 no such user")]).await;
    let server = mail_server(&mailbox);
    let receipt = send(email(), Some(&server)).await.unwrap();
    let [refused] = &receipt.refused[..] else { panic!("{receipt:?}") };
    assert!(refused.starts_with("oncall@example.com: the mail server answered 550"), "{refused}");
    let receipt = receipt.id.unwrap();
    assert_eq!(mailbox.mails().len(), 1);
    assert!(mailbox.mails()[0].contains("second@example.com"));
    assert!(receipt.contains("queued as 42"), "{receipt}");
    assert!(
        receipt.contains("refused for good: oncall@example.com: the mail server answered 550"),
        "{receipt}"
    );
}

#[tokio::test]
async fn a_quiet_trial_of_mail_names_every_recipient_and_leaves_no_mail() {
    let probe = crate::house::samples().remove("probe").unwrap();
    let channel = Channel { kind: email(), provider: None };
    for (refused, expected) in [
        (&[][..], None),
        (&[("second@example.com", "550 5.1.1 no such user")], Some("never: the mail server answered 550")),
        (&[("second@example.com", "451 4.7.1 greylisted")], Some("later: the mail server answered 451")),
    ] {
        let mailbox = Mailbox::refusing_recipients(refused).await;
        let server = mail_server(&mailbox);
        let mail = Some(&server);
        let outgoing = Outgoing { delivery: &probe, channel: &channel, mail, earlier: None, now: now() };
        let outcome = courier().send(outgoing).await.map_err(|refusal| spoken(&refusal));
        match (outcome, expected) {
            (Ok(_), None) => {}
            (Err(said), Some(expected)) => assert!(said.starts_with(expected), "{said}"),
            (outcome, _) => panic!("{refused:?}: {outcome:?}"),
        }
        assert!(mailbox.mails().is_empty());
    }
}

#[tokio::test]
async fn who_has_the_mail_does_not_get_it_again_with_a_retry() {
    let mailbox = Mailbox::refusing(&[("RCPT", "451 4.7.1 greylisted")]).await;
    let server = mail_server(&mailbox);
    let (courier, delivery, channel) = (courier(), delivery(), Channel { kind: email(), provider: None });
    let outgoing =
        Outgoing { delivery: &delivery, channel: &channel, mail: Some(&server), earlier: None, now: now() };
    let first = courier.send(outgoing).await.unwrap_err();
    assert!(matches!(first, Refusal::Later { .. }), "{first}");
    courier.send(outgoing).await.unwrap();
    let mails = mailbox.mails();
    let recipients: Vec<&str> = mails.iter().map(|mail| header(mail, "To")).collect();
    assert_eq!(recipients, ["\"Second Person\" <second@example.com>", "oncall@example.com"]);
}

#[tokio::test]
async fn mail_without_a_mail_server_says_so() {
    let refusal = send(email(), None).await.unwrap_err();
    assert_eq!(
        spoken(&refusal),
        "never: no mail server is configured; add a mail section to the configuration"
    );
}
