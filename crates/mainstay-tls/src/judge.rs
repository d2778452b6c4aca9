use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use jiff::Timestamp;
use mainstay_model::{Certificate, Failure, FailureKind, Finding, Fingerprint, Phase};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::case::{Case, Source};
use crate::facts::{Facts, sha256, whole_second};
use crate::faults;
use crate::findings;
use crate::memory::Memory;
use crate::path::{self, Path};
use crate::words;
use crate::{Revocations, Roots};

/// Judges chains against one set of roots, and remembers those that it has verified. Cheap to clone; keep one per set of roots.
///
/// Remembering is safe: with the same certificates, the same roots and the same name, only the dates and a revocation can change
/// the outcome, and a remembered path is used only while all its certificates are valid and none is known to be revoked. Whether the server holds the key is another
/// matter, which every handshake proves anew.
#[derive(Clone)]
pub struct Judge {
    roots: Roots,
    memories: Arc<Mutex<Memories>>,
}

/// Everything there is to say about a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Whether full verification succeeded: dates, trust, signatures, purpose and name. Never so for a file that is judged
    /// without roots or a name, whatever else holds.
    pub verified: bool,
    /// What is wrong, the one to act on first at the beginning. Never empty for a server's chain that is not `verified`.
    pub failures: Vec<Failure>,
    /// The chain as sent, then the trust anchor when it is known and was not sent. What cannot be read is left out.
    pub certificates: Vec<Certificate>,
    /// What needs attention without being a failure.
    pub findings: Vec<Finding>,
}

struct Memories {
    /// By the SHA-256 of the DER.
    facts: Memory<Fingerprint, Arc<Facts>>,
    /// By the digest of the name and the whole chain.
    verified: Memory<[u8; 32], Verified>,
}

/// A path that verified, and how long it does.
#[derive(Clone)]
struct Verified {
    path: Arc<Path>,
    /// Of its certificates.
    fingerprints: Arc<[Fingerprint]>,
    from: Timestamp,
    until: Timestamp,
}

/// A chain, read.
pub(crate) struct Read {
    fingerprints: Vec<Fingerprint>,
    facts: Vec<Option<Arc<Facts>>>,
}

/// Twice as many certificates and chains are remembered at most, about 100 MB when all differ.
const REMEMBERED: usize = 65_536;

impl Judge {
    /// A judge that remembers nothing yet.
    pub fn new(roots: Roots) -> Judge {
        let memories = Memories { facts: Memory::new(REMEMBERED), verified: Memory::new(REMEMBERED) };
        Judge { roots, memories: Arc::new(Mutex::new(memories)) }
    }

    /// What it judges against.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Judges a chain as a server sent it, the server's own certificate first, for the name that was asked for.
    ///
    /// `now` need not be the present: as of a later moment it tells what would be wrong then.
    pub fn judge(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>, now: Timestamp) -> Judgement {
        self.judge_knowing(chain, name, Revocations::NONE, now)
    }

    /// The same, where some certificates are known to be revoked. [`revoked_in`](crate::revoked_in) finds out which.
    pub fn judge_knowing(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        revocations: &Revocations,
        now: Timestamp,
    ) -> Judgement {
        let read = self.read(chain);
        let case = self.case(chain, &read, name, revocations, now);
        match self.verified(&case, &read) {
            Some(path) => sound(&case, &path),
            None => refused(&case),
        }
    }

    /// The path by which full verification succeeds, from memory when it did before.
    pub(crate) fn verified(&self, case: &Case<'_>, read: &Read) -> Option<Arc<Path>> {
        let key = key(case.name?, &read.fingerprints);
        let known = self.lock().verified.recall(&key).filter(|known| known.holds(case));
        if let Some(known) = known {
            return Some(known.path);
        }
        let fresh = Verified::of(case, verify(case)?);
        self.lock().verified.remember(key, fresh.clone());
        Some(fresh.path)
    }

