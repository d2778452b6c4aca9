use jiff::SignedDuration;
use mainstay_model::{DependencyName, FailureKind, HumanDuration, in_words};

use crate::wording::list;

/// Why there is no waiver. What it prints is what happened and what to do, a sentence each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {}", self.happened(), self.advice())]
pub enum WaiverRefusal {
    /// The configuration has no such dependency.
    Unknown(DependencyName),
    /// The configuration says that nothing of this dependency is waived.
    Forbidden(DependencyName),
    /// It is a file, which nobody connects to.
    NoConnection(DependencyName),
    /// It was not checked as it is configured now.
    Unchecked(DependencyName),
    /// The latest check is too old to go by.
    Outdated {
        /// Of which dependency.
        dependency: DependencyName,
        /// How old it is.
        age: SignedDuration,
        /// How old it may be.
        at_most: SignedDuration,
    },
    /// Nothing is wrong.
    Works(DependencyName),
    /// Nothing is known.
    CouldNotTell(DependencyName),
    /// It does not work for another reason.
    OtherCause {
        /// Which dependency.
        dependency: DependencyName,
        /// The reason, where a check said one.
        kind: Option<FailureKind>,
    },
    /// The certificate that expired is one of the issuers'.
    IssuerExpired {
        /// Of which dependency.
        dependency: DependencyName,
        /// The issuer.
        subject: String,
    },
    /// More is wrong than that it expired.
    MoreIsWrong {
        /// With which dependency.
        dependency: DependencyName,
        /// What.
        message: String,
    },
    /// One address has a valid certificate.
    OneVerifies {
        /// Of which dependency.
        dependency: DependencyName,
        /// Which.
        address: String,
    },
    /// The addresses show different certificates.
    LeavesDiffer {
        /// Of which dependency.
        dependency: DependencyName,
        /// The addresses, one for each certificate.
        addresses: Vec<String>,
    },
    /// A certificate of the path was seen revoked.
    Revoked {
        /// Of which dependency.
        dependency: DependencyName,
        /// The certificate.
        subject: String,
    },
    /// No reason was given.
    NoReason,
    /// The reason is too long.
    ReasonTooLong {
        /// Its characters.
        length: usize,
    },
    /// It would last no time at all.
    NoTime,
    /// It would last too long.
    TooLong {
        /// As long as it may.
        longest: HumanDuration,
    },
    /// Another one waits for a second person.
    AskedAlready {
        /// For which dependency.
        dependency: DependencyName,
        /// Who asked.
        by: String,
    },
    /// There is no such waiver, or none that is remembered.
    NoSuchWaiver,
    /// It is over, or the request was answered.
    Over(DependencyName),
    /// It is in force, so nobody has to agree any more.
    InForceAlready(DependencyName),
    /// Whoever asked cannot be the second person.
    SamePerson {
        /// Who.
        by: String,
    },
    /// The server shows another certificate than when it was asked for.
    OtherCertificate(DependencyName),
}

