//! In which ways a dependency can break: a table by protocol and TLS.

use mainstay_model::{
    Blame, Breaking, Dependency, Failure, FailureKind, Phase, Protocol, Target, TlsMode, Upgrade,
};

/// Every way in which this dependency can break.
///
/// | way | can be where |
/// |---|---|
/// | `name-not-resolved` | there is a name to resolve |
/// | `connect-refused`, `connect-timed-out`, `connect-reset`, `network-unreachable` | something is connected to: all but `file:` |
/// | `timed-out`, `wrong-protocol` | more is done than to connect: not `tcp:`, not `file:` |
/// | `tls-not-offered` | the protocol itself asks for TLS, and it is wanted |
/// | `tls-version-unsupported`, `tls-handshake-failed`, `client-certificate-required`, `certificate-revoked` | there is a handshake |
/// | `certificate-expired`, `certificate-not-yet-valid`, `certificate-invalid`, `certificate-ending` | there is a handshake, or a file of certificates |
/// | `certificate-untrusted`, `certificate-name-mismatch` | there is a handshake; for a file, where roots or a name are given to judge it by |
/// | `login-rejected` | there are credentials; Redis can also want some that are not configured |
/// | `query-failed` | something is asked: a database with a user, Redis |
/// | `status-unexpected` | HTTP |
/// | `content-unexpected` | the server talks after its greeting: databases, HTTP, SMTP |
/// | `too-slow` | it is timed: all but `file:` |
/// | `some-addresses` | a name can have several addresses |
/// | `flapping`, `unchecked` | always |
/// | `proxy-failed` | never: no check goes through a proxy |
/// | `clock-wrong`, `offline` | never: they are about this machine, and what follows from them for a dependency is `unchecked` |
pub(crate) fn breaks(dependency: &Dependency) -> Vec<Breaking> {
    let failures = FailureKind::ALL.iter().copied().filter(|kind| can_fail(dependency, *kind));
    let others =
        [Breaking::SomeAddresses, Breaking::Flapping, Breaking::CertificateEnding, Breaking::Unchecked];
    let others = others.into_iter().filter(|one| match one {
        Breaking::SomeAddresses => has_name(&dependency.target),
        Breaking::CertificateEnding => shakes_hands(dependency) || is_file(dependency),
        _ => true,
    });
    failures.map(Breaking::Failure).chain(others).collect()
}

fn can_fail(dependency: &Dependency, kind: FailureKind) -> bool {
    use FailureKind::*;
    let Dependency { target, tls, .. } = dependency;
    let (handshake, file) = (shakes_hands(dependency), is_file(dependency));
    match kind {
        NameNotResolved => has_name(target),
        ConnectRefused | ConnectTimedOut | ConnectReset | NetworkUnreachable | TooSlow => !file,
        TimedOut | WrongProtocol => !file && target.protocol != Protocol::Tcp,
        TlsNotOffered => handshake && target.protocol.upgrade() == Upgrade::InProtocol,
        TlsVersionUnsupported | TlsHandshakeFailed | ClientCertificateRequired | CertificateRevoked => {
            handshake
        }
        CertificateExpired | CertificateNotYetValid | CertificateInvalid => handshake || file,
        CertificateUntrusted => handshake || file && tls.ca_file.is_some(),
        CertificateNameMismatch => handshake || file && tls.server_name.is_some(),
        LoginRejected => {
            let logs_in = !matches!(target.protocol, Protocol::Tls | Protocol::Tcp | Protocol::File);
            logs_in && (target.credentials.is_some() || matches!(target.protocol, Protocol::Redis(_)))
        }
        QueryFailed => target.no_query_because().is_none(),
        StatusUnexpected => matches!(target.protocol, Protocol::Http(_)),
        ContentUnexpected => !matches!(target.protocol, Protocol::Tls | Protocol::Tcp | Protocol::File),
        ProxyFailed | ClockWrong | Offline => false,
    }
}

fn shakes_hands(dependency: &Dependency) -> bool {
    dependency.tls.mode == TlsMode::Full && dependency.target.protocol.upgrade() != Upgrade::Never
}

fn is_file(dependency: &Dependency) -> bool {
    dependency.target.protocol == Protocol::File
}

fn has_name(target: &Target) -> bool {
    target.protocol != Protocol::File && target.ip().is_none() && target.host != "localhost"
}