    /// What the certificates of a chain say, from memory when they were met before.
    pub(crate) fn read(&self, chain: &[CertificateDer<'_>]) -> Read {
        let fingerprints: Vec<Fingerprint> = chain.iter().map(|der| sha256(der)).collect();
        let facts = self.facts(chain, &fingerprints);
        Read { fingerprints, facts }
    }

    pub(crate) fn case<'a>(
        &'a self,
        chain: &'a [CertificateDer<'a>],
        read: &'a Read,
        name: &'a ServerName<'a>,
        revocations: &'a Revocations,
        now: Timestamp,
    ) -> Case<'a> {
        Case {
            chain,
            facts: &read.facts,
            roots: Some(&self.roots),
            name: Some(name),
            revocations,
            now: whole_second(now),
            source: Source::Server,
        }
    }

    fn facts(&self, chain: &[CertificateDer<'_>], fingerprints: &[Fingerprint]) -> Vec<Option<Arc<Facts>>> {
        let one = |(der, fingerprint): (&CertificateDer<'_>, &Fingerprint)| {
            if let Some(known) = self.lock().facts.recall(fingerprint) {
                return Some(known);
            }
            let read = Arc::new(Facts::read(der).ok()?);
            self.lock().facts.remember(*fingerprint, read.clone());
            Some(read)
        };
        chain.iter().zip(fingerprints).map(one).collect()
    }

    /// A panic elsewhere leaves the memories whole: each call changes one entry.
    fn lock(&self) -> MutexGuard<'_, Memories> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verified {
    /// A path verifies for as long as all its certificates are valid.
    fn of(case: &Case<'_>, path: Path) -> Verified {
        let members = case.members(&path);
        let certificates = || members.iter().map(|member| &member.facts.certificate);
        let from = certificates().map(|one| one.not_before).max().unwrap_or(case.now);
        let until = certificates().map(|one| one.not_after).min().unwrap_or(case.now);
        let fingerprints = certificates().map(|one| one.sha256).collect();
        Verified { path: Arc::new(path), fingerprints, from, until }
    }

    /// Whether nothing has changed meanwhile that the key does not tell: the time, and what is known to be revoked.
    fn holds(&self, case: &Case<'_>) -> bool {
        (self.from..=self.until).contains(&case.now)
            && !self.fingerprints.iter().any(|one| case.revocations.contains(one))
    }
}

/// The judgement of any case, from scratch.
pub(crate) fn judge(case: &Case<'_>) -> Judgement {
    match verify(case) {
        Some(path) => sound(case, &path),
        None => refused(case),
    }
}

fn verify(case: &Case<'_>) -> Option<Path> {
    let path = path::verified_now(case).ok()?;
    // What the library verifies but this crate cannot read could not be shown, so it is not called verified.
    let readable = path.sent.iter().all(|index| case.sent(*index).is_some());
    (readable && !faults::besides_path(case, &path)).then_some(path)
}

/// Nothing is wrong, as far as it is judged.
fn sound(case: &Case<'_>, path: &Path) -> Judgement {
    Judgement {
        verified: case.not_judged().is_none(),
        failures: Vec::new(),
        certificates: case.certificates(Some(path)),
        findings: findings::findings(case, path),
    }
}

/// Everything that is wrong with a chain that did not verify.
pub(crate) fn refused(case: &Case<'_>) -> Judgement {
    if case.chain.is_empty() {
        return nothing(
            FailureKind::CertificateInvalid,
            case.phase(),
            "the server sent no certificate".to_owned(),
        );
    }
    let (failures, path) = faults::diagnose(case);
    Judgement {
        verified: false,
        failures,
        certificates: case.certificates(path.as_ref()),
        findings: path.map(|path| findings::findings(case, &path)).unwrap_or_default(),
    }
}

/// A judgement without a certificate.
pub(crate) fn nothing(kind: FailureKind, phase: Phase, message: String) -> Judgement {
    let failures = vec![Failure::new(kind, phase, message)];
    Judgement { verified: false, failures, certificates: Vec::new(), findings: Vec::new() }
}

fn key(name: &ServerName<'_>, fingerprints: &[Fingerprint]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    fingerprints.iter().for_each(|fingerprint| context.update(&fingerprint.0));
    // The name comes last: it is the only part whose length varies.
    context.update(words::name(name).as_bytes());
    let mut key = [0; 32];
    key.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    key
}
