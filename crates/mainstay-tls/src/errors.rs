use std::io::{self, ErrorKind};

use mainstay_model::{Failure, FailureKind, Phase};
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use crate::verifier::{MAX_CHAIN_BYTES, Refusal};

/// What an error of a TLS connection means.
pub(crate) fn failure(error: &io::Error, phase: Phase, certificate_requested: bool) -> Failure {
    let (kind, message) = match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(tls) => of_tls(tls, certificate_requested),
        None => of_io(error, phase, certificate_requested),
    };
    Failure::new(kind, phase, message)
}

type Meaning = (FailureKind, String);

const CLIENT_CERTIFICATE: &str =
    "the server wants a certificate from its clients, and refused the connection because this check has none";

fn of_io(error: &io::Error, phase: Phase, certificate_requested: bool) -> Meaning {
    let during = match phase {
        Phase::Tls => "during the TLS handshake",
        _ => "right after the TLS handshake",
    };
    match error.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
            if certificate_requested =>
        {
            (FailureKind::ClientCertificateRequired, CLIENT_CERTIFICATE.to_owned())
        }
        ErrorKind::UnexpectedEof => {
            (FailureKind::ConnectReset, format!("the server closed the connection {during}"))
        }
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            (FailureKind::ConnectReset, format!("the connection was cut {during}"))
        }
        ErrorKind::TimedOut => (FailureKind::TimedOut, format!("the server fell silent {during}")),
        _ => (FailureKind::TlsHandshakeFailed, format!("the TLS connection failed: {error}")),
    }
}

fn of_tls(error: &Error, certificate_requested: bool) -> Meaning {
    use FailureKind::*;
    match error {
        Error::AlertReceived(alert) => of_alert(*alert, certificate_requested),
        Error::InvalidMessage(invalid) => of_invalid_message(*invalid),
        Error::PeerSentOversizedRecord => (WrongProtocol, NOT_TLS.to_owned()),
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            (TlsHandshakeFailed, format!("the server broke the order of the TLS handshake: {error}"))
        }
        Error::PeerIncompatible(reason) => of_incompatible(reason),
        Error::PeerMisbehaved(reason) => {
            (TlsHandshakeFailed, format!("the server broke the rules of TLS ({reason:?})"))
        }
        Error::NoCertificatesPresented => {
            (CertificateInvalid, "the server sent an empty chain of certificates".to_owned())
        }
        Error::InvalidCertificate(reason) => of_certificate(reason),
        Error::DecryptError => (
            TlsHandshakeFailed,
            "what the server sent could not be decrypted: something on the way may be altering the connection".to_owned(),
        ),
        other => (TlsHandshakeFailed, format!("the TLS handshake failed: {other}")),
    }
}

const NOT_TLS: &str = "what answers is not TLS: the port may speak another protocol, or want the protocol's own request for TLS first";

fn of_invalid_message(invalid: InvalidMessage) -> Meaning {
    match invalid {
        InvalidMessage::InvalidContentType
        | InvalidMessage::UnknownProtocolVersion
        | InvalidMessage::MessageTooLarge
        | InvalidMessage::InvalidEmptyPayload => (FailureKind::WrongProtocol, NOT_TLS.to_owned()),
        InvalidMessage::HandshakePayloadTooLarge | InvalidMessage::CertificatePayloadTooLarge => {
            let limit = MAX_CHAIN_BYTES / 1024;
            let message = format!(
                "the server sent a message of more than {limit} KiB in the handshake, most likely a chain of certificates far larger than any client takes"
            );
            (FailureKind::CertificateInvalid, message)
        }
        other => {
            let message = format!("the server sent a malformed TLS message ({other:?})");
            (FailureKind::TlsHandshakeFailed, message)
        }
    }
}

fn of_incompatible(reason: &PeerIncompatible) -> Meaning {
    match reason {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired => {
            (FailureKind::TlsVersionUnsupported, OLD_TLS.to_owned())
        }
        other => {
            let message = format!("the server and this client have no TLS parameters in common ({other:?})");
            (FailureKind::TlsHandshakeFailed, message)
        }
    }
}

const OLD_TLS: &str = "the server offers neither TLS 1.2 nor TLS 1.3; older versions are broken, and current clients refuse them";

fn of_certificate(reason: &CertificateError) -> Meaning {
    use FailureKind::*;
    if let CertificateError::Other(other) = reason
        && let Some(refusal) = other.0.downcast_ref::<Refusal>()
    {
        return (refusal.kind, refusal.message.clone());
    }
    match reason {
        CertificateError::BadSignature => (
            TlsHandshakeFailed,
            "the server could not prove that it holds the private key of its certificate: its signature over the handshake is wrong".to_owned(),
        ),
        CertificateError::BadEncoding => {
            (CertificateInvalid, "the server's certificate is malformed and cannot be read".to_owned())
        }
        other => (CertificateInvalid, format!("the server's certificate cannot be used: {other}")),
    }
}

/// RFC 8446 section 6.2.
fn of_alert(alert: AlertDescription, certificate_requested: bool) -> Meaning {
    use AlertDescription as Alert;
    use FailureKind::*;
    let handshake = |message: &str| (TlsHandshakeFailed, message.to_owned());
    match alert {
        Alert::ProtocolVersion => (TlsVersionUnsupported, OLD_TLS.to_owned()),
        Alert::CertificateRequired | Alert::NoCertificate => {
            (ClientCertificateRequired, CLIENT_CERTIFICATE.to_owned())
        }
        // Servers of TLS 1.2 have no alert of its own for a missing certificate; OpenSSL sends handshake_failure.
        Alert::HandshakeFailure
        | Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::DecryptError
        | Alert::AccessDenied
            if certificate_requested =>
        {
            (ClientCertificateRequired, CLIENT_CERTIFICATE.to_owned())
        }
        Alert::HandshakeFailure => handshake(
            "the server refused the handshake: it shares no cipher suite or key exchange with current clients, or does not serve this name",
        ),
        Alert::UnrecognisedName => {
            handshake("the server does not serve this name (it answered unrecognized_name)")
        }
        Alert::NoApplicationProtocol => handshake(
            "the server does not speak this protocol over TLS here (it answered no_application_protocol)",
        ),
        Alert::InsufficientSecurity => {
            handshake("the server asks for stronger cipher suites than current clients have")
        }
        Alert::InternalError => {
            handshake("the server failed in the middle of the handshake (it answered internal_error)")
        }
        other => (TlsHandshakeFailed, format!("the server broke off with the TLS alert {other:?}")),
    }
}
