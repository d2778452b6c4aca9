use std::io::{self, ErrorKind};
use std::path::Path;

use jiff::Timestamp;
use mainstay_model::{Blame, Failure, FailureKind, Observation, Phase, Phases, TlsFacts};
use mainstay_tls::{Judgement, Roots, ServerName, SmallFileError, judge_file, read_small_file};

use crate::drive::Observed;
use crate::verdict;

/// Judges the certificates of a PEM file. Trust is judged when roots are given, names when a name is.
pub(crate) fn observe(
    path: &Path,
    roots: Option<&Roots>,
    name: Option<&ServerName<'_>>,
    now: Timestamp,
) -> Observed {
    let address = path.display().to_string();
    match read(path) {
        Err(failure) => Observed::nothing_but(address, failure),
        Ok(pem) => judged(address, judge_file(&pem, roots, name, now)),
    }
}

fn judged(address: String, judgement: Judgement) -> Observed {
    let Judgement { verified, failures, certificates, findings } = judgement;
    let mut failures = failures.into_iter().map(of_ours);
    let failure = failures.next();
    let tls = TlsFacts { version: None, cipher: None, verified, certificates };
    let observation = Observation {
        address,
        verdict: verdict::of_address(failure.as_ref(), &findings),
        failure,
        also: failures.collect(),
        phases: Phases::default(),
        tls: Some(tls),
    };
    Observed { observation, findings }
}

/// A file on this machine is nobody else's to mend.
fn of_ours(failure: Failure) -> Failure {
    Failure { phase: Phase::Resolve, ..failure.blamed_on(Blame::Us) }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_small_file(path).map_err(|error| match error {
        SmallFileError::Unreadable(error) => unreadable(&error),
        unfit => failure(&unfit.to_string()),
    })
}

fn unreadable(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => {
            failure("the file does not exist: check the path, and whether whatever writes it has run")
        }
        ErrorKind::PermissionDenied => {
            failure("the file may not be read by this user: give it read permission")
        }
        _ => failure(&format!("the file cannot be read: {error}")),
    }
}

fn failure(message: &str) -> Failure {
    Failure::new(FailureKind::CertificateInvalid, Phase::Resolve, message).blamed_on(Blame::Us)
}
