use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateRevocationListParams, CrlDistributionPoint, CrlIssuingDistributionPoint, KeyIdMethod,
    RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

use super::authority::{Authority, since_1970};

/// What a list of revoked certificates is to say.
#[derive(Debug, Clone)]
pub struct CrlSpec<'a> {
    /// Those revoked, an hour before the list was issued, because their keys are compromised.
    pub revoked: &'a [&'a CertificateDer<'a>],
    /// When it was issued. The next one is due a week later.
    pub listed_at: Timestamp,
    /// Its number.
    pub number: u64,
    /// The one address for whose certificates it is; without one it is for all of its issuer's.
    pub only_for: Option<String>,
}

impl Authority {
    pub(super) fn crl(&self, spec: &CrlSpec<'_>) -> Vec<u8> {
        let point = |url: &String| CrlIssuingDistributionPoint {
            distribution_point: CrlDistributionPoint { uris: vec![url.clone()] },
            scope: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(1970, 1, 1) + since_1970(spec.listed_at),
            next_update: date_time_ymd(1970, 1, 1)
                + since_1970(spec.listed_at + SignedDuration::from_hours(24 * 7)),
            crl_number: SerialNumber::from(spec.number),
            issuing_distribution_point: spec.only_for.as_ref().map(point),
            revoked_certs: spec.revoked.iter().map(|der| entry(der, spec.listed_at)).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer()).expect("a list of sound parameters").der().to_vec()
    }
}

fn entry(der: &CertificateDer<'_>, listed_at: Timestamp) -> RevokedCertParams {
    RevokedCertParams {
        serial_number: SerialNumber::from_slice(serial(der)),
        revocation_time: date_time_ymd(1970, 1, 1) + since_1970(listed_at - SignedDuration::from_hours(1)),
        reason_code: Some(RevocationReason::KeyCompromise),
        invalidity_date: None,
    }
}

/// Certificates made here begin alike: two headers of four bytes, the version, then the serial number.
fn serial<'a>(der: &'a CertificateDer<'_>) -> &'a [u8] {
    const VERSION_3: [u8; 5] = [0xa0, 3, 2, 1, 2];
    const INTEGER: u8 = 2;
    assert_eq!((&der[8..13], der[13]), (&VERSION_3[..], INTEGER), "a certificate that was made here");
    &der[15..15 + usize::from(der[14])]
}
