//! The one way in that is not full verification. It trusts nothing that the diagnosis of failures found out.

use std::cell::OnceCell;

use jiff::Timestamp;
use mainstay_model::{DependencyName, PolicyWaiver};
use rustls_pki_types::{CertificateDer, ServerName};
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath};

use super::NotWaived;
use crate::case::Case;
use crate::facts::{Facts, sha256};
use crate::faults::too_few_bits;
use crate::handshake::parse_server_name;
use crate::path::unix_time;
use crate::provider::signature_algorithms;
use crate::words;

/// Whether the waiver is for this dependency and name, and in force.
pub(super) fn addressed(
    waiver: &PolicyWaiver,
    dependency: &DependencyName,
    name: &ServerName<'_>,
    now: Timestamp,
) -> Result<(), NotWaived> {
    if waiver.dependency != *dependency {
        return Err(NotWaived::OtherDependency(waiver.dependency.clone()));
    }
    if parse_server_name(&waiver.server_name).ok().as_ref() != Some(name) {
        return Err(NotWaived::OtherName(waiver.server_name.clone()));
    }
    if now < waiver.from {
        return Err(NotWaived::NotBegun(waiver.from));
    }
    if !waiver.is_in_force(now) {
        return Err(NotWaived::Over(waiver.until));
    }
    Ok(())
}

/// Whether the chain is the waived one, and nothing is wrong with it but that the server's certificate expired.
pub(super) fn holds(case: &Case<'_>, name: &ServerName<'_>, waiver: &PolicyWaiver) -> Result<(), NotWaived> {
    let der = case.chain.first().ok_or(NotWaived::Unreadable)?;
    let certificate = EndEntityCert::try_from(der).map_err(|_| NotWaived::Unreadable)?;
    let facts = case.sent(0).ok_or(NotWaived::Unreadable)?;
    is_pinned(der, &certificate, waiver)?;
    is_expired(facts, waiver, case.now)?;
    certificate.verify_is_valid_for_subject_name(name).map_err(|_| NotWaived::WrongName)?;
    verifies_at_its_end(case, &certificate, facts)
}

/// The key is taken from where the signature over the handshake is verified with it.
fn is_pinned(
    der: &CertificateDer<'_>,
    certificate: &EndEntityCert<'_>,
    waiver: &PolicyWaiver,
) -> Result<(), NotWaived> {
    if sha256(&certificate.subject_public_key_info()) != waiver.pin.spki_sha256 {
        return Err(NotWaived::OtherKey);
    }
    if sha256(der) != waiver.pin.sha256 {
        return Err(NotWaived::OtherCertificate);
    }
    Ok(())
}

fn is_expired(facts: &Facts, waiver: &PolicyWaiver, now: Timestamp) -> Result<(), NotWaived> {
    let end = facts.certificate.not_after;
    if facts.never_valid() {
        return Err(NotWaived::NeverValid);
    }
    if now <= end {
        return Err(NotWaived::NotExpired);
    }
    if waiver.not_after != end {
        return Err(NotWaived::OtherEnd { waived: waiver.not_after, real: end });
    }
    Ok(())
}

/// Full verification as of the last second at which the server's certificate was valid, by a path that is otherwise sound now.
fn verifies_at_its_end(
    case: &Case<'_>,
    certificate: &EndEntityCert<'_>,
    facts: &Facts,
) -> Result<(), NotWaived> {
    let (roots, (_, others)) = case.roots.zip(case.chain.split_first()).ok_or(NotWaived::Untrusted)?;
    // Why the first path that verified then does not do now. There may be another, so the search goes on.
    let objection = OnceCell::new();
    let check = |path: &VerifiedPath<'_>| {
        sound_now(case, facts, path).map_err(|reason| {
            let _first = objection.set(reason);
            Error::UnknownIssuer
        })
    };
    let verified = certificate.verify_for_usage(
        signature_algorithms().all,
        roots.anchors(),
        others,
        unix_time(facts.certificate.not_after),
        KeyUsage::server_auth(),
        None,
        Some(&check),
    );
    verified.map(|_| ()).map_err(|error| objection.into_inner().unwrap_or(NotWaived::of(error)))
}

/// Whether nothing is wrong with a path that verified as of another moment but that the server's own certificate expired.
fn sound_now(case: &Case<'_>, own: &Facts, path: &VerifiedPath<'_>) -> Result<(), NotWaived> {
    let others = others(case, own, path).ok_or(NotWaived::Unreadable)?;
    if let Some(other) = others.iter().find(|other| !other.valid_at(case.now)) {
        return Err(NotWaived::OtherOutOfDate(words::label(&other.certificate)));
    }
    for one in others.into_iter().chain([own]) {
        if too_few_bits(one).is_some() {
            return Err(NotWaived::WeakKey(words::label(&one.certificate)));
        }
        if case.revocations.contains(&one.certificate.sha256) {
            return Err(NotWaived::Revoked(words::label(&one.certificate)));
        }
    }
    Ok(())
}

/// Every certificate of the path but the server's own, the trust anchor included. `None` when one cannot be read: what cannot be
/// looked at is not waived.
fn others<'a>(case: &'a Case<'_>, own: &Facts, path: &VerifiedPath<'_>) -> Option<Vec<&'a Facts>> {
    let intermediates = path.intermediate_certificates().map(|one| {
        let der = one.der();
        case.sent(case.chain.iter().position(|sent| *sent == der)?)
    });
    let roots = case.roots?;
    let anchor = roots.facts(roots.index_of(path.anchor())?).map(AsRef::as_ref);
    let all: Vec<&Facts> = intermediates.chain([anchor]).collect::<Option<_>>()?;
    // A certificate can be its own trust anchor.
    Some(all.into_iter().filter(|one| one.certificate.sha256 != own.certificate.sha256).collect())
}
