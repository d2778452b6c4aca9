use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{FailureKind, Finding, FindingKind, Phase, Severity};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::case::{Case, Member, Place, Source};
use crate::facts::{Facts, whole_second};
use crate::findings::finding;
use crate::judge::{self, Judgement};
use crate::path::Path;
use crate::roots::{hint, pem_reason};
use crate::verifier::MAX_CHAIN_CERTIFICATES;
use crate::{Revocations, Roots, faults, findings};

/// Judges the certificates of a PEM file, as for `file://`. Private keys in it are passed over.
///
/// A file with a server's certificate is judged as a chain; without roots its trust is not judged, and without a name its
/// names are not. A file with nothing but certification authorities is judged by the dates of each.
pub fn judge_file(
    pem: &[u8],
    roots: Option<&Roots>,
    name: Option<&ServerName<'_>>,
    now: Timestamp,
) -> Judgement {
    let mut contents = match Contents::read(pem) {
        Ok(contents) => contents,
        Err(message) => return judge::nothing(FailureKind::CertificateInvalid, Phase::Resolve, message),
    };
    let now = whole_second(now);
    match contents.server() {
        None => contents.judge_authorities(now),
        Some(0) => contents.judge_chain(roots, name, now),
        Some(at) => {
            contents.bring_to_front(at);
            let mut judgement = contents.judge_chain(roots, name, now);
            judgement.findings.push(server_not_first(at));
            judgement
        }
    }
}

struct Contents {
    chain: Vec<CertificateDer<'static>>,
    facts: Vec<Option<Arc<Facts>>>,
}

impl Contents {
    fn read(pem: &[u8]) -> Result<Contents, String> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| format!("the file is broken: {}", pem_reason(error)))?;
        if chain.is_empty() {
            return Err(format!("the file has no certificate{}", hint(pem)));
        }
        let facts = chain.iter().map(|der| Facts::read(der).ok().map(Arc::new)).collect();
        Ok(Contents { chain, facts })
    }

    /// Where the server's certificate is: the first that is not an authority's. When nothing can be read, it is the first.
    fn server(&self) -> Option<usize> {
        let unreadable = self.facts.iter().all(Option::is_none).then_some(0);
        unreadable
            .or_else(|| self.facts.iter().position(|facts| facts.as_ref().is_some_and(|facts| !facts.is_ca)))
    }

    fn bring_to_front(&mut self, at: usize) {
        if let (Some(chain), Some(facts)) = (self.chain.get_mut(..=at), self.facts.get_mut(..=at)) {
            chain.rotate_right(1);
            facts.rotate_right(1);
        }
    }

    fn judge_chain(&self, roots: Option<&Roots>, name: Option<&ServerName<'_>>, now: Timestamp) -> Judgement {
        if self.chain.len() > MAX_CHAIN_CERTIFICATES {
            let message = format!(
                "the file has {} certificates, more than the {MAX_CHAIN_CERTIFICATES} that a server's chain may have",
                self.chain.len()
            );
            return judge::nothing(FailureKind::CertificateInvalid, Phase::Resolve, message);
        }
        judge::judge(&self.case(roots, name, now))
    }

    /// Each on its own: they need not have anything to do with each other.
    fn judge_authorities(&self, now: Timestamp) -> Judgement {
        let case = self.case(None, None, now);
        let all = Path { sent: (0..self.chain.len()).collect(), anchor: None };
        let members: Vec<Member<'_>> = case.members(&all).into_iter().map(authority).collect();
        let failures = faults::of_dates(&case, &members);
        Judgement {
            // Dates are all that is looked at here.
            verified: false,
            failures,
            certificates: case.certificates(Some(&all)),
            findings: members.iter().filter_map(|one| findings::expiring(&case, one)).collect(),
        }
    }

    fn case<'a>(
        &'a self,
        roots: Option<&'a Roots>,
        name: Option<&'a ServerName<'a>>,
        now: Timestamp,
    ) -> Case<'a> {
        let revocations = Revocations::NONE;
        Case { chain: &self.chain, facts: &self.facts, roots, name, revocations, now, source: Source::File }
    }
}

fn authority(member: Member<'_>) -> Member<'_> {
    let place = if member.facts.self_issued { Place::Anchor } else { Place::Intermediate };
    Member { place, ..member }
}

fn server_not_first(at: usize) -> Finding {
    let message = format!(
        "the server's certificate is number {} in the file; servers expect it first, and refuse the file otherwise",
        at + 1
    );
    finding(FindingKind::ChainUntidy, Severity::Warn, message)
}
