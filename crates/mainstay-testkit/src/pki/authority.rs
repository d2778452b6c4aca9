use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, RsaKeySize, SerialNumber, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Identity, Key, Spec, sha1};

/// A certificate that may sign others, with its key.
pub(super) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    certificate: rcgen::Certificate,
}

/// What a leaf may be used for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Server,
    Client,
}

impl Authority {
    pub(super) fn root(name: &str, not_before: Timestamp, not_after: Timestamp, key: Key) -> Authority {
        let key = generate(key);
        let params = authority_params(name, not_before, not_after, BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a root of sound parameters");
        Authority { params, key, certificate }
    }

    pub(super) fn intermediate(&self, name: &str, not_before: Timestamp, not_after: Timestamp) -> Authority {
        let key = generate(Key::P256);
        let mut params = authority_params(name, not_before, not_after, BasicConstraints::Constrained(0));
        params.use_authority_key_identifier_extension = true;
        let certificate =
            params.signed_by(&key, &self.issuer()).expect("an intermediate of sound parameters");
        Authority { params, key, certificate }
    }

    /// This authority's name and key, certified by another: a cross-certificate.
    pub(super) fn certified_by(
        &self,
        other: &Authority,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> CertificateDer<'static> {
        let mut params = self.params.clone();
        set_validity(&mut params, not_before, not_after);
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&self.key, &other.issuer()).expect("a sound cross-certificate");
        certificate.der().clone()
    }

    /// An authority of the same name with another key, so that its signatures do not hold.
    pub(super) fn impostor(&self) -> Authority {
        let key = generate(Key::P256);
        let certificate = self.params.self_signed(&key).expect("an impostor of sound parameters");
        Authority { params: self.params.clone(), key, certificate }
    }

    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        self.certificate.der()
    }

    pub(super) fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(super) fn issue(&self, spec: &Spec, purpose: Purpose) -> Identity {
        let key = generate(spec.key);
        self.issue_for(&key, secret(&key), spec, purpose)
    }

    /// Certifies a key made elsewhere.
    pub(super) fn issue_for(
        &self,
        public: &impl PublicKeyData,
        secret: PrivateKeyDer<'static>,
        spec: &Spec,
        purpose: Purpose,
    ) -> Identity {
        let mut params = leaf_params(spec, purpose);
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(public, &self.issuer()).expect("a leaf of sound parameters");
        Identity { chain: vec![certificate.der().clone()], key: secret }
    }

    /// Certifies the key of another certificate.
    pub(super) fn issue_for_key_of(&self, other: &Identity, spec: &Spec) -> Identity {
        let key = KeyPair::try_from(&other.key).expect("a key that was made here");
        self.issue_for(&key, other.key.clone_key(), spec, Purpose::Server)
    }

    /// Signs with SHA-1; the authority's key is RSA.
    pub(super) fn issue_with_sha1(&self, spec: &Spec) -> Identity {
        let key = generate(spec.key);
        let mut params = leaf_params(spec, Purpose::Server);
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_params(&self.params, sha1::Signer::new(&self.key));
        let certificate = params.signed_by(&key, &issuer).expect("a leaf of sound parameters");
        Identity { chain: vec![sha1::labelled(certificate.der()).into()], key: secret(&key) }
    }

    pub(super) fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }
}

/// A leaf that signed itself.
pub(super) fn self_signed(spec: &Spec) -> Identity {
    let key = generate(spec.key);
    let certificate =
        leaf_params(spec, Purpose::Server).self_signed(&key).expect("a leaf of sound parameters");
    Identity { chain: vec![certificate.der().clone()], key: secret(&key) }
}

fn authority_params(
    name: &str,
    not_before: Timestamp,
    not_after: Timestamp,
    constraints: BasicConstraints,
) -> CertificateParams {
    let mut params = dated(name, not_before, not_after);
    params.distinguished_name.push(DnType::OrganizationName, "Example Trust");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf_params(spec: &Spec, purpose: Purpose) -> CertificateParams {
    let mut params = dated(&spec.names[0], spec.not_before, spec.not_after);
    params.distinguished_name.push(DnType::CommonName, spec.names[0].as_str());
    let names = CertificateParams::new(spec.names.clone()).expect("the names of a test are sound");
    params.subject_alt_names = names.subject_alt_names;
    params.is_ca = IsCa::ExplicitNoCa;
    let point = |url: &String| CrlDistributionPoint { uris: vec![url.clone()] };
    params.crl_distribution_points = spec.crl_url.iter().map(point).collect();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match purpose {
        Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
        Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
    }];
    params
}

fn dated(name: &str, not_before: Timestamp, not_after: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    set_validity(&mut params, not_before, not_after);
    // rcgen derives serials from the key, so a renewal with the same key would have the same serial.
    params.serial_number = Some(SerialNumber::from_slice(&serial(name, not_before)));
    params
}

fn set_validity(params: &mut CertificateParams, not_before: Timestamp, not_after: Timestamp) {
    params.not_before = date_time_ymd(1970, 1, 1) + since_1970(not_before);
    params.not_after = date_time_ymd(1970, 1, 1) + since_1970(not_after);
}

/// Times are made from rcgen's own epoch, which spares a dependency on its time library. Tests live after 1970.
pub(super) fn since_1970(time: Timestamp) -> Duration {
    Duration::from_secs(time.as_second().unsigned_abs())
}

fn serial(name: &str, not_before: Timestamp) -> [u8; 16] {
    let mut bytes = [0x2a; 16];
    bytes[8..].copy_from_slice(&not_before.as_second().to_be_bytes());
    for (index, byte) in name.bytes().enumerate() {
        bytes[1 + index % 7] ^= byte.rotate_left(index as u32 % 8);
    }
    bytes
}

fn generate(key: Key) -> KeyPair {
    let made = match key {
        Key::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
        Key::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        Key::P521 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
        Key::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
        Key::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
    };
    made.expect("keys of every kind can be made")
}

fn secret(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}
