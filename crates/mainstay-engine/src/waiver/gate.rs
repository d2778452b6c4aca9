//! When a waiver is possible at all: the latest check says that the server's own certificate expired, and nothing else.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Certificate, CheckReport, Dependency, DependencyName, DependencyState, Failure, FailureKind, Observation,
    Otherwise, Pin, Protocol, Verdict, Waiver, WaiverEnd, WaiverState,
};

use super::{WaiverRefusal, evidence, words};
use crate::State;
use crate::time::{clock, signed, since};

/// A check that is not older than this is fresh, however often checks are.
const FRESH: Duration = Duration::from_secs(120);

/// What a waiver would be for, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverGrounds {
    /// Where the dependency is and how it verifies, as [`Dependency::endpoint`] says.
    pub endpoint: String,
    /// The one certificate.
    pub pin: Pin,
    /// Its subject.
    pub subject: String,
    /// When it expired.
    pub expired_at: Timestamp,
    /// What is known, one fact each.
    pub evidence: Vec<String>,
}

impl State {
    /// What a waiver for a dependency that is granted now would give up for so long, and what it would not; nothing where there is no
    /// such dependency.
    pub fn waiver_risks(&self, name: &DependencyName, lasts: Duration, now: Timestamp) -> Vec<String> {
        let dependency = self.landscape.dependencies.get(name);
        dependency.map_or_else(Vec::new, |dependency| words::risks(dependency, lasts, now))
    }
}

/// The certificate that is shown, and by which addresses.
pub(super) struct Shown<'a> {
    pub(super) leaf: &'a Certificate,
    /// The chain that came with it, the trust anchor included where it is known.
    pub(super) chain: &'a [Certificate],
    pub(super) by: Vec<&'a Observation>,
    /// Those that showed no certificate.
    pub(super) others: Vec<&'a Observation>,
}

impl State {
    /// Whether a waiver for a dependency is possible now, and what it would be for.
    ///
    /// # Errors
    /// What stands against it.
    pub fn waiver_grounds(
        &self,
        name: &DependencyName,
        now: Timestamp,
    ) -> Result<WaiverGrounds, WaiverRefusal> {
        let known = self.landscape.dependencies.get(name).zip(self.dependencies.get(name));
        let (dependency, state) = known.ok_or_else(|| WaiverRefusal::Unknown(name.clone()))?;
        if !dependency.waivable {
            return Err(WaiverRefusal::Forbidden(name.clone()));
        }
        if dependency.target.protocol == Protocol::File {
            return Err(WaiverRefusal::NoConnection(name.clone()));
        }
        let report = fresh(dependency, state, now)?;
        // A relay saw the new certificate, and no check has yet.
        let renewed = |waiver: &Waiver| match &waiver.state {
            WaiverState::Ended { end: WaiverEnd::Renewed, at, .. } => *at >= report.checked_at,
            _ => false,
        };
        if self.waivers_of(name).any(|waiver| renewed(waiver)) {
            return Err(WaiverRefusal::Works(name.clone()));
        }
        let shown = shown(name, report)?;
        self.refuse_revoked(name, shown.chain)?;
        Ok(WaiverGrounds {
            endpoint: dependency.endpoint(),
            pin: pin(shown.leaf),
            subject: shown.leaf.subject.clone(),
            expired_at: shown.leaf.not_after,
            evidence: evidence::collect(self, dependency, state, &shown, now),
        })
    }

    fn refuse_revoked(&self, name: &DependencyName, chain: &[Certificate]) -> Result<(), WaiverRefusal> {
        // What is sent beside the path is judged by nobody.
        let mut path = chain.iter().filter(|one| one.position == 0 || one.in_path);
        match path.find(|one| self.revoked.contains(&one.sha256)) {
            Some(one) => {
                Err(WaiverRefusal::Revoked { dependency: name.clone(), subject: one.subject.clone() })
            }
            None => Ok(()),
        }
    }
}

pub(super) fn pin(leaf: &Certificate) -> Pin {
    Pin { sha256: leaf.sha256, spki_sha256: leaf.spki_sha256 }
}

/// The certificate that an address showed as its own.
pub(super) fn leaf(observation: &Observation) -> Option<&Certificate> {
    observation.tls.as_ref()?.certificates.iter().find(|one| one.position == 0)
}

/// Whether full verification succeeded there, whatever went wrong afterwards.
pub(super) fn verifies(observation: &Observation) -> bool {
    observation.tls.as_ref().is_some_and(|tls| tls.verified)
}

