use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The pretend certification authority: a root, and an intermediate that issues.
pub(super) struct Authority {
    root_pem: String,
    intermediate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A time of validity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Validity {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// A server's certificate with its chain and key.
pub(super) struct Issued {
    leaf: rcgen::Certificate,
    intermediate: rcgen::Certificate,
    key: KeyPair,
}

impl Validity {
    /// That began some days ago and has a length in days.
    pub(super) fn days(now: Timestamp, ago: i64, length: i64) -> Validity {
        // A minute of slack, so that clocks that differ a little do not see the future.
        let from = now - SignedDuration::from_hours(24 * ago) - SignedDuration::from_mins(1);
        Validity { from, to: from + SignedDuration::from_hours(24 * length) }
    }
}

impl Authority {
    pub(super) fn new(now: Timestamp) -> anyhow::Result<Authority> {
        let root_key = KeyPair::generate()?;
        let root = authority("Acme Root CA", Validity::days(now, 900, 3650));
        let root_certificate = root.self_signed(&root_key)?;
        let root_issuer = Issuer::new(root, root_key);
        let key = KeyPair::generate()?;
        let params = authority("Acme Server CA 3", Validity::days(now, 300, 1825));
        let intermediate = params.signed_by(&key, &root_issuer)?;
        Ok(Authority { root_pem: root_certificate.pem(), intermediate, issuer: Issuer::new(params, key) })
    }

    pub(super) fn write_root(&self, file: &Path) -> anyhow::Result<()> {
        Ok(std::fs::write(file, &self.root_pem)?)
    }

    pub(super) fn issue(&self, name: &str, validity: Validity) -> anyhow::Result<Issued> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        set(&mut params, validity);
        let leaf = params.signed_by(&key, &self.issuer)?;
        Ok(Issued { leaf, intermediate: self.intermediate.clone(), key })
    }
}

impl Issued {
    pub(super) fn chain_pem(&self) -> String {
        format!("{}{}", self.leaf.pem(), self.intermediate.pem())
    }

    /// What a TLS server needs to present it.
    pub(super) fn server_config(&self) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain: Vec<CertificateDer<'static>> =
            vec![self.leaf.der().clone(), self.intermediate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Arc::new(config))
    }
}

fn authority(name: &str, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set(&mut params, validity);
    params
}

/// Times are counted from rcgen's own epoch, which spares a dependency on its time library.
fn set(params: &mut CertificateParams, validity: Validity) {
    let since_1970 = |at: Timestamp| Duration::from_secs(at.as_second().unsigned_abs());
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_1970(validity.from);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_1970(validity.to);
}
