//! What is written to a provider: plain text that is ready to send, from facts alone. Nothing of it names a user, a password, a database
//! or a machine of one's own.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use mainstay_model::{Certificate, DependencyState, Incident, Provider, ProviderName};
use mainstay_store::StoreError;
use serde::Deserialize;

use crate::operator::asked::Asked;
use crate::operator::context::Context;
use crate::operator::known::Known;
use crate::operator::trouble::Trouble;
use crate::operator::words::broke;
use crate::show::utc;

use super::find;

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

/// One thing of the provider's, as the latest check found it.
struct Endpoint {
    name: String,
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
        for state in theirs {
            endpoints.push(Endpoint::of(context, known, state).await?);
        }
        Ok(Ticket {
            provider: known.landscape.provider_title(name).to_owned(),
            contacts: provider.map_or_else(Vec::new, |one: &Provider| one.contacts.clone()),
            what: incident
                .failure
                .as_ref()
                .map_or_else(|| incident.diagnosis.cause.clone(), |one| one.message.clone()),
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
    async fn of(context: &Context, known: &Known, state: &DependencyState) -> Result<Endpoint, StoreError> {
        let target = known.configured(state).map(|one| &one.target);
        let name = target.map_or_else(
            || state.name.to_string(),
            |target| format!("{}, port {}", target.host, target.port),
        );
        let last = state.last.as_ref();
        let mut chain = Vec::new();
        for facts in last.and_then(|last| last.tls()).map_or(&[][..], |tls| &tls.certificates) {
            if facts.sent {
                let pem = context.operator.store.certificate_pem(&facts.sha256).await?;
                chain.push(Link { facts: facts.clone(), pem });
            }
        }
        let answered = |one: &mainstay_model::Observation| {
            let said = one.failure.as_ref().map_or("It works.", |failure| &failure.message);
            (one.address.clone(), said.to_owned())
        };
        Ok(Endpoint {
            name,
            checked_at: last.map(|last| last.checked_at),
            addresses: last.map_or_else(Vec::new, |last| last.addresses.iter().map(answered).collect()),
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
    fn one_about_what_is_over_asks_for_the_reason() {
        let text = ticket(Some(at("2026-11-23T08:00:00Z"))).text();
        assert!(text.contains("Works again:  2026-11-23 08:00:00 UTC"), "{text}");
        assert!(text.contains("It works again. Could you please tell us what happened"), "{text}");
    }
}
