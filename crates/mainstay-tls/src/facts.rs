use std::net::IpAddr;

use aws_lc_rs::digest;
use jiff::Timestamp;
use mainstay_model::{Certificate, Fingerprint};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::*;

mod key;
mod name;

/// What one certificate says, read once.
#[derive(Debug)]
pub(crate) struct Facts {
    /// As reported, but for its place in a chain.
    pub(crate) certificate: Certificate,
    /// The subject's DER, by which issuers are found.
    pub(crate) subject_der: Box<[u8]>,
    /// The issuer's DER.
    pub(crate) issuer_der: Box<[u8]>,
    /// Whether it may sign other certificates.
    pub(crate) is_ca: bool,
    /// Whether its subject and its issuer are the same.
    pub(crate) self_issued: bool,
    /// Size of the modulus, for RSA keys.
    pub(crate) rsa_bits: Option<usize>,
    /// The algorithm of its signature, for example `sha256WithRSAEncryption`.
    pub(crate) signature: String,
}

impl Facts {
    /// Reads the DER of one certificate; the error says in a few words what is wrong with it.
    pub(crate) fn read(der: &[u8]) -> Result<Facts, String> {
        let (rest, parsed) =
            X509Certificate::from_der(der).map_err(|error| format!("it does not parse: {error}"))?;
        if !rest.is_empty() {
            return Err(format!("{} bytes follow it", rest.len()));
        }
        let tbs = &parsed.tbs_certificate;
        let certificate = Certificate {
            position: 0,
            sent: true,
            in_path: false,
            subject: name::distinguished(&tbs.subject),
            issuer: name::distinguished(&tbs.issuer),
            names: alternative_names(&parsed),
            serial: serial(tbs.raw_serial()),
            not_before: time(&tbs.validity.not_before),
            not_after: time(&tbs.validity.not_after),
            sha256: sha256(der),
            spki_sha256: sha256(tbs.subject_pki.raw),
            key: key::kind(&tbs.subject_pki),
            der: None,
        };
        Ok(Facts {
            certificate,
            subject_der: tbs.subject.as_raw().into(),
            issuer_der: tbs.issuer.as_raw().into(),
            // Version 1 has no extension to say so; what signs itself was meant as an authority then.
            is_ca: parsed.is_ca() || (tbs.version == X509Version::V1 && tbs.subject == tbs.issuer),
            self_issued: tbs.subject.as_raw() == tbs.issuer.as_raw(),
            rsa_bits: key::rsa_bits(&tbs.subject_pki),
            signature: key::signature(&parsed.signature_algorithm),
        })
    }

    /// Whether `time` lies within its validity; both ends belong to it (RFC 5280 section 4.1.2.5).
    pub(crate) fn valid_at(&self, time: Timestamp) -> bool {
        (self.certificate.not_before..=self.certificate.not_after).contains(&time)
    }

    /// Whether it begins after it ends.
    pub(crate) fn never_valid(&self) -> bool {
        self.certificate.not_before > self.certificate.not_after
    }

    /// Whether `issuer` is by its name the one that signed this.
    pub(crate) fn names_as_issuer(&self, issuer: &Facts) -> bool {
        self.issuer_der == issuer.subject_der
    }
}

/// SHA-256 of anything.
pub(crate) fn sha256(bytes: &[u8]) -> Fingerprint {
    let mut fingerprint = [0; 32];
    let digest = digest::digest(&digest::SHA256, bytes);
    for (to, from) in fingerprint.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    Fingerprint(fingerprint)
}

/// Years that the calendar does not hold become its ends: "99991231235959Z" means "never" (RFC 5280 section 4.1.2.5).
pub(crate) fn time(time: &ASN1Time) -> Timestamp {
    let beyond = if time.timestamp() < 0 { Timestamp::MIN } else { whole_second(Timestamp::MAX) };
    Timestamp::from_second(time.timestamp()).unwrap_or(beyond)
}

/// The second that a moment lies in. Certificates count in whole seconds, and so does webpki.
pub(crate) fn whole_second(time: Timestamp) -> Timestamp {
    let beginning = time.as_second() - i64::from(time.subsec_nanosecond() < 0);
    Timestamp::from_second(beginning).unwrap_or(time)
}

/// The sign byte of a large number says nothing, and other tools leave it out.
fn serial(raw: &[u8]) -> String {
    let digits = match raw {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn alternative_names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let lists = parsed.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    lists.flatten().filter_map(alternative_name).collect()
}

fn alternative_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name::printable(name)),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from))
                .ok()
                .map(|address| address.to_string())
        }
        _ => None,
    }
}
