use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{Certificate, Phase};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::facts::Facts;
use crate::path::Path;
use crate::{Revocations, Roots};

/// One chain and what it is judged by.
pub(crate) struct Case<'a> {
    /// As sent, the server's own certificate first.
    pub(crate) chain: &'a [CertificateDer<'a>],
    /// Of each certificate of `chain`, in the same order; `None` where it cannot be read.
    pub(crate) facts: &'a [Option<Arc<Facts>>],
    /// Without roots, trust is not judged.
    pub(crate) roots: Option<&'a Roots>,
    /// Without a name, names are not judged.
    pub(crate) name: Option<&'a ServerName<'a>>,
    pub(crate) revocations: &'a Revocations,
    /// A whole second.
    pub(crate) now: Timestamp,
    pub(crate) source: Source,
}

/// Where the chain comes from; it decides some words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Server,
    File,
}

/// A certificate of a path.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    /// As in [`Certificate::position`].
    pub(crate) position: u32,
    pub(crate) place: Place,
    pub(crate) facts: &'a Facts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Leaf,
    Intermediate,
    Anchor,
}

impl<'a> Case<'a> {
    pub(crate) fn phase(&self) -> Phase {
        match self.source {
            Source::Server => Phase::Tls,
            Source::File => Phase::Resolve,
        }
    }

    /// What is not judged for want of roots or a name; `None` when everything is.
    pub(crate) fn not_judged(&self) -> Option<&'static str> {
        match (self.roots, self.name) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some("name"),
            (None, Some(_)) => Some("trust"),
            (None, None) => Some("trust and name"),
        }
    }

    pub(crate) fn sent(&self, index: usize) -> Option<&'a Facts> {
        self.facts.get(index)?.as_deref()
    }

    pub(crate) fn is_revoked(&self, member: &Member<'_>) -> bool {
        self.revocations.contains(&member.facts.certificate.sha256)
    }

    /// The certificates of a path, the server's own first. Those that cannot be read are left out.
    pub(crate) fn members(&self, path: &Path) -> Vec<Member<'a>> {
        let sent = path.sent.iter().filter_map(|&index| {
            let place = if index == 0 { Place::Leaf } else { Place::Intermediate };
            Some(Member { position: position(index), place, facts: self.sent(index)? })
        });
        sent.chain(self.anchor(path)).collect()
    }

    /// The trust anchor, unless it is among the path's sent certificates already: a certificate can be its own anchor.
    fn anchor(&self, path: &Path) -> Option<Member<'a>> {
        let facts = self.roots?.facts(path.anchor?)?;
        let at = self.anchor_position(path)?;
        let known = path.sent.contains(&at);
        (!known).then_some(Member { position: position(at), place: Place::Anchor, facts })
    }

    /// Where the trust anchor stands: where it was sent, else after the last one sent.
    pub(crate) fn anchor_position(&self, path: &Path) -> Option<usize> {
        let der = self.roots?.der(path.anchor?)?;
        Some(self.chain.iter().position(|sent| sent == der).unwrap_or(self.chain.len()))
    }

    /// The path that the names of subjects and issuers suggest, whether or not it verifies.
    pub(crate) fn path_by_names(&self) -> Path {
        let mut sent: Vec<usize> = self.sent(0).map(|_| 0).into_iter().collect();
        while let Some(next) = sent.last().and_then(|&last| self.issuer_by_name(last, &sent)) {
            sent.push(next);
        }
        Path { sent, anchor: None }
    }

    fn issuer_by_name(&self, of: usize, known: &[usize]) -> Option<usize> {
        let subject = self.sent(of).filter(|facts| !facts.self_issued)?;
        let is_issuer = |index: &usize| self.sent(*index).is_some_and(|other| subject.names_as_issuer(other));
        (0..self.chain.len()).filter(|index| !known.contains(index)).find(is_issuer)
    }

    /// Everything sent that can be read, then the trust anchor when it was not sent.
    pub(crate) fn certificates(&self, path: Option<&Path>) -> Vec<Certificate> {
        let anchor_at = path.and_then(|path| self.anchor_position(path));
        let needed = |index| path.is_some_and(|path| path.sent.contains(&index)) || anchor_at == Some(index);
        let sent = self.chain.iter().enumerate().filter_map(|(index, der)| {
            let certificate = placed(self.sent(index)?, der, index);
            Some(Certificate { in_path: needed(index), ..certificate })
        });
        let anchor = path.and_then(|path| self.anchor_not_sent(path));
        sent.chain(anchor).collect()
    }

    fn anchor_not_sent(&self, path: &Path) -> Option<Certificate> {
        let (roots, anchor) = (self.roots?, path.anchor?);
        let position = self.anchor_position(path).filter(|&position| position == self.chain.len())?;
        let certificate = placed(roots.facts(anchor)?, roots.der(anchor)?, position);
        Some(Certificate { sent: false, in_path: true, ..certificate })
    }
}

fn placed(facts: &Facts, der: &[u8], index: usize) -> Certificate {
    Certificate { position: position(index), der: Some(Arc::from(der)), ..facts.certificate.clone() }
}

/// Chains are short, so every index fits.
pub(crate) fn position(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