impl WaiverRefusal {
    /// What stands against it, in one sentence.
    pub fn happened(&self) -> String {
        use WaiverRefusal::*;
        match self {
            Unknown(name) => format!("No dependency is called {name}."),
            Forbidden(name) => format!("The configuration forbids waivers for {name}."),
            NoConnection(name) => format!("{name} is a file, which nothing connects to."),
            Unchecked(name) => format!("{name} was not checked yet as it is configured now."),
            Outdated { dependency, age, at_most } => format!(
                "The latest check of {dependency} began {} ago; a waiver rests on one of the last {}.",
                in_words(*age),
                in_words(*at_most)
            ),
            Works(name) => format!("{name} passes full verification, so there is nothing to waive."),
            CouldNotTell(name) => format!("The latest check of {name} could not tell what is wrong."),
            OtherCause { dependency, kind: None } => {
                format!("{dependency} does not fail because its certificate expired.")
            }
            OtherCause { dependency, kind: Some(kind) } => format!(
                "{dependency} does not fail because its certificate expired, but because {}.",
                crate::short_cause(*kind)
            ),
            IssuerExpired { dependency, subject } => format!(
                "It is not the certificate of {dependency} itself that expired, but the one of its issuer {subject}."
            ),
            MoreIsWrong { dependency, message } => {
                let message = message.trim_end_matches('.');
                format!(
                    "That it expired is not all that is wrong with the certificate of {dependency}: {message}."
                )
            }
            OneVerifies { dependency, address } => {
                format!("{address} of {dependency} shows a certificate that passes full verification.")
            }
            LeavesDiffer { dependency, addresses } => format!(
                "The addresses of {dependency} show different expired certificates: {} do not show the same.",
                list(addresses)
            ),
            Revoked { dependency, subject } => {
                format!("{subject}, of the path of {dependency}, was seen revoked.")
            }
            NoReason => "The reason is missing.".into(),
            ReasonTooLong { length } => {
                format!("The reason has {length} characters; {} are allowed.", super::LONGEST_REASON)
            }
            NoTime => "It would last no time at all.".into(),
            TooLong { longest } => format!("A waiver lasts {longest} at most here."),
            AskedAlready { dependency, by } => {
                format!("{by} has asked for a waiver for {dependency} already, and nobody has answered yet.")
            }
            NoSuchWaiver => "There is no such waiver.".into(),
            Over(name) => format!("This waiver for {name} is over, and an ended one stays ended."),
            InForceAlready(name) => format!("This waiver for {name} is in force already."),
            SamePerson { by } => format!("{by} asked for this waiver, so somebody else has to agree."),
            OtherCertificate(name) => {
                format!("{name} shows another certificate than the one that this waiver was asked for.")
            }
        }
    }

    /// What to do about it, in one sentence.
    pub fn advice(&self) -> &'static str {
        use WaiverRefusal::*;
        match self {
            Unknown(_) => "Names are written as in the configuration.",
            Forbidden(_) => {
                "Its dependencies entry says `waivable: false`; ask whoever decided that, or wait for the provider's new certificate."
            }
            NoConnection(_) => "Renew the certificate in the file.",
            Unchecked(_) => "Wait for its next check, and ask again.",
            Outdated { .. } => "See on its page why it is not checked, and ask again after the next check.",
            Works(_) => {
                "Connect as usual; if an application still fails, see which address and which roots it uses."
            }
            CouldNotTell(_) => {
                "See on its page what stands in the way of its checks, and ask again after the next one."
            }
            OtherCause { .. } => "A waiver would not help: act on what its page says.",
            IssuerExpired { .. } => {
                "Only the server's own certificate can be waived: have the provider send a chain with a valid issuer, or give `tls.ca_file` \
                 one that you trust."
            }
            MoreIsWrong { .. } => "A waiver is for expiry and nothing else: have the rest put right first.",
            OneVerifies { .. } => {
                "Connect to that address; the waiver would end at once, since full verification succeeds somewhere."
            }
            LeavesDiffer { .. } => {
                "A waiver is for exactly one certificate: ask the provider to finish its change, or configure the address that you need by itself."
            }
            Revoked { .. } => "What was revoked is never waived: only a new certificate helps.",
            NoReason => "Say in a few words why it is needed; it stands in the history and in the audit log.",
            ReasonTooLong { .. } => "Shorten it, and put the rest into a note of the incident.",
            NoTime => "Say for how long, for example 4h.",
            TooLong { .. } => "Ask for less; it can be extended while it is in force.",
            AskedAlready { .. } => "Grant or refuse that one, or let whoever asked end it.",
            NoSuchWaiver => "See `mainstay waivers` for those that there are.",
            Over(_) => "Ask for a new one if it is still needed.",
            InForceAlready(_) => "End it, or ask for a new one that takes its place.",
            SamePerson { .. } => "Send the page of the incident to a colleague.",
            OtherCertificate(_) => "Ask anew, so that the waiver is for what is there now.",
        }
    }
}
