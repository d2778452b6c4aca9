use jiff::Timestamp;
use x509_parser::asn1_rs::{Any, Class};
use x509_parser::prelude::*;

use crate::facts;

/// What a list says of itself. Its entries are passed over: there may be hundreds of thousands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) listed_at: Timestamp,
    pub(super) number: Option<String>,
}

impl Header {
    /// Reads the DER of a list that webpki has read already.
    pub(super) fn read(der: &[u8]) -> Option<Header> {
        let (_, list) = Any::from_der(der).ok()?;
        let (_, tbs) = Any::from_der(list.data).ok()?;
        let (rest, _version) = Any::from_der(tbs.data).ok()?;
        let (rest, _algorithm) = Any::from_der(rest).ok()?;
        let (rest, _issuer) = Any::from_der(rest).ok()?;
        let (rest, listed_at) = ASN1Time::from_der(rest).ok()?;
        Some(Header { listed_at: facts::time(&listed_at), number: number(rest) })
    }
}

/// The number of the list, in the extensions at its end (RFC 5280 sections 5.1.2.7 and 5.2.3).
fn number(mut rest: &[u8]) -> Option<String> {
    let extensions = loop {
        let (after, field) = Any::from_der(rest).ok()?;
        if field.header.class() == Class::ContextSpecific {
            break field.data;
        }
        rest = after;
    };
    let (_, sequence) = Any::from_der(extensions).ok()?;
    let mut rest = sequence.data;
    while !rest.is_empty() {
        let (after, extension) = X509Extension::from_der(rest).ok()?;
        if let ParsedExtension::CRLNumber(number) = extension.parsed_extension() {
            return Some(format!("{number:x}"));
        }
        rest = after;
    }
    None
}
