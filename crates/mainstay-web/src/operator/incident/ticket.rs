//! What is written to a provider: plain text that is ready to send, from facts alone. Nothing of it names a user, a password, a database
//! or a machine of one's own.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    AlertKey, Blame, Certificate, CheckReport, Dependency, DependencyState, Failure, FailureKind, Incident,
    Observation, Phase, Provider, ProviderName, Subject,
};
use mainstay_store::{Store, StoreError};
use serde::Deserialize;

use crate::operator::asked::Asked;
use crate::operator::context::Context;
use crate::operator::known::Known;
use crate::operator::trouble::Trouble;
use crate::operator::words::broke;
use crate::show::utc;

use super::find;

/// The check that began an incident is looked for so long before it was opened.
const AT_MOST_BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// To which provider, where several are concerned.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::operator) struct To {
    provider: String,
}

/// `GET /incidents/{id}/ticket.txt`: the text of a ticket to the provider.
pub(in crate::operator) async fn get(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    Asked(to): Asked<To>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let incident = find(&context, &known, &id).await?;
    let name = addressee(&incident, &to.provider)?;
    let ticket = Ticket::of(&context, &known, &incident, name).await?;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, plain)], ticket.text()).into_response())
}

fn addressee<'a>(incident: &'a Incident, wanted: &str) -> Result<&'a ProviderName, Trouble> {
    let mut concerned = incident.providers.iter();
    concerned.find(|name| wanted.is_empty() || name.as_str() == wanted).ok_or_else(|| {
        let advice = "A ticket goes to the provider of one of its dependencies; where there is none, there is nobody to write to.";
        Trouble::nothing("This incident concerns no such provider.", advice)
    })
}

/// Everything that stands in it.
struct Ticket {
    provider: String,
    contacts: Vec<String>,
    what: String,
    since: Timestamp,
    noticed: Timestamp,
    over: Option<Timestamp>,
    reference: String,
    endpoints: Vec<Endpoint>,
}

/// One thing of the provider's, as the latest check in the incident found it that found it in trouble.
struct Endpoint {
    name: String,
    /// What was wrong with it.
    trouble: Option<String>,
    checked_at: Option<Timestamp>,
    /// Each address, and what it answered.
    addresses: Vec<(String, String)>,
    chain: Vec<Link>,
}

/// One certificate of a chain as it was sent.
struct Link {
    facts: Certificate,
    pem: Option<String>,
}

impl Ticket {
    async fn of(
        context: &Context,
        known: &Known,
        incident: &Incident,
        name: &ProviderName,
    ) -> Result<Ticket, Trouble> {
        let provider = known.landscape.providers.get(name);
        let theirs = known.dependencies.iter().filter(|state| {
            let configured = known.configured(state).and_then(|one| one.provider.as_ref());
            incident.dependencies.contains(&state.name) && configured == Some(name)
        });
        let mut endpoints = Vec::new();
        for state in theirs.clone() {
            endpoints.push(Endpoint::of(context, known, incident, state).await?);
        }
        // With several providers, what went wrong first may be another's.
        let own = incident.failure.as_ref().filter(|_| incident.providers.len() == 1).map(said);
        let seen = || endpoints.iter().find_map(|one| one.trouble.clone());
        let told = || {
            let mut alerts = incident.alerts.values();
            let of_theirs = |key: &AlertKey| {
                theirs.clone().any(|state| key.subject == Subject::Dependency(state.name.clone()))
            };
            alerts.find(|alert| of_theirs(&alert.key)).map(|alert| alert.diagnosis.cause.clone())
        };
        let what = own.or_else(seen).or_else(told).unwrap_or_else(|| incident.diagnosis.cause.clone());
        Ok(Ticket {
            provider: known.landscape.provider_title(name).to_owned(),
            contacts: provider.map_or_else(Vec::new, |one: &Provider| one.contacts.clone()),
            what,
            since: broke(incident),
            noticed: incident.opened_at,
            over: incident.resolved_at(),
            reference: incident.id.to_string(),
            endpoints,
        })
    }

