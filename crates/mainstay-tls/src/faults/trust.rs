use mainstay_model::FailureKind;
use rustls_pki_types::CertificateDer;
use webpki::{EndEntityCert, Error};
use x509_parser::prelude::*;

use super::{Fault, too_few_bits, unreadable};
use crate::case::{Case, Member};
use crate::path;
use crate::provider::signature_algorithms;
use crate::words;

/// What stands in the way of trust, given the library's error with dates set aside and the certificates that hang
/// together by their names.
pub(super) fn faults(case: &Case<'_>, members: &[Member<'_>], error: &Error) -> Vec<Fault> {
    let Some(top) = members.last() else {
        return vec![unreadable(case.source)];
    };
    let said = |fault: Fault| vec![fault];
    match error {
        Error::UnknownIssuer => said(unknown_issuer(case, members, top)),
        Error::InvalidSignatureForPublicKey if members.iter().any(has_weak_key) => Vec::new(),
        Error::InvalidSignatureForPublicKey => said(wrong_signature(case, members)),
        Error::InvalidCertValidity if members.iter().any(|member| member.facts.never_valid()) => Vec::new(),
        Error::CaUsedAsEndEntity if top.facts.self_issued && members.len() == 1 && !is_trusted(case) => {
            vec![unknown_issuer(case, members, top), breaks_a_rule(case, members, error)]
        }
        _ => said(breaks_a_rule(case, members, error)),
    }
}

fn is_trusted(case: &Case<'_>) -> bool {
    case.roots.is_some_and(|roots| (0..roots.len()).any(|index| roots.der(index) == case.chain.first()))
}

fn has_weak_key(member: &Member<'_>) -> bool {
    too_few_bits(member.facts).is_some()
}

fn unknown_issuer(case: &Case<'_>, members: &[Member<'_>], top: &Member<'_>) -> Fault {
    let store = case.roots.map(|roots| roots.origin()).unwrap_or("the trust store");
    let (who, certificate) = (words::who(top, case.source), &top.facts.certificate);
    let issuer = words::issuer_label(certificate);
    let alone = members.len() == 1;
    let message = if top.facts.self_issued && alone {
        format!("{who} is signed by itself, so nobody vouches for it, and it is not in {store}")
    } else if top.facts.self_issued {
        format!("the chain leads to the root {}, which is not in {store}", words::label(certificate))
    } else if alone {
        format!(
            "{who} was issued by {issuer}, whose certificate was not sent and is not in {store}: \
             the intermediate certificate is missing from the chain, or its authority is unknown here"
        )
    } else {
        format!("the chain ends with {who}, whose issuer {issuer} is not in {store}")
    };
    Fault::new(FailureKind::CertificateUntrusted, message)
}

/// The authority may have a new key under its old name, or somebody pretends to be it.
fn wrong_signature(case: &Case<'_>, members: &[Member<'_>]) -> Fault {
    let forged = members.iter().enumerate().find(|(index, member)| {
        let issuer = members.get(index + 1).and_then(|issuer| der(case, issuer));
        match (der(case, member), issuer.or_else(|| trusted_issuer(case, member))) {
            (Some(signed), Some(issuer)) => !signed_by(signed, issuer),
            _ => false,
        }
    });
    let message = match forged {
        Some((_, member)) => format!(
            "{} does not carry the signature of {}, whom it names as its issuer: it is forged, or that authority has \
             another key of the same name",
            words::who(member, case.source),
            words::issuer_label(&member.facts.certificate),
        ),
        None => "a signature in the chain was not made by the issuer that the certificate names".to_owned(),
    };
    Fault::new(FailureKind::CertificateUntrusted, message)
}

fn der<'a>(case: &Case<'a>, member: &Member<'_>) -> Option<&'a CertificateDer<'a>> {
    case.chain.get(usize::try_from(member.position).ok()?)
}

fn trusted_issuer<'a>(case: &Case<'a>, member: &Member<'_>) -> Option<&'a CertificateDer<'a>> {
    let roots = case.roots?;
    let is_issuer =
        |index: &usize| roots.facts(*index).is_some_and(|root| member.facts.names_as_issuer(root));
    roots.der((0..roots.len()).find(is_issuer)?)
}

/// Whether the one key made the other's signature, whatever the algorithm. Unreadable means no.
fn signed_by(signed: &CertificateDer<'_>, issuer: &CertificateDer<'_>) -> bool {
    let (Ok((_, parsed)), Ok(issuer)) = (X509Certificate::from_der(signed), EndEntityCert::try_from(issuer))
    else {
        return false;
    };
    let (message, signature) = (parsed.tbs_certificate.as_ref(), &parsed.signature_value.data);
    signature_algorithms()
        .all
        .iter()
        .any(|algorithm| issuer.verify_signature(*algorithm, message, signature).is_ok())
}

fn breaks_a_rule(case: &Case<'_>, members: &[Member<'_>], error: &Error) -> Fault {
    let leaf = members.first().map(|member| words::who(member, case.source)).unwrap_or_default();
    let message = match error {
        error if path::is_about_dates(error) => {
            "the certificates of the chain were never all valid at the same time, so nothing else about it can be verified"
                .to_owned()
        }
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            format!("{leaf} may not be used by servers: its extended key usage lacks server authentication")
        }
        Error::CaUsedAsEndEntity => {
            format!("{leaf} is one of a certification authority (CA:TRUE), which strict clients refuse from servers: issue one without that mark")
        }
        Error::EndEntityUsedAsCa => "a certificate that may not sign others was used to sign one of the chain".to_owned(),
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => old_signature(case, members),
        Error::UnsupportedCertVersion => {
            "a certificate of the chain is not of X.509 version 3, and clients refuse older ones".to_owned()
        }
        Error::NameConstraintViolation => {
            format!("{leaf} has names that one of its issuers may not certify (name constraints)")
        }
        Error::PathLenConstraintViolated => {
            "the chain has more intermediate certificates than one of its authorities allows".to_owned()
        }
        Error::UnsupportedCriticalExtension => {
            "a certificate of the chain has a critical extension that clients do not know".to_owned()
        }
        Error::CertDistrusted => "the chain has a key that is known to be compromised".to_owned(),
        Error::SignatureAlgorithmMismatch => {
            "a certificate of the chain names two different algorithms for its one signature".to_owned()
        }
        Error::MaximumPathDepthExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => {
            "the chain is too long or too tangled to be verified".to_owned()
        }
        other => format!("a certificate of the chain is malformed or breaks a rule ({other:?})"),
    };
    Fault::new(FailureKind::CertificateInvalid, message)
}

fn old_signature(case: &Case<'_>, members: &[Member<'_>]) -> String {
    let old = |member: &&Member<'_>| {
        let algorithm = member.facts.signature.to_ascii_lowercase();
        algorithm.contains("sha1") || algorithm.contains("md5")
    };
    match members.iter().filter(|member| !member.facts.self_issued).find(old) {
        Some(member) => format!(
            "{} is signed with {}, which clients refuse because such signatures can be forged",
            words::who(member, case.source),
            member.facts.signature
        ),
        None => {
            let algorithms: Vec<String> =
                members.iter().map(|member| member.facts.signature.clone()).collect();
            format!(
                "a certificate of the chain is signed with an algorithm that clients do not know ({})",
                words::list(&algorithms)
            )
        }
    }
}
