use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::*;
use mainstay_notify::{Courier, CourierOptions, Outgoing, Receipt, Refusal};
use mainstay_testkit::Receiver;

/// Every secret of every channel holds this.
pub(crate) const MARK: &str = "hunter2";

pub(crate) fn now() -> Timestamp {
    "2026-03-14T22:31:00Z".parse().unwrap()
}

pub(crate) fn tls() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

pub(crate) fn courier() -> Courier {
    Courier::new(tls()).unwrap()
}

/// One that does not wait for long.
pub(crate) fn impatient() -> Courier {
    let options =
        CourierOptions { connect_within: Duration::from_secs(5), answer_within: Duration::from_millis(1500) };
    Courier::with_options(tls(), options).unwrap()
}

/// The sample messages by name.
pub(crate) fn samples() -> BTreeMap<&'static str, Delivery> {
    let names = [
        "opened",
        "updated",
        "resolved",
        "test",
        "impending",
        "drill",
        "bare",
        "hostile",
        "escalated",
        "digest",
        "probe",
    ];
    let samples = mainstay_notify::sample_deliveries();
    assert_eq!(names.len(), samples.len());
    names.into_iter().zip(samples).collect()
}

pub(crate) async fn send(
    courier: &Courier,
    kind: &ChannelKind,
    delivery: &Delivery,
    earlier: Option<&str>,
) -> Result<Receipt, Refusal> {
    let channel = Channel { kind: kind.clone(), provider: None };
    courier.send(Outgoing { delivery, channel: &channel, mail: None, earlier, now: now() }).await
}

pub(crate) fn spoken(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Later { reason, retry_after: None } => format!("later: {reason}"),
        Refusal::Later { reason, retry_after: Some(after) } => format!("later after {after:?}: {reason}"),
        Refusal::NotLetIn { reason, retry_after } => format!("not let in, after {retry_after:?}: {reason}"),
        Refusal::Never { reason } => format!("never: {reason}"),
    }
}

/// Every channel that speaks HTTP, at this address, with its secrets marked.
pub(crate) fn kinds(base: &str) -> Vec<ChannelKind> {
    let url = |path: &str| Secret::new(format!("{base}{path}/{MARK}"));
    let token = || Secret::new(format!("{MARK}-token"));
    let api = || Some(base.to_owned());
    let twilio = || Twilio {
        account: "AC1".into(),
        key: Some("SK1".into()),
        token: token(),
        from: "+15550100".into(),
        to: "+442079460000".into(),
        api_url: api(),
    };
    vec![
        ChannelKind::Discord { url: url("/api/webhooks/1") },
        ChannelKind::Slack { url: url("/services/T/B") },
        ChannelKind::Webhook { url: url("/hook"), secret: Some(token()) },
        ChannelKind::Teams { url: url("/workflows") },
        ChannelKind::Telegram(Telegram { token: token(), chat: "42".into(), api_url: api() }),
        ChannelKind::PagerDuty(PagerDuty { routing_key: token(), api_url: api() }),
        ChannelKind::Alertmanager(Alertmanager { url: Secret::new(base), token: Some(token()) }),
        ChannelKind::Ntfy(Ntfy { url: url("/ntfy"), login: Some(Login::Token(token())) }),
        ChannelKind::TwilioSms(twilio()),
        ChannelKind::TwilioCall(twilio()),
        ChannelKind::SlackBot(SlackBot { token: token(), channel: "C1".into(), api_url: api() }),
        ChannelKind::Http(HttpRequest {
            method: "POST".into(),
            url: url("/own"),
            headers: BTreeMap::from([("Authorization".parse().unwrap(), token())]),
            body: Some(Secret::new("{\"text\": {{ headline }}}")),
            expect: Vec::new(),
        }),
    ]
}

/// The one of these that is of this kind.
pub(crate) fn kind_at(receiver: &Receiver, name: &str) -> ChannelKind {
    kinds(&receiver.url("")).into_iter().find(|kind| kind.as_str() == name).unwrap()
}
