use mainstay_model::{Blame, Expired, Failure, FailureKind, FindingKind, Otherwise, Phase};

use super::{Case, short};

const DO_NOT_SWITCH_OFF: &str =
    "Do not switch certificate verification off: then anybody on the way can read and change what is sent.";

/// What to do next, the most useful first.
pub(super) fn of(case: &Case<'_>) -> Vec<String> {
    match &case.report.failure {
        Some(failure) => of_failure(case, failure),
        None => {
            case.report.findings.first().map(|finding| of_finding(case, finding.kind)).unwrap_or_default()
        }
    }
}

fn of_failure(case: &Case<'_>, failure: &Failure) -> Vec<String> {
    if failure.blame == Blame::Us && failure.kind.is_certificate() {
        return ours(case, failure);
    }
    let (provider, host, port) = (case.provider(), case.subject(), case.target.port);
    use FailureKind::*;
    match failure.kind {
        NameNotResolved => vec![
            format!("Look for a typing mistake in the name {host}."),
            format!("Ask another resolver: dig {host} @9.9.9.9"),
            format!("If the name is right, ask {provider} whether it was moved or its domain has lapsed."),
        ],
        ConnectRefused if failure.phase == Phase::Connect => vec![
            format!("Check that {port} is the right port."),
            format!("If it is, the service is not running: ask {provider}, and look at their status page."),
        ],
        ConnectRefused => vec![format!(
            "The server itself says why: {}. Ask {provider} if that is not of your own making.",
            failure.message
        )],
        ConnectTimedOut | NetworkUnreachable => vec![
            format!("See whether {host} can be reached from elsewhere: only from here means a firewall or route of ours."),
            format!("Check that {provider} lets this machine's address in (allow-lists change)."),
        ],
        ConnectReset => vec![
            format!("Look for a firewall or proxy on the way, and for an allow-list at {provider}."),
            format!("Check that {host}:{port} is meant to speak this protocol."),
        ],
        ProxyFailed => vec!["Check the proxy on the way, and its rules for this host.".into()],
        WrongProtocol => vec![
            format!("Check scheme and port of the URL: something answers on {host}:{port}, but in another protocol."),
        ],
        TlsNotOffered => vec![
            format!("Ask {provider} to switch TLS on, or where it is offered."),
            "Do not log in without TLS over a network that you do not own.".into(),
        ],
        TlsVersionUnsupported => vec![format!("Ask {provider} to offer TLS 1.2 or 1.3; anything older is broken.")],
        TlsHandshakeFailed => vec![
            format!("Check scheme and port of the URL, and the server name if you set one."),
            format!("If they are right, ask {provider} what changed in their TLS settings."),
        ],
        ClientCertificateRequired => {
            vec![
                format!("Ask {provider} for a client certificate, or for a way to log in without one."),
                "If one is configured (`tls.client_certificate`), see whether it is valid still, and of an authority that the \
                 server trusts."
                    .into(),
            ]
        }
        CertificateExpired => expired(case, failure.expired.as_ref()),
        CertificateNotYetValid => vec![
            "Check this machine's clock first: a clock that is slow shows the same.".into(),
            format!("If it is right, ask {provider} to install a certificate that is valid now."),
            DO_NOT_SWITCH_OFF.into(),
        ],
        CertificateUntrusted => untrusted(case),
        CertificateNameMismatch => vec![
            "Use one of the names that the certificate is for in the URL, or give it as server_name (--server-name).".into(),
            format!("If {host} is the right name, ask {provider} for a certificate that has it."),
            DO_NOT_SWITCH_OFF.into(),
        ],
        CertificateRevoked => vec![
            "Stop using this connection: the key may be in other hands.".into(),
            format!("Ask {provider} why it was revoked, and for a new certificate."),
        ],
        CertificateInvalid => {
            vec![format!("Ask {provider} for a certificate that keeps the rules."), DO_NOT_SWITCH_OFF.into()]
        }
        LoginRejected if failure.blame == Blame::Provider => vec![
            "Treat the password as known to somebody else until this is explained.".into(),
            format!("Ask {provider} whether the server was replaced or restored."),
        ],
        LoginRejected => vec![
            "Check user, password and database name; a password was perhaps changed or has run out.".into(),
            "In a URL, the characters / ? # @ of a password must be percent-encoded.".into(),
        ],
        QueryFailed => vec!["Check the query and the rights of the user; then the server's own log.".into()],
        StatusUnexpected | ContentUnexpected => {
            vec![format!("Check the address that is asked for; then ask {provider}, and look at their status page.")]
        }
        TimedOut if failure.blame == Blame::Us && failure.phase != Phase::Connect => {
            vec!["Look at the disk or network drive that the file is on.".into()]
        }
        TimedOut if failure.blame == Blame::Us => {
            vec!["Make checks less frequent, or their timeouts shorter, so that each gets its turn.".into()]
        }
        TimedOut | TooSlow => vec![
            format!("Look at {provider}'s status page: a server that accepts connections and does not answer is overloaded or hung."),
            "Check that the port is meant for this protocol: one that waits for the other side to speak looks the same.".into(),
        ],
        ClockWrong => vec!["Set this machine's clock (NTP), then check again.".into()],
        Offline => vec!["Check this machine's own network and limits first.".into()],
    }
}

