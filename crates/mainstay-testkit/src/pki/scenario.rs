use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::authority::{Authority, Purpose, self_signed};
use super::{DAY, Identity, Key, Pki, Spec};

macro_rules! scenarios {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Every way in which a server's certificates are right or wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Scenario { $($(#[$doc])* $variant,)* }

        impl Scenario {
            /// Every scenario, in the order of declaration.
            pub const ALL: &'static [Scenario] = &[$(Scenario::$variant,)*];

            /// Its name in kebab-case.
            pub fn as_str(self) -> &'static str {
                match self { $(Scenario::$variant => $text,)* }
            }
        }
    };
}

scenarios! {
    /// Nothing is wrong.
    Fine = "fine",
    /// The leaf ended 2 h 10 min ago.
    Expired = "expired",
    /// The leaf begins in three days.
    NotYetValid = "not-yet-valid",
    /// The leaf is for another name.
    OtherName = "other-name",
    /// The chain leads to a root that nobody trusts.
    UnknownCa = "unknown-ca",
    /// The intermediate ended three days ago; the leaf did not.
    ExpiredIntermediate = "expired-intermediate",
    /// The intermediate is not sent.
    MissingIntermediate = "missing-intermediate",
    /// The leaf has five hundredths of its 90 days left.
    ExpiringSoon = "expiring-soon",
    /// The leaf ended, and is for another name.
    ExpiredOtherName = "expired-other-name",
    /// The leaf ended, and the chain leads to a root that nobody trusts.
    ExpiredUnknownCa = "expired-unknown-ca",
    /// The leaf ended, and was not signed by the key of the issuer that it names.
    ExpiredForged = "expired-forged",
    /// The leaf ended, and signed itself.
    ExpiredSelfSigned = "expired-self-signed",
    /// The leaf ended, and is for clients only.
    ExpiredClientAuthOnly = "expired-client-auth-only",
    /// The leaf and the intermediate ended.
    ExpiredLeafAndIntermediate = "expired-leaf-and-intermediate",
    /// The leaf signed itself.
    SelfSigned = "self-signed",
    /// A cross-certificate is sent that ended and that the path does not need, as in May 2020 and September 2021.
    ExtraExpiredCertificate = "extra-expired-certificate",
    /// The leaf comes first, but the root comes before the intermediate.
    ReversedChain = "reversed-chain",
    /// The leaf begins after it ends.
    NotBeforeAfterNotAfter = "not-before-after-not-after",
    /// The leaf is signed with SHA-1.
    Sha1 = "sha1",
    /// The leaf's key is RSA with 1024 bits. rustls cannot serve it.
    WeakRsa1024 = "weak-rsa-1024",
    /// The leaf ended, and is signed with SHA-1.
    ExpiredSha1 = "expired-sha1",
    /// The leaf ended, and its key is RSA with 1024 bits. rustls cannot serve it.
    ExpiredWeakRsa1024 = "expired-weak-rsa-1024",
}

pub(super) fn identity(pki: &Pki, scenario: Scenario, name: &str) -> Identity {
    use Scenario::*;
    let now = pki.now;
    let (fine, expired) = (lives(name, now), ended(name, now));
    let under_intermediate =
        |spec: &Spec, purpose| pki.intermediate.issue(spec, purpose).followed_by([&pki.intermediate]);
    let server = |spec: &Spec| under_intermediate(spec, Purpose::Server);
    match scenario {
        Fine => server(&fine),
        Expired => server(&expired),
        NotYetValid => server(&Spec::new(name, now + DAY * 3, now + DAY * 93)),
        OtherName => server(&renamed(fine)),
        UnknownCa => from_unknown_root(&fine, now),
        ExpiredIntermediate => under_ended_intermediate(pki, &fine),
        MissingIntermediate => pki.intermediate.issue(&fine, Purpose::Server),
        ExpiringSoon => server(&nearly_over(name, now)),
        ExpiredOtherName => server(&renamed(expired)),
        ExpiredUnknownCa => from_unknown_root(&expired, now),
        ExpiredForged => {
            pki.intermediate.impostor().issue(&expired, Purpose::Server).followed_by([&pki.intermediate])
        }
        ExpiredSelfSigned => self_signed(&expired),
        ExpiredClientAuthOnly => under_intermediate(&expired, Purpose::Client),
        ExpiredLeafAndIntermediate => under_ended_intermediate(pki, &expired),
        SelfSigned => self_signed(&fine),
        ExtraExpiredCertificate => server(&fine).followed_by_certificates([ended_cross_certificate(pki)]),
        ReversedChain => {
            pki.intermediate.issue(&fine, Purpose::Server).followed_by([&pki.root, &pki.intermediate])
        }
        NotBeforeAfterNotAfter => server(&Spec::new(name, now - DAY, now - DAY * 2)),
        Sha1 => signed_with_sha1(&fine, now, pki),
        WeakRsa1024 => weak(&fine, pki),
        ExpiredSha1 => signed_with_sha1(&expired, now, pki),
        ExpiredWeakRsa1024 => weak(&expired, pki),
    }
}