/// The failure as a check of this dependency would report it: in its phase, and blamed on whom it usually is.
pub(crate) fn failure(dependency: &Dependency, kind: FailureKind) -> Failure {
    let failure = Failure::new(kind, phase(kind), "This is a rehearsal.");
    if is_file(dependency) {
        // A file on this machine is nobody else's to mend.
        return Failure { phase: Phase::Resolve, ..failure.blamed_on(Blame::Us) };
    }
    failure
}

fn phase(kind: FailureKind) -> Phase {
    use FailureKind::*;
    match kind {
        NameNotResolved => Phase::Resolve,
        ConnectRefused | ConnectTimedOut | ConnectReset | NetworkUnreachable | ProxyFailed | Offline => {
            Phase::Connect
        }
        TlsNotOffered => Phase::Upgrade,
        TlsVersionUnsupported
        | TlsHandshakeFailed
        | ClientCertificateRequired
        | CertificateExpired
        | CertificateNotYetValid
        | CertificateUntrusted
        | CertificateNameMismatch
        | CertificateRevoked
        | CertificateInvalid
        | ClockWrong => Phase::Tls,
        WrongProtocol | TimedOut => Phase::Ready,
        LoginRejected => Phase::Login,
        QueryFailed | StatusUnexpected | ContentUnexpected | TooSlow => Phase::Query,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mainstay_model::TlsPolicy;

    use super::*;

    fn dependency(url: &str, mode: TlsMode) -> Dependency {
        Dependency {
            tls: TlsPolicy { mode, ..TlsPolicy::default() },
            ..Dependency::new("one".parse().unwrap(), Target::parse(url).unwrap())
        }
    }

    #[track_caller]
    fn check(url: &str, mode: TlsMode, expected: &str) {
        let words = breaks(&dependency(url, mode)).into_iter().map(Breaking::as_str);
        assert_eq!(words.collect::<Vec<_>>().join(" "), expected, "{url}");
    }

    #[test]
    fn each_protocol_breaks_in_its_own_ways() {
        check(
            "file:/etc/site.pem",
            TlsMode::Full,
            "certificate-expired certificate-not-yet-valid certificate-invalid flapping certificate-ending unchecked",
        );
        check(
            "tcp://192.0.2.1:99",
            TlsMode::Full,
            "connect-refused connect-timed-out connect-reset network-unreachable too-slow flapping unchecked",
        );
        check(
            "redis://cache.example.com",
            TlsMode::Full,
            "name-not-resolved connect-refused connect-timed-out connect-reset network-unreachable wrong-protocol \
             login-rejected query-failed content-unexpected timed-out too-slow some-addresses flapping unchecked",
        );
        check(
            "tls://192.0.2.1:99",
            TlsMode::Full,
            "connect-refused connect-timed-out connect-reset network-unreachable wrong-protocol \
             tls-version-unsupported tls-handshake-failed client-certificate-required certificate-expired \
             certificate-not-yet-valid certificate-untrusted certificate-name-mismatch certificate-revoked \
             certificate-invalid timed-out too-slow flapping certificate-ending unchecked",
        );
    }

    #[test]
    fn without_tls_there_is_no_certificate_to_fail() {
        let url = "mysql://monitor:hush@db.example.com/x";
        let off = breaks(&dependency(url, TlsMode::Off));
        let full = breaks(&dependency(url, TlsMode::Full));
        let missing: Vec<_> = full.iter().filter(|one| !off.contains(one)).map(|one| one.as_str()).collect();
        assert_eq!(
            missing.join(" "),
            "tls-not-offered tls-version-unsupported tls-handshake-failed client-certificate-required \
             certificate-expired certificate-not-yet-valid certificate-untrusted certificate-name-mismatch \
             certificate-revoked certificate-invalid certificate-ending"
        );
    }

    #[test]
    fn every_failure_can_be_somewhere_or_is_about_this_machine() {
        let urls = ["postgres://u:p@db.example.com/x", "https://example.com", "redis://example.com"];
        let seen: BTreeSet<Breaking> =
            urls.iter().flat_map(|url| breaks(&dependency(url, TlsMode::Full))).collect();
        let never = FailureKind::ALL.iter().filter(|kind| !seen.contains(&Breaking::Failure(**kind)));
        let never: Vec<_> = never.map(|kind| kind.as_str()).collect();
        assert_eq!(never, ["proxy-failed", "clock-wrong", "offline"]);
    }
}
