use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use mainstay_model::Fingerprint;
use mainstay_store::CertificateOnDuty;
use serde::Deserialize;

use super::asked::Asked;
use super::context::Context;
use super::filter::page_of;
use super::known::Known;
use super::overview::address_of;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use crate::picture::{Expiries, expiry_sign};
use crate::show::{Sign, When, plural};

/// Certificates on a page.
const ROWS: usize = 200;

/// Which certificates, as the address says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    q: String,
    all: String,
    page: String,
}

/// `GET /certificates`: what ends when, soonest first.
pub(super) async fn get(
    State(context): State<Arc<Context>>,
    Asked(filter): Asked<Filter>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let certificates = context.certificates(&known).await?;
    Ok(html(&page(&known, &certificates, filter)))
}

#[derive(Template)]
#[template(path = "operator/certificates.html")]
struct Certificates {
    page: Page,
    sentence: String,
    picture: Option<Expiries>,
    rows: Vec<Row>,
    filter: Filter,
    found: usize,
    at: usize,
    pages: usize,
}

/// One certificate, with everything that presents it.
struct Row {
    sign: Sign,
    name: String,
    role: &'static str,
    issuer: String,
    ends: When,
    left: When,
    used: Vec<(String, String)>,
    more: usize,
    sha256: String,
}

fn page(known: &Known, certificates: &[CertificateOnDuty], filter: Filter) -> Certificates {
    let groups = groups(certificates, &filter);
    let ends: Vec<_> = groups
        .iter()
        .map(|group| (group[0].certificate.not_after, expiry_sign(&group[0].certificate, known.now)))
        .collect();
    let pages = groups.len().div_ceil(ROWS);
    let at = page_of(&filter.page, pages);
    let sentence = sentence(&ends, &groups, known);
    let worst = ends.iter().map(|(_, sign)| *sign).max().unwrap_or(Sign::Healthy);
    Certificates {
        page: Page::new(known, Here::Certificates, &window_title(worst, "Certificates")),
        sentence,
        picture: (!ends.is_empty()).then(|| Expiries::draw(&ends, known.now)),
        rows: groups.iter().skip((at - 1) * ROWS).take(ROWS).map(|group| row(group, known)).collect(),
        found: groups.len(),
        pages,
        at,
        filter,
    }
}

/// The same certificate on many addresses is one certificate. Soonest end first, as the store gives them.
fn groups<'a>(certificates: &'a [CertificateOnDuty], filter: &Filter) -> Vec<Vec<&'a CertificateOnDuty>> {
    let words: Vec<String> = filter.q.split_whitespace().take(8).map(str::to_lowercase).collect();
    let mut places: HashMap<Fingerprint, usize> = HashMap::new();
    let mut groups: Vec<Vec<&CertificateOnDuty>> = Vec::new();
    for one in certificates.iter().filter(|one| taken(one, &words, !filter.all.is_empty())) {
        match places.get(&one.certificate.sha256) {
            Some(place) => groups[*place].push(one),
            None => {
                places.insert(one.certificate.sha256, groups.len());
                groups.push(vec![one]);
            }
        }
    }
    groups
}

/// Authorities from our own store are shown on request only: their ends are far, and mending them is not the provider's work.
fn taken(one: &CertificateOnDuty, words: &[String], all: bool) -> bool {
    let certificate = &one.certificate;
    (all || certificate.sent)
        && words.iter().all(|word| {
            let texts = [one.dependency.as_str(), &certificate.subject, &certificate.issuer, &one.address];
            let hash = certificate.sha256.to_string();
            texts.iter().any(|text| text.to_lowercase().contains(word))
                || certificate.names.iter().any(|name| name.to_lowercase().contains(word))
                || hash.contains(word)
        })
}

fn row(group: &[&CertificateOnDuty], known: &Known) -> Row {
    let certificate = &group[0].certificate;
    let mut used: Vec<_> = group.iter().map(|one| &one.dependency).collect();
    used.dedup();
    used.sort();
    used.dedup();
    Row {
        sign: expiry_sign(certificate, known.now),
        name: certificate.short_name().to_owned(),
        role: role(group[0]),
        issuer: common_name(&certificate.issuer).to_owned(),
        ends: When::date(certificate.not_after, known.now),
        left: When::relative(certificate.not_after, known.now),
        more: used.len().saturating_sub(5),
        used: used.into_iter().take(5).map(|name| (address_of(name), name.to_string())).collect(),
        sha256: certificate.sha256.to_string(),
    }
}

/// The name in a distinguished name that people know it by.
fn common_name(name: &str) -> &str {
    name.split(',').find_map(|part| part.trim().strip_prefix("CN=")).unwrap_or(name)
}

fn role(one: &CertificateOnDuty) -> &'static str {
    match (one.position, one.certificate.sent) {
        (0, _) => "",
        (_, true) => "authority",
        (_, false) => "trusted root",
    }
}

fn sentence(ends: &[(jiff::Timestamp, Sign)], groups: &[Vec<&CertificateOnDuty>], known: &Known) -> String {
    let expired = ends.iter().filter(|(end, _)| *end < known.now).count();
    let soon = ends.iter().filter(|(end, sign)| *end >= known.now && *sign > Sign::Healthy).count();
    let next = groups.iter().find(|group| group[0].certificate.not_after >= known.now);
    match (expired, soon, next) {
        _ if ends.is_empty() => "No certificate has been seen yet.".into(),
        (0, 0, Some(next)) => {
            let certificate = &next[0].certificate;
            let when = When::relative(certificate.not_after, known.now).text();
            format!("No certificate needs you. The next to end is {}, {when}.", certificate.short_name())
        }
        (0, soon, _) => format!("{} near the end.", are(soon)),
        (expired, 0, _) => format!("{} expired.", has(expired)),
        (expired, 1, _) => format!("{} expired, and another is near its end.", has(expired)),
        (expired, soon, _) => format!("{} expired, and {soon} more are near their end.", has(expired)),
    }
}

fn has(count: usize) -> String {
    plural(count, "certificate has", "certificates have")
}

fn are(count: usize) -> String {
    plural(count, "certificate is", "certificates are")
}