fn untrusted(case: &Case<'_>) -> Vec<String> {
    let provider = case.provider();
    let alone = sent_alone(case).then(|| {
        format!("Ask {provider} to send the intermediate certificates too: only the server's own came.")
    });
    let own_ca = format!(
        "If {provider} has a CA of their own, get its certificate from them in a safe way and give it as ca_file (--ca-file)."
    );
    let between =
        "If not, somebody may be in between: compare the fingerprint with the provider before anything else.";
    alone.into_iter().chain([own_ca, between.into(), DO_NOT_SWITCH_OFF.into()]).collect()
}

/// Whether the server sent nothing but a certificate that somebody else issued.
fn sent_alone(case: &Case<'_>) -> bool {
    let chain = case.report.tls().map(|tls| tls.certificates.as_slice()).unwrap_or_default();
    let mut sent = chain.iter().filter(|certificate| certificate.sent);
    sent.next().is_some_and(|first| first.issuer != first.subject) && sent.next().is_none()
}

/// The fault is in what is configured here.
fn ours(case: &Case<'_>, failure: &Failure) -> Vec<String> {
    match failure.kind {
        FailureKind::CertificateExpired => {
            vec![format!(
                "Renew the certificate in {}, and find out why it was not renewed by itself.",
                case.subject()
            )]
        }
        _ if case.target.file.is_some() => vec![format!("Mend or replace {}.", case.subject())],
        FailureKind::CertificateUntrusted => {
            vec![
                "Give the path of a readable PEM file with the CA's certificates as ca_file (--ca-file)."
                    .into(),
            ]
        }
        _ => vec!["Give the name that the certificate is for as server_name (--server-name).".into()],
    }
}

fn expired(case: &Case<'_>, expired: Option<&Expired>) -> Vec<String> {
    let provider = case.provider();
    let what = match expired {
        Some(expired) if expired.position > 0 => {
            format!(
                "Ask {provider} to replace the intermediate certificate {} that the server sends.",
                short(&expired.subject)
            )
        }
        _ => format!("Ask {provider} to renew the certificate and to restart or reload whatever serves it."),
    };
    let keep = match expired.map(|expired| &expired.otherwise) {
        Some(Otherwise::Yes | Otherwise::NotJudged { .. }) => DO_NOT_SWITCH_OFF.to_owned(),
        _ => format!("{DO_NOT_SWITCH_OFF} More than the date is wrong here."),
    };
    vec![what, keep]
}

fn of_finding(case: &Case<'_>, kind: FindingKind) -> Vec<String> {
    let provider = case.provider();
    match kind {
        FindingKind::CertificateExpiring if case.target.file.is_some() => {
            vec![format!("Renew the certificate in {}.", case.subject())]
        }
        FindingKind::CertificateExpiring => {
            vec![format!("Ask {provider} when the certificate will be renewed, and who sees to it.")]
        }
        FindingKind::ChainHasExpired | FindingKind::ChainIncomplete | FindingKind::ChainUntidy => {
            vec![format!("Tell {provider}: stricter clients than this one refuse this chain.")]
        }
        FindingKind::AddressesDiffer => {
            vec![format!(
                "Ask {provider} whether a renewal is being rolled out, or one address was forgotten."
            )]
        }
        FindingKind::AddressesSkipped => {
            vec![
                "Give the addresses that matter most dependencies of their own, with server_name set.".into(),
            ]
        }
        FindingKind::AddressDown => vec![format!("Tell {provider} which address fails.")],
        FindingKind::TooSlow => {
            vec![format!("Look at {provider}'s status page, and at the phase that takes longest.")]
        }
        FindingKind::NotEncrypted => vec!["Use the protocol's encrypted form, if the server has one.".into()],
    }
}