/// The latest check, if it is of what is configured now and not too old.
fn fresh<'a>(
    dependency: &Dependency,
    state: &'a DependencyState,
    now: Timestamp,
) -> Result<&'a CheckReport, WaiverRefusal> {
    let name = &dependency.name;
    let is_of_this = state.endpoint.as_ref() == Some(&dependency.endpoint());
    let target = dependency.target.to_string();
    let report = state.last.as_ref().filter(|report| is_of_this && report.target == target);
    let report = report.ok_or_else(|| WaiverRefusal::Unchecked(name.clone()))?;
    let at_most = signed(dependency.every.saturating_mul(3).max(FRESH));
    let age: SignedDuration = since(report.checked_at, now);
    // One from the future tells as little: the clock was ahead.
    if age.abs() > at_most {
        return Err(WaiverRefusal::Outdated { dependency: name.clone(), age, at_most });
    }
    Ok(report)
}

/// What all addresses show that show anything, if its end is the only thing that is wrong with it.
fn shown<'a>(name: &DependencyName, report: &'a CheckReport) -> Result<Shown<'a>, WaiverRefusal> {
    if let Some(one) = report.addresses.iter().find(|one| verifies(one)) {
        return Err(match report.verdict {
            Verdict::Down | Verdict::Degraded if report.failure.is_some() => {
                refuse_beside(name, report.failure.as_ref(), &one.address)
            }
            _ => WaiverRefusal::Works(name.clone()),
        });
    }
    if report.verdict == Verdict::Inconclusive {
        return Err(WaiverRefusal::CouldNotTell(name.clone()));
    }
    let (by, others): (Vec<_>, Vec<_>) = report.addresses.iter().partition(|one| leaf(one).is_some());
    let Some((first, certificate)) = by.first().and_then(|one| Some((*one, leaf(one)?))) else {
        let kind = report.failure.as_ref().map(|failure| failure.kind);
        return Err(WaiverRefusal::OtherCause { dependency: name.clone(), kind });
    };
    by.iter().try_for_each(|one| only_expired(name, one, report.checked_at))?;
    if let Some(other) = by.iter().find(|one| leaf(one).map(pin) != Some(pin(certificate))) {
        let addresses = vec![first.address.clone(), other.address.clone()];
        return Err(WaiverRefusal::LeavesDiffer { dependency: name.clone(), addresses });
    }
    let chain = first.tls.as_ref().map_or(&[][..], |tls| &tls.certificates);
    Ok(Shown { leaf: certificate, chain, by, others })
}

/// One address verifies. Whether another one's certificate expired decides what is said.
fn refuse_beside(name: &DependencyName, failure: Option<&Failure>, address: &str) -> WaiverRefusal {
    let (dependency, kind) = (name.clone(), failure.map(|failure| failure.kind));
    match kind {
        Some(FailureKind::CertificateExpired) => {
            WaiverRefusal::OneVerifies { dependency, address: address.to_owned() }
        }
        kind => WaiverRefusal::OtherCause { dependency, kind },
    }
}

/// A certificate was shown. A waiver is possible only where its end is all that is wrong.
fn only_expired(name: &DependencyName, one: &Observation, at: Timestamp) -> Result<(), WaiverRefusal> {
    let more = |message: &str| {
        Err(WaiverRefusal::MoreIsWrong { dependency: name.clone(), message: message.to_owned() })
    };
    let Some(failure) = &one.failure else { return Err(WaiverRefusal::CouldNotTell(name.clone())) };
    let Some(expired) = failure.expired.as_ref().filter(|_| failure.kind == FailureKind::CertificateExpired)
    else {
        return Err(WaiverRefusal::OtherCause { dependency: name.clone(), kind: Some(failure.kind) });
    };
    if expired.position != 0 {
        let subject = expired.subject.clone();
        return Err(WaiverRefusal::IssuerExpired { dependency: name.clone(), subject });
    }
    match (&expired.otherwise, one.also.first()) {
        (Otherwise::No { message, .. }, _) => more(message),
        (Otherwise::NotJudged { what }, _) => more(&format!("its {what} could not be judged")),
        (Otherwise::Yes, Some(also)) => more(&also.message),
        (Otherwise::Yes, None) => match ended_issuer(one, at) {
            Some(issuer) => more(&format!("{} expired too, at {}", issuer.subject, clock(issuer.not_after))),
            None => Ok(()),
        },
    }
}

/// What holds as of the end of the server's own certificate may have ended since.
fn ended_issuer(one: &Observation, at: Timestamp) -> Option<&Certificate> {
    let chain = &one.tls.as_ref()?.certificates;
    chain.iter().find(|one| one.position != 0 && one.in_path && one.not_after < at)
}
