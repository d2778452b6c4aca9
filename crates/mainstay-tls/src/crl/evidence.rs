use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::Fingerprint;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{
    BorrowedCertRevocationList, BorrowedRevokedCert, CertRevocationList, EndEntityCert, Error, KeyUsage,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use super::Crl;
use crate::case::{Case, Source};
use crate::facts::{Facts, sha256, whole_second};
use crate::path::{self, Path, unix_time};
use crate::provider::signature_algorithms;
use crate::{RevocationReason, Revocations, Revoked, Roots};

/// Which certificates of a chain these lists call revoked, each once.
///
/// A list counts when the certificate's own issuer signed it, by a path of the chain that verifies at some moment; it counts for
/// ever, however old it is, so that one that was kept from before a certificate's end still does afterwards. Everything else is
/// passed over: lists of other issuers, forged ones, lists for another part of the issuer's certificates. **What is not named
/// is not known to be good.**
///
/// It costs a verification for each path and list of one of its issuers, so do it when lists or chains change, not for every
/// connection.
pub fn revoked_in(chain: &[CertificateDer<'_>], roots: &Roots, crls: &[Crl], now: Timestamp) -> Vec<Revoked> {
    let facts = read(chain);
    let case = case(chain, &facts, roots, now);
    let mut found: Vec<Revoked> = Vec::new();
    for (moment, path) in path::ever_verified(&case) {
        for crl in crls {
            let revoked = revoked_by(&case, &path, unix_time(moment), crl);
            found.extend(revoked.filter(|one| found.iter().all(|known| known.sha256 != one.sha256)));
        }
    }
    found
}

/// Where the lists are that may have certificates of this chain, eight addresses at most.
///
/// Only certificates of a path that verifies at some moment are asked: anybody can send anything beside them.
pub fn crl_urls_of(chain: &[CertificateDer<'_>], roots: &Roots, now: Timestamp) -> Vec<String> {
    let facts = read(chain);
    let case = case(chain, &facts, roots, now);
    let mut urls: Vec<String> = Vec::new();
    for (_, path) in path::ever_verified(&case) {
        let certificates = path.sent.iter().filter_map(|&index| chain.get(index));
        for url in certificates.flat_map(super::crl_urls) {
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
    }
    urls.truncate(super::MOST_URLS);
    urls
}

fn read(chain: &[CertificateDer<'_>]) -> Vec<Option<Arc<Facts>>> {
    chain.iter().map(|der| Facts::read(der).ok().map(Arc::new)).collect()
}

/// The chain for whatever name, with nothing known of revocations yet.
fn case<'a>(
    chain: &'a [CertificateDer<'a>],
    facts: &'a [Option<Arc<Facts>>],
    roots: &'a Roots,
    now: Timestamp,
) -> Case<'a> {
    let (now, revocations, source) = (whole_second(now), Revocations::NONE, Source::Server);
    Case { chain, facts, roots: Some(roots), name: None, revocations, now, source }
}

/// The certificate of the path that the list calls revoked: the one nearest to the root, which webpki comes to first.
fn revoked_by(case: &Case<'_>, path: &Path, moment: UnixTime, crl: &Crl) -> Option<Revoked> {
    let list = BorrowedCertRevocationList::from_der(crl.der()).ok().map(CertRevocationList::from)?;
    let certificates = || path.sent.iter().rev().filter_map(|&index| case.chain.get(index));
    let (der, entry) = certificates().find_map(|der| listed(der, &list))?;
    verification_says_so(case, path, moment, &list).then(|| Revoked::of(sha256(der), &entry, crl))
}

/// The entry of a certificate, by its issuer's name and its serial number. Whether the list is genuine is another matter.
fn listed<'a>(
    der: &'a CertificateDer<'a>,
    list: &'a CertRevocationList<'a>,
) -> Option<(&'a CertificateDer<'a>, BorrowedRevokedCert<'a>)> {
    let certificate = EndEntityCert::try_from(der).ok()?;
    let of_its_issuer = certificate.issuer() == list.issuer();
    let entry = of_its_issuer.then(|| list.find_serial(certificate.serial()))?.ok()??;
    Some((der, entry))
}

/// Whether verification of this very path, which succeeds without the list, fails with it because of a revocation.
fn verification_says_so(
    case: &Case<'_>,
    path: &Path,
    moment: UnixTime,
    list: &CertRevocationList<'_>,
) -> bool {
    let lists = [list];
    let certificates: Option<Vec<_>> =
        path.sent.iter().map(|&index| Some(CertificateDer::from(case.chain.get(index)?.as_ref()))).collect();
    let anchor = path.anchor.and_then(|at| case.roots?.anchors().get(at..=at));
    let (Some(certificates), Some(anchor), Ok(options)) =
        (certificates, anchor, RevocationOptionsBuilder::new(&lists))
    else {
        return false;
    };
    let Some((leaf, others)) = certificates.split_first() else { return false };
    // A list that is about other certificates of the path only must not keep it from being looked at.
    let options = options.with_status_policy(UnknownStatusPolicy::Allow).build();
    let outcome = EndEntityCert::try_from(leaf).and_then(|leaf| {
        let usage = KeyUsage::server_auth();
        let algorithms = signature_algorithms().all;
        leaf.verify_for_usage(algorithms, anchor, others, moment, usage, Some(options), None).map(|_| ())
    });
    outcome == Err(Error::CertRevoked)
}

impl Revoked {
    fn of(sha256: Fingerprint, entry: &BorrowedRevokedCert<'_>, crl: &Crl) -> Revoked {
        let seconds = i64::try_from(entry.revocation_date.as_secs()).unwrap_or(i64::MAX);
        Revoked {
            sha256,
            at: Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX),
            reason: entry.reason_code.map_or(RevocationReason::Unspecified, RevocationReason::from),
            listed_at: crl.listed_at(),
            list_number: crl.number().map(str::to_owned),
        }
    }
}

impl From<webpki::RevocationReason> for RevocationReason {
    fn from(reason: webpki::RevocationReason) -> RevocationReason {
        use webpki::RevocationReason as Theirs;
        match reason {
            // The second only stands in lists of changes, which are not read.
            Theirs::Unspecified | Theirs::RemoveFromCrl => RevocationReason::Unspecified,
            Theirs::KeyCompromise => RevocationReason::KeyCompromise,
            Theirs::CaCompromise => RevocationReason::CaCompromise,
            Theirs::AffiliationChanged => RevocationReason::AffiliationChanged,
            Theirs::Superseded => RevocationReason::Superseded,
            Theirs::CessationOfOperation => RevocationReason::CessationOfOperation,
            Theirs::CertificateHold => RevocationReason::CertificateHold,
            Theirs::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
            Theirs::AaCompromise => RevocationReason::AaCompromise,
        }
    }
}
