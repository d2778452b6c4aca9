use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{Blame, Failure, FailureKind, HumanDuration, Phase};
use mainstay_tls::ClientKeyError;
use mainstay_wire::WireError;

use crate::connect;
use crate::link::Heard;

/// What it means that a conversation failed in this phase.
pub(crate) fn of_wire(error: &WireError, phase: Phase) -> Failure {
    use FailureKind::*;
    let (kind, blame) = match error {
        WireError::TooLarge { .. } if phase == Phase::Query => (QueryFailed, Blame::Us),
        // Whoever has greeted speaks the protocol, if not well.
        WireError::TooLarge { .. } | WireError::Malformed { .. } if phase > Phase::Ready => {
            (ContentUnexpected, Blame::Provider)
        }
        WireError::WrongProtocol { .. } | WireError::TooLarge { .. } | WireError::Malformed { .. } => {
            (WrongProtocol, Blame::Provider)
        }
        WireError::Closed { .. } => (ConnectReset, Blame::Provider),
        WireError::TlsNotOffered { .. } => (TlsNotOffered, Blame::Provider),
        // CVE-2021-23222: whoever sends these bytes need not be the server.
        WireError::SurplusBeforeTls { .. } => (TlsHandshakeFailed, Blame::Path),
        WireError::Refused { .. } => (ConnectRefused, Blame::Provider),
        WireError::LoginRejected { .. } | WireError::LoginUnsupported { .. } => (LoginRejected, Blame::Us),
        WireError::ServerNotProven { .. } => (LoginRejected, Blame::Provider),
        WireError::QueryFailed { .. } => (QueryFailed, Blame::Provider),
        WireError::QuestionRefused { .. } => (QueryFailed, Blame::Us),
        WireError::StatusUnexpected { .. } => (StatusUnexpected, Blame::Provider),
    };
    // A web server takes the credentials with the request, and refuses them with its answer.
    let phase = if matches!(error, WireError::LoginRejected { .. }) { Phase::Login } else { phase };
    Failure::new(kind, phase, sentence(error, phase)).blamed_on(blame)
}

fn sentence(error: &WireError, phase: Phase) -> String {
    match error {
        WireError::LoginRejected { .. } => format!("the server refused the credentials: {error}"),
        WireError::QueryFailed { .. } => format!("the server answered the query with an error: {error}"),
        WireError::QuestionRefused { .. } => {
            format!("the server works, and says that the query itself is wrong: {error}")
        }
        WireError::TooLarge { .. } if phase == Phase::Query => format!("{error}; ask for less"),
        WireError::SurplusBeforeTls { .. } => format!("{error}, so somebody may be injecting"),
        other => other.to_string(),
    }
}

/// What an error of the operating system means when it says that the connection is gone; `None` for any other.
pub(crate) fn of_cut(error: &io::Error, phase: Phase) -> Option<Failure> {
    let how = match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => "reset the connection",
        ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof | ErrorKind::NotConnected => "closed the connection",
        _ => return None,
    };
    // An error of TLS can carry the same kind; it knows more than this function.
    if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        return None;
    }
    let message = format!("the server {how} {}", during(phase));
    Some(Failure::new(FailureKind::ConnectReset, phase, message))
}

/// What an error on a connection without TLS means.
pub(crate) fn of_plain(error: &io::Error, phase: Phase) -> Failure {
    of_cut(error, phase).unwrap_or_else(|| {
        let message = format!("the connection broke {}: {error}", during(phase));
        Failure::new(FailureKind::ConnectReset, phase, message).blamed_on(Blame::Path)
    })
}

/// The time of the check was over in this phase.
pub(crate) fn of_timeout(timeout: Duration, phase: Phase, heard: &Heard) -> Failure {
    let within = HumanDuration(timeout);
    if phase == Phase::Connect {
        return connect::timed_out(&within.to_string());
    }
    let sent = match heard.total() {
        0 => "it accepted the connection and sent nothing".to_owned(),
        1 => "it had sent a single byte".to_owned(),
        bytes => format!("it had sent {bytes} bytes"),
    };
    let message = format!("the server had not finished {} within {within}: {sent}", unfinished(phase));
    Failure::new(FailureKind::TimedOut, phase, message)
}

/// The check waited for its turn until its time was over; the server was not asked.
pub(crate) fn of_no_turn(timeout: Duration) -> Failure {
    let message = format!(
        "the check did not begin within {}, because earlier checks of Mainstay's own were still running",
        HumanDuration(timeout)
    );
    Failure::new(FailureKind::TimedOut, Phase::Connect, message).blamed_on(Blame::Us)
}

/// A file of this machine's could not be read in time.
pub(crate) fn of_slow_file(path: &Path, timeout: Duration, phase: Phase) -> Failure {
    let message = format!(
        "{} could not be read within {}: the disk or network drive that it is on does not answer",
        path.display(),
        HumanDuration(timeout)
    );
    Failure::new(FailureKind::TimedOut, phase, message).blamed_on(Blame::Us)
}

