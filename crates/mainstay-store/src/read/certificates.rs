use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Certificate, DependencyName, Fingerprint};

use super::all;
use crate::database::Database;
use crate::reading::{CertificateOnDuty, MOST_ROWS};
use crate::record::{Duty, Link, Record};
use crate::{StoreError, sql};

/// An address that its name has not shown for this long, while the dependency was checked, is on duty no more.
const GONE_AFTER: SignedDuration = SignedDuration::from_hours(24);

pub(crate) async fn certificates(database: &Database) -> Result<Vec<CertificateOnDuty>, StoreError> {
    let duties: Vec<Duty> = all(database.rows(sql::DUTIES, vec![MOST_ROWS.into()]).await?, "endpoint", "id")?;
    let mut latest: HashMap<DependencyName, Timestamp> = HashMap::new();
    for duty in &duties {
        let seen = latest.entry(duty.dependency.clone()).or_insert(duty.last_seen);
        *seen = duty.last_seen.max(*seen);
    }
    let on_duty = |duty: &&Duty| {
        latest.get(&duty.dependency).is_none_or(|seen| seen.duration_since(duty.last_seen) <= GONE_AFTER)
    };
    let on_duty: Vec<_> = duties.iter().filter(on_duty).collect();
    let links = on_duty.iter().flat_map(|duty| &duty.links);
    let facts = facts(database, links.map(|link| link.sha256).collect()).await?;
    let mut found = Vec::new();
    for duty in on_duty {
        for link in &duty.links {
            found.push(standing(duty, link, &facts)?);
        }
    }
    found.sort_by(|a, b| {
        a.certificate.not_after.cmp(&b.certificate.not_after).then_with(|| a.dependency.cmp(&b.dependency))
    });
    Ok(found)
}

fn standing(
    duty: &Duty,
    link: &Link,
    facts: &HashMap<Fingerprint, Certificate>,
) -> Result<CertificateOnDuty, StoreError> {
    let corrupt = |reason: &str| StoreError::CorruptRow {
        table: "chain",
        column: "links",
        key: format!("{} {}", duty.dependency, duty.address),
        reason: reason.to_owned(),
    };
    let certificate =
        facts.get(&link.sha256).ok_or_else(|| corrupt("names a certificate that is not there"))?;
    Ok(CertificateOnDuty {
        certificate: link.placed(certificate),
        dependency: duty.dependency.clone(),
        address: duty.address.clone(),
        position: link.position,
        first_seen: Timestamp::from_microsecond(link.since).map_err(|_| corrupt("has an impossible time"))?,
        last_seen: duty.last_seen,
    })
}

/// The facts of these certificates, as far as they are stored.
pub(crate) async fn facts(
    database: &Database,
    named: BTreeSet<Fingerprint>,
) -> Result<HashMap<Fingerprint, Certificate>, StoreError> {
    let named: Vec<_> = named.into_iter().collect();
    let rows = database.listed(&sql::CERTIFICATES, &[], &named, |one| one.to_string().into()).await?;
    let fact = |row| {
        let certificate: Certificate = Record::of("certificate", "sha256")(row).json("body")?;
        Ok((certificate.sha256, certificate))
    };
    rows.into_iter().map(fact).collect()
}

pub(crate) async fn certificate_pem(
    database: &Database,
    sha256: &Fingerprint,
) -> Result<Option<String>, StoreError> {
    let row = database.rows(sql::CERTIFICATE_DER, vec![sha256.to_string().into()]).await?.into_iter().next();
    let der = row.map(|row| Record::of("certificate", "sha256")(row).bytes("der")).transpose()?;
    Ok(der.flatten().map(|der| pem(&der)))
}

/// RFC 7468: lines of 64 characters between two labels.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| format!("{}\n", String::from_utf8_lossy(line)));
    format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", lines.collect::<String>())
}