    fn text(&self) -> String {
        let hosts: Vec<&str> = self.endpoints.iter().map(|one| one.name.as_str()).collect();
        let mut text = String::new();
        if !self.contacts.is_empty() {
            let _ = writeln!(text, "To: {}", self.contacts.join(", "));
        }
        let subject = if hosts.is_empty() { self.provider.clone() } else { hosts.join(", ") };
        let _ = writeln!(text, "Subject: Trouble with {subject} since {}\n", utc(self.since));
        let _ = writeln!(text, "Dear team of {},\n", self.provider);
        let _ = writeln!(text, "We connect to your service and see the following. All times are in UTC.\n");
        let _ = writeln!(text, "  {}\n", self.what);
        let _ = writeln!(text, "Since:        {}", utc(self.since));
        let _ = writeln!(text, "Noticed:      {}", utc(self.noticed));
        if let Some(over) = self.over {
            let _ = writeln!(text, "Works again:  {}", utc(over));
        }
        self.endpoints.iter().for_each(|one| one.write(&mut text));
        text.push_str(self.request());
        let _ = writeln!(text, "\nOur reference: {}\n\nThank you, and kind regards", self.reference);
        text
    }

    fn request(&self) -> &'static str {
        match self.over {
            None => {
                "\nCould you please look into it, and tell us what you find and when you expect it to work again? We are glad to \
                 test a change.\n"
            }
            Some(_) => {
                "\nIt works again. Could you please tell us what happened, and what keeps it from happening again?\n"
            }
        }
    }
}

impl Endpoint {
    async fn of(
        context: &Context,
        known: &Known,
        incident: &Incident,
        state: &DependencyState,
    ) -> Result<Endpoint, StoreError> {
        let store = &context.operator.store;
        let dependency = known.configured(state);
        let seen = match dependency {
            Some(dependency) => seen_in(incident, dependency, store, known.now).await?,
            None => None,
        };
        let seen = seen.as_ref().or(state.last.as_ref());
        let mut chain = Vec::new();
        for facts in seen.and_then(|seen| seen.tls()).map_or(&[][..], |tls| &tls.certificates) {
            if facts.sent {
                let pem = store.certificate_pem(&facts.sha256).await?;
                chain.push(Link { facts: facts.clone(), pem });
            }
        }
        let answered = |one: &Observation| {
            let answer = one.failure.as_ref().map_or_else(|| "It works.".to_owned(), said);
            (one.address.clone(), answer)
        };
        Ok(Endpoint {
            name: dependency.map_or_else(
                || state.name.to_string(),
                |one| format!("{}, port {}", one.target.host, one.target.port),
            ),
            trouble: seen.and_then(|seen| seen.failure.as_ref()).map(said),
            checked_at: seen.map(|seen| seen.checked_at),
            addresses: seen.map_or_else(Vec::new, |seen| seen.addresses.iter().map(answered).collect()),
            chain,
        })
    }

    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "\n{}", self.name);
        let Some(at) = self.checked_at else { return };
        let _ = writeln!(text, "  As seen at {}:", utc(at));
        for (address, said) in &self.addresses {
            let _ = writeln!(text, "  - {address}: {said}");
        }
        if !self.chain.is_empty() {
            let _ = writeln!(text, "  The certificates as they were sent:");
            self.chain.iter().for_each(|link| link.write(text));
        }
    }
}

/// The latest check in the incident that found something wrong. Where none did, because it was only announced, the one at its
/// beginning when it is over, and otherwise none: then the latest of all shows it.
async fn seen_in(
    incident: &Incident,
    dependency: &Dependency,
    store: &Store,
    now: Timestamp,
) -> Result<Option<CheckReport>, StoreError> {
    let over = incident.resolved_at();
    let from = incident.since.min(incident.opened_at);
    let trouble = store.latest_trouble(dependency, from, just_after(over.unwrap_or(now))).await?;
    if trouble.is_some() || over.is_none() {
        return Ok(trouble);
    }
    let before = incident.opened_at.saturating_sub(AT_MOST_BEFORE).unwrap_or(Timestamp::MIN);
    store.latest_check(dependency, before, just_after(incident.opened_at)).await
}

fn just_after(at: Timestamp) -> Timestamp {
    at.saturating_add(SignedDuration::from_micros(1)).unwrap_or(Timestamp::MAX)
}

/// What went wrong, in words that may leave the house: what a server says of a log-in, a query or a host that it does not let in quotes
/// users and addresses, so only its code is kept.
fn said(failure: &Failure) -> String {
    let quotes = match failure.kind {
        FailureKind::LoginRejected => failure.blame == Blame::Us,
        FailureKind::QueryFailed => true,
        FailureKind::ConnectRefused => failure.phase > Phase::Connect,
        _ => false,
    };
    if !quotes {
        return failure.message.clone();
    }
    let what = match failure.kind {
        FailureKind::LoginRejected => "The log-in is refused",
        FailureKind::QueryFailed => "A query is answered with an error",
        _ => "The server refuses connections",
    };
    match code(&failure.message) {
        Some(code) => format!("{what} ({}, code {code}).", failure.kind),
        None => format!("{what} ({}).", failure.kind),
    }
}