/// The certificate that is to be shown cannot be used.
pub(crate) fn of_no_key(error: &ClientKeyError) -> Failure {
    let message = format!("the server was not checked, because our own certificate is missing: {error}");
    Failure::new(FailureKind::ClientCertificateRequired, Phase::Tls, message).blamed_on(Blame::Us)
}

/// The peer sends without end.
pub(crate) fn of_flood(limit: u64, phase: Phase) -> Failure {
    let message =
        format!("the server sent more than {limit} bytes {} without coming to an end", during(phase));
    match phase {
        Phase::Query => Failure::new(FailureKind::QueryFailed, phase, format!("{message}; ask for less"))
            .blamed_on(Blame::Us),
        Phase::Login => Failure::new(FailureKind::ContentUnexpected, phase, message),
        _ => Failure::new(FailureKind::WrongProtocol, phase, message),
    }
}

/// What answered a TLS handshake in the clear, when that can be told from its first bytes.
pub(crate) fn of_plaintext(first: &[u8]) -> Option<Failure> {
    // RFC 8446 section 5.1: a record begins with its content type, 20 to 23, and the major version 3.
    let is_tls = matches!(first, [20..=23, 3, ..] | [20..=23] | []);
    (!is_tls).then(|| {
        let seen = mainstay_wire::recognise(first).unwrap_or("bytes that are not TLS");
        let message = format!("expected a TLS handshake, got {seen}");
        Failure::new(FailureKind::WrongProtocol, Phase::Tls, message)
    })
}

/// Whether the server failed to prove that it holds the key of the certificate that it showed.
pub(crate) fn proves_no_key(error: &io::Error) -> bool {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::InvalidCertificate(_) | rustls::Error::PeerMisbehaved(_)))
}

/// When this was written: a clock that shows an earlier time is wrong.
const WRITTEN: Timestamp = Timestamp::constant(1_795_305_600, 0);

/// A certificate that is not valid yet, judged by a clock that cannot be right, says nothing about the server.
pub(crate) fn of_clock(failures: &[Failure], now: Timestamp) -> Option<Failure> {
    let too_early = failures.iter().any(|failure| failure.kind == FailureKind::CertificateNotYetValid);
    (too_early && now < WRITTEN).then(|| {
        let message = format!(
            "the clock of this machine is wrong, so no certificate can be judged: it shows {}, which is before this program was made",
            now.strftime("%Y-%m-%d %H:%M UTC")
        );
        Failure::new(FailureKind::ClockWrong, Phase::Tls, message)
    })
}

/// The server agreed to TLS and then did not speak it.
pub(crate) fn of_broken_promise() -> Failure {
    let message = "the server agreed to TLS and then sent something that is not TLS";
    Failure::new(FailureKind::TlsHandshakeFailed, Phase::Tls, message)
}

fn during(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve | Phase::Connect => "while it was being made",
        Phase::Upgrade => "before TLS had begun",
        Phase::Tls => "during the TLS handshake",
        Phase::Ready => "before its greeting",
        Phase::Login => "during log-in",
        Phase::Query => "during the query",
    }
}

fn unfinished(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve | Phase::Connect => "connecting",
        Phase::Upgrade => "agreeing to TLS",
        Phase::Tls => "the TLS handshake",
        Phase::Ready => "its greeting",
        Phase::Login => "the log-in",
        Phase::Query => "the answer to the query",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn means(error: &WireError, phase: Phase, expected: &str) {
        let failure = of_wire(error, phase);
        assert_eq!(format!("{} {} {}", failure.kind, failure.phase, failure.blame), expected, "{error}");
    }

    #[test]
    fn whose_fault_a_failed_query_is() {
        let (code, message) = (String::from("1"), String::from("no"));
        let refused = WireError::QuestionRefused { code: code.clone(), message: message.clone() };
        means(&refused, Phase::Query, "query-failed query us");
        let failed = WireError::QueryFailed { code: code.clone(), message: message.clone() };
        means(&failed, Phase::Query, "query-failed query provider");
        // As from a web server, which has no log-in of its own.
        means(&WireError::LoginRejected { code, message }, Phase::Query, "login-rejected login us");
    }

    #[test]
    fn whoever_has_greeted_speaks_the_protocol() {
        let large = WireError::TooLarge { limit: 1, while_doing: "as an answer" };
        let malformed = WireError::Malformed { reason: "nonsense" };
        means(&large, Phase::Ready, "wrong-protocol ready provider");
        means(&malformed, Phase::Upgrade, "wrong-protocol upgrade provider");
        means(&large, Phase::Login, "content-unexpected login provider");
        means(&malformed, Phase::Query, "content-unexpected query provider");
        means(&large, Phase::Query, "query-failed query us");
        assert!(of_wire(&large, Phase::Query).message.ends_with("ask for less"));
        assert_eq!(of_flood(1, Phase::Query).kind, FailureKind::QueryFailed);
        assert_eq!(of_flood(1, Phase::Ready).kind, FailureKind::WrongProtocol);
    }
}
