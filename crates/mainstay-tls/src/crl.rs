mod evidence;
mod header;

pub use evidence::{crl_urls_of, revoked_in};

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use webpki::{BorrowedCertRevocationList, Error};
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::*;

use crate::roots::pem_reason;
use header::Header;

/// Lists of more bytes than this are refused. Those of the largest public authorities have a few million.
pub const MAX_CRL_BYTES: usize = 16 * 1024 * 1024;

/// A list of revoked certificates (RFC 5280 section 5). Whose it is and whether that is true shows only beside a chain:
/// [`revoked_in`] looks at that. Cheap to clone.
///
/// Keep the last one from before a certificate's end for as long as the certificate may be waived: complete lists leave out what
/// expired, and with it what was revoked before.
#[derive(Clone)]
pub struct Crl(Arc<List>);

struct List {
    der: Box<[u8]>,
    header: Header,
}

/// Why bytes are no list that can be made use of. A list that is not read tells nothing, least of all that all is well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// It has more than [`MAX_CRL_BYTES`].
    #[error("the list has {0} bytes, more than the {most} that are read", most = MAX_CRL_BYTES)]
    TooLarge(usize),
    /// It is neither DER nor PEM, or broken.
    #[error(
        "what was read is no list of revoked certificates ({0}); look at what the address or file really gives"
    )]
    Malformed(String),
    /// It is of a kind that is not understood.
    #[error("the list is of a kind that is not supported ({0}); revocations on it stay unknown")]
    Unsupported(String),
}

impl Crl {
    /// Reads a list in DER, as authorities serve it, or in PEM.
    pub fn read(bytes: &[u8]) -> Result<Crl, CrlError> {
        if bytes.len() > MAX_CRL_BYTES {
            return Err(CrlError::TooLarge(bytes.len()));
        }
        let der = der(bytes)?;
        let list = BorrowedCertRevocationList::from_der(&der).map_err(of_webpki)?;
        // A list with one entry that cannot be read would fail when it is asked, so it fails here.
        list.into_iter().try_for_each(|entry| entry.map(|_| ())).map_err(of_webpki)?;
        let header =
            Header::read(&der).ok_or_else(|| CrlError::Malformed("its header is broken".to_owned()))?;
        Ok(Crl(Arc::new(List { der: der.into(), header })))
    }

    /// The list itself, to be kept.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// When it was issued (`thisUpdate`). Of two lists from one place the later one holds.
    pub fn listed_at(&self) -> Timestamp {
        self.0.header.listed_at
    }

    /// Its number, lower-case hexadecimal.
    pub fn number(&self) -> Option<&str> {
        self.0.header.number.as_deref()
    }
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({} bytes of {})", self.der().len(), self.listed_at())
    }
}

/// Real certificates have one address, and a few have two.
const MOST_URLS: usize = 8;

/// Where the lists are that may have this certificate, by its own word: addresses of HTTP, at most eight.
///
/// Anybody can write anything into a certificate, so ask only for those of one that verifies but for dates: [`crl_urls_of`] does.
pub fn crl_urls(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let points = parsed.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::CRLDistributionPoints(points) => Some(&points.points),
        _ => None,
    });
    points.flatten().flat_map(urls).take(MOST_URLS).collect()
}

fn urls<'a>(point: &'a CRLDistributionPoint<'_>) -> impl Iterator<Item = String> + 'a {
    const LONGEST: usize = 2048;
    let names = match &point.distribution_point {
        Some(DistributionPointName::FullName(names)) => names.as_slice(),
        _ => &[],
    };
    names.iter().filter_map(|name| match name {
        GeneralName::URI(url) if is_http(url) && url.len() <= LONGEST => Some((*url).to_owned()),
        _ => None,
    })
}

fn is_http(url: &str) -> bool {
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    let lower = url.to_ascii_lowercase();
    plain && (lower.starts_with("http://") || lower.starts_with("https://"))
}

fn der(bytes: &[u8]) -> Result<Vec<u8>, CrlError> {
    /// A SEQUENCE: what every list begins with.
    const SEQUENCE: u8 = 0x30;
    if bytes.first() == Some(&SEQUENCE) {
        return Ok(bytes.to_vec());
    }
    CertificateRevocationListDer::from_pem_slice(bytes)
        .map(|list| list.to_vec())
        .map_err(|error| CrlError::Malformed(pem_reason(error)))
}

fn of_webpki(error: Error) -> CrlError {
    use Error::*;
    match error {
        UnsupportedDeltaCrl => {
            CrlError::Unsupported("it has only what changed since another list".to_owned())
        }
        UnsupportedIndirectCrl => {
            CrlError::Unsupported("it is not of the certificates' own issuer".to_owned())
        }
        UnsupportedCrlVersion => CrlError::Unsupported("it is of the first version".to_owned()),
        UnsupportedRevocationReasonsPartitioning => {
            CrlError::Unsupported("it has only revocations for some of the reasons".to_owned())
        }
        UnsupportedCriticalExtension
        | UnsupportedCrlIssuingDistributionPoint
        | UnsupportedRevocationReason => CrlError::Unsupported(error.to_string()),
        other => CrlError::Malformed(other.to_string()),
    }
}