/// 90 days, of which 60 are left.
fn lives(name: &str, now: Timestamp) -> Spec {
    Spec::new(name, now - DAY * 30, now + DAY * 60)
}

/// 90 days that ended 2 h 10 min ago.
fn ended(name: &str, now: Timestamp) -> Spec {
    let end = now - SignedDuration::from_mins(130);
    Spec::new(name, end - DAY * 90, end)
}

/// 90 days, of which five hundredths (4 days 12 hours) are left.
fn nearly_over(name: &str, now: Timestamp) -> Spec {
    let end = now + SignedDuration::from_hours(108);
    Spec::new(name, end - DAY * 90, end)
}

fn renamed(spec: Spec) -> Spec {
    Spec { names: vec!["other.example.test".into(), "*.other.example.test".into()], ..spec }
}

fn from_unknown_root(spec: &Spec, now: Timestamp) -> Identity {
    let root = Authority::root("Unheard-of Root", now - DAY * 730, now + DAY * 2920, Key::P256);
    let intermediate = root.intermediate("Unheard-of Intermediate", now - DAY * 365, now + DAY * 1095);
    intermediate.issue(spec, Purpose::Server).followed_by([&intermediate])
}

fn under_ended_intermediate(pki: &Pki, spec: &Spec) -> Identity {
    let (began, ended) = (pki.now - DAY * 365, pki.now - DAY * 3);
    let intermediate = pki.root.intermediate("Example Trust Intermediate R2", began, ended);
    intermediate.issue(spec, Purpose::Server).followed_by([&intermediate])
}

fn ended_cross_certificate(pki: &Pki) -> CertificateDer<'static> {
    let (began, ended) = (pki.now - DAY * 3000, pki.now - DAY * 40);
    let older = Authority::root("Example Trust Root of Old", began, ended, Key::P256);
    pki.root.certified_by(&older, began, ended)
}

fn signed_with_sha1(spec: &Spec, now: Timestamp, pki: &Pki) -> Identity {
    let issuer =
        Authority::root("Example Trust RSA Intermediate", now - DAY * 365, now + DAY * 365, Key::Rsa2048);
    let certified = issuer.certified_by(&pki.root, now - DAY * 365, now + DAY * 365);
    issuer.issue_with_sha1(spec).followed_by_certificates([certified])
}

/// Nothing here makes RSA keys of 1024 bits any more, so one made elsewhere is used. It protects nothing.
fn weak(spec: &Spec, pki: &Pki) -> Identity {
    struct Public(Vec<u8>);

    impl rcgen::PublicKeyData for Public {
        fn der_bytes(&self) -> &[u8] {
            &self.0
        }

        fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
            &rcgen::PKCS_RSA_SHA256
        }
    }

    let public = pem_body(include_str!("rsa-1024-public.pem"));
    let secret = PrivateKeyDer::from_pem_slice(include_bytes!("rsa-1024-key.pem")).expect("the key is whole");
    let leaf = pki.intermediate.issue_for(&Public(public), secret, spec, Purpose::Server);
    leaf.followed_by([&pki.intermediate])
}

/// `RSA PUBLIC KEY` (RFC 8017 appendix A.1.1) is a label that the usual readers do not know.
fn pem_body(pem: &str) -> Vec<u8> {
    use base64::Engine;
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(text).expect("the key is whole")
}
