use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What went wrong, in which phase, and who is at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// Who is at fault.
    pub blame: Blame,
    /// Where in the check it went wrong.
    pub phase: Phase,
    /// One sentence for people, without the name of the dependency.
    pub message: String,
    /// Set exactly when `kind` is [`FailureKind::CertificateExpired`] and the certificate is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<Expired>,
}

impl Failure {
    /// A failure with the blame that its kind usually carries.
    pub fn new(kind: FailureKind, phase: Phase, message: impl Into<String>) -> Failure {
        Failure { kind, blame: kind.usual_blame(), phase, message: message.into(), expired: None }
    }

    /// The same failure, blamed on somebody else than its kind usually is.
    pub fn blamed_on(mut self, blame: Blame) -> Failure {
        self.blame = blame;
        self
    }
}

/// Which certificate expired, since when, and whether anything else is wrong with the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    /// Position in the chain as sent, 0 for the server's own certificate. The trust anchor comes after the last one sent.
    pub position: u32,
    /// Subject of the expired certificate.
    pub subject: String,
    /// Its `notAfter`.
    pub since: Timestamp,
    /// The judgement of the rest of the chain, as of just before it expired.
    pub otherwise: Otherwise,
}

/// What remains of a chain's verification when expiry is set aside.
///
/// A library that answers "expired" has not checked the rest, so this is judged on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "holds", rename_all = "kebab-case")]
pub enum Otherwise {
    /// Name, trust, purpose and signatures all hold: expiry is the only fault.
    Yes,
    /// Something else is wrong too.
    No {
        /// The fault that would remain.
        kind: FailureKind,
        /// It in a sentence.
        message: String,
    },
    /// No other fault was found, but not everything was looked at: a file can be checked without roots or a name.
    NotJudged {
        /// What was not looked at: `trust`, `name`, or `trust and name`.
        what: String,
    },
}

macro_rules! kinds {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word used in JSON, metrics, rules and documentation.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or(())
            }
        }
    };
}
pub(crate) use kinds;

kinds! {
    /// The stable list of everything that can go wrong with a check.
    FailureKind {
        /// The name has no address, or nobody would say.
        NameNotResolved = "name-not-resolved",
        /// The address answered that nothing listens on the port.
        ConnectRefused = "connect-refused",
        /// Nothing answered the connection attempt.
        ConnectTimedOut = "connect-timed-out",
        /// The connection was made and then cut.
        ConnectReset = "connect-reset",
        /// There is no way to the address.
        NetworkUnreachable = "network-unreachable",
        /// A proxy on the way refused.
        ProxyFailed = "proxy-failed",
        /// Something answers, but not in the expected protocol.
        WrongProtocol = "wrong-protocol",
        /// The server speaks the protocol and declines TLS.
        TlsNotOffered = "tls-not-offered",
        /// No TLS version in common.
        TlsVersionUnsupported = "tls-version-unsupported",
        /// The handshake failed for a reason other than the certificate.
        TlsHandshakeFailed = "tls-handshake-failed",
        /// The server wants a certificate from the client.
        ClientCertificateRequired = "client-certificate-required",
        /// A certificate of the chain is past its end.
        CertificateExpired = "certificate-expired",
        /// A certificate of the chain is not valid yet.
        CertificateNotYetValid = "certificate-not-yet-valid",
        /// The chain leads to no trusted root.
        CertificateUntrusted = "certificate-untrusted",
        /// The certificate is for other names.
        CertificateNameMismatch = "certificate-name-mismatch",
        /// The certificate was revoked.
        CertificateRevoked = "certificate-revoked",
        /// The certificate is malformed or breaks a rule.
        CertificateInvalid = "certificate-invalid",
        /// The server refused the credentials.
        LoginRejected = "login-rejected",
        /// The query failed.
        QueryFailed = "query-failed",
        /// The answer has another status than expected.
        StatusUnexpected = "status-unexpected",
        /// The answer has another content than expected.
        ContentUnexpected = "content-unexpected",
        /// The check's time was over.
        TimedOut = "timed-out",
        /// It answers, but slower than allowed.
        TooSlow = "too-slow",
        /// Our own clock is wrong.
        ClockWrong = "clock-wrong",
        /// Our own network is gone.
        Offline = "offline",
    }
}

impl FailureKind {
    /// Who is at fault when nothing more is known.
    pub fn usual_blame(self) -> Blame {
        use FailureKind::*;
        match self {
            NameNotResolved | ConnectTimedOut | NetworkUnreachable | ProxyFailed => Blame::Path,
            LoginRejected | ClientCertificateRequired | ClockWrong | Offline => Blame::Us,
            _ => Blame::Provider,
        }
    }

    /// Whether the fault lies with a certificate of the server's.
    pub fn is_certificate(self) -> bool {
        use FailureKind::*;
        matches!(
            self,
            CertificateExpired
                | CertificateNotYetValid
                | CertificateUntrusted
                | CertificateNameMismatch
                | CertificateRevoked
                | CertificateInvalid
        )
    }
}

kinds! {
    /// Who is at fault.
    Blame {
        /// The third party.
        Provider = "provider",
        /// What lies between: name resolution, network, proxies.
        Path = "path",
        /// This side: credentials, clock, configuration, our own network.
        Us = "us",
    }
}

kinds! {
    /// A stage of a check, in the order in which they happen.
    Phase {
        /// Finding the addresses of the name; reading the file for `file://`.
        Resolve = "resolve",
        /// Opening the connection.
        Connect = "connect",
        /// The protocol's own way from plaintext to TLS.
        Upgrade = "upgrade",
        /// The TLS handshake, certificate verification included.
        Tls = "tls",
        /// The protocol's greeting.
        Ready = "ready",
        /// Logging in.
        Login = "login",
        /// Asking something.
        Query = "query",
    }
}