/// SQLSTATE, error number or reply code, which stands at the end in brackets.
fn code(message: &str) -> Option<&str> {
    let (_, code) = message.trim_end_matches('.').strip_suffix(')')?.rsplit_once('(')?;
    let is_code = (1..=8).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then_some(code)
}

impl Link {
    fn write(&self, text: &mut String) {
        let Certificate { position, subject, issuer, not_before, not_after, sha256, .. } = &self.facts;
        let _ = writeln!(text, "  {position}. {subject}");
        let _ = writeln!(text, "     issued by {issuer}");
        let _ = writeln!(text, "     valid from {} to {}", utc(*not_before), utc(*not_after));
        let _ = writeln!(text, "     SHA-256 {sha256}");
        if let Some(pem) = &self.pem {
            let _ = writeln!(text, "{}", pem.trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use mainstay_model::Fingerprint;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn ticket(over: Option<Timestamp>) -> Ticket {
        let facts = Certificate {
            position: 0,
            sent: true,
            in_path: true,
            subject: "CN=eu-west.db.acme.example".into(),
            issuer: "CN=Example TLS Authority R3,O=Example Trust".into(),
            names: vec!["eu-west.db.acme.example".into()],
            serial: "04".into(),
            not_before: at("2026-08-24T22:29:00Z"),
            not_after: at("2026-11-22T22:29:00Z"),
            sha256: Fingerprint([7; 32]),
            spki_sha256: Fingerprint([8; 32]),
            key: "EC P-256".into(),
            der: None,
        };
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        Ticket {
            provider: "Acme Databases".into(),
            contacts: vec!["support@acme-db.example".into()],
            what: "The server's certificate (eu-west.db.acme.example) expired at 22:29 UTC.".into(),
            since: at("2026-11-22T22:29:00Z"),
            noticed: at("2026-11-22T22:29:40Z"),
            over,
            reference: "0193aa01-2b3c-7000-8000-000000000001".into(),
            endpoints: vec![Endpoint {
                name: "eu-west.db.acme.example, port 3306".into(),
                trouble: None,
                checked_at: Some(at("2026-11-22T22:40:20Z")),
                addresses: vec![
                    ("192.0.2.19:3306".into(), "The server's certificate expired.".into()),
                    ("192.0.2.20:3306".into(), "It works.".into()),
                ],
                chain: vec![Link { facts, pem: Some(pem.into()) }],
            }],
        }
    }

    #[test]
    fn a_ticket_says_what_where_since_when_and_shows_the_chain() {
        insta::assert_snapshot!("ticket", ticket(None).text());
    }

    #[test]
    fn what_a_server_says_of_users_and_addresses_stays_in_the_house() {
        let failure = |kind, phase, message: &str| said(&Failure::new(kind, phase, message));
        let refused = "the server refused the credentials: Access denied for user 'monitor'@'10.0.0.7' (using password: YES) (1045)";
        assert_eq!(
            failure(FailureKind::LoginRejected, Phase::Login, refused),
            "The log-in is refused (login-rejected, code 1045)."
        );
        let missing = "the server answered the query with an error: no table orders.secrets (42P01)";
        assert_eq!(
            failure(FailureKind::QueryFailed, Phase::Query, missing),
            "A query is answered with an error (query-failed, code 42P01)."
        );
        let host = "the server refuses connections: Host '10.0.0.7' is not allowed to connect (1130)";
        assert_eq!(
            failure(FailureKind::ConnectRefused, Phase::Ready, host),
            "The server refuses connections (connect-refused, code 1130)."
        );
        assert_eq!(
            failure(FailureKind::LoginRejected, Phase::Login, "no (at all)"),
            "The log-in is refused (login-rejected)."
        );
        let expired = "The server's certificate expired.";
        assert_eq!(failure(FailureKind::CertificateExpired, Phase::Tls, expired), expired);
    }

    #[test]
    fn one_about_what_is_over_asks_for_the_reason() {
        let text = ticket(Some(at("2026-11-23T08:00:00Z"))).text();
        assert!(text.contains("Works again:  2026-11-23 08:00:00 UTC"), "{text}");
        assert!(text.contains("It works again. Could you please tell us what happened"), "{text}");
    }
}
