use std::fmt;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::Spoken;

/// How long the authority is valid: its root is trusted by hand, so it should not have to be replaced.
const ROOT_DAYS: i64 = 20 * 365;
/// How long a relay's own certificate is. It is made anew long before its end, and nobody has to do anything.
const LEAF_DAYS: i64 = 30;

/// The certification authority of the relays of one data directory. Applications trust its root, and nobody else does.
pub struct OwnAuthority {
    root: CertificateDer<'static>,
    root_file: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// Why there is no authority. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("{path}: {source}; check that this user may read and write it")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The key is away, and the root is there.
    #[error(
        "{missing} is missing, and {there} is there; put {missing} back from a backup, or remove {there} as well and give \
         applications the new relay-ca.pem to trust"
    )]
    Half {
        /// Which is there.
        there: String,
        /// Which is not.
        missing: String,
    },
    /// A file is damaged.
    #[error(
        "{path} is damaged ({reason}); remove relay-ca.pem and relay-ca.key there, and give applications the new relay-ca.pem to trust"
    )]
    Damaged {
        /// Which.
        path: String,
        /// How.
        reason: rcgen::Error,
    },
    /// Nothing can be signed.
    #[error("no certificate can be made: {0}")]
    Signing(#[from] rcgen::Error),
    /// The library refuses what was made.
    #[error("the relay's own certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl OwnAuthority {
    /// Opens the authority of a folder, or founds it: `relay-ca.pem` is for applications to trust, `relay-ca.key` for nobody.
    pub fn open(folder: &Path, now: Timestamp) -> Result<OwnAuthority, AuthorityError> {
        let (root_file, key_file) = (folder.join("relay-ca.pem"), folder.join("relay-ca.key"));
        let read = |path: &Path| match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(file_error(path, source)),
        };
        let (root, key) = match (read(&root_file)?, read(&key_file)?) {
            (Some(root), Some(key)) => (root, key),
            (None, None) => found(&root_file, &key_file, now)?,
            // Applications trust the root of the one that was: another is not to come in its place unless somebody wants that.
            (Some(_), None) => return Err(half(&root_file, &key_file)),
            // Whoever trusts a root of this key and this name trusts this one.
            (None, Some(key)) => (sign_root(&root_file, &key, now)?, key),
        };
        let key = KeyPair::from_pem(&key).map_err(|reason| damaged(&key_file, reason))?;
        // The root is signed with this key under this name, which is all that its issuing depends on.
        let issuer = Issuer::new(root_params(), key);
        let der = rustls_pki_types::pem::PemObject::from_pem_slice(root.as_bytes())
            .map_err(|_| rcgen::Error::CouldNotParseCertificate)
            .map_err(|reason| damaged(&root_file, reason))?;
        Ok(OwnAuthority { root: der, root_file, issuer })
    }

    /// The file of the root, for applications to trust.
    pub fn root_file(&self) -> &Path {
        &self.root_file
    }

    /// Takes up TLS with applications by a certificate for this machine and these names and addresses, which is renewed by itself.
    pub fn acceptor(
        self: Arc<Self>,
        names: Vec<String>,
        spoken: Spoken,
        clock: fn() -> Timestamp,
    ) -> Result<TlsAcceptor, AuthorityError> {
        let names = [usual_names(), names].concat();
        let first = self.issue(&names, clock())?;
        let resolver = Renewing { authority: self, names, clock, current: Mutex::new(first) };
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = spoken.local_alpn();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn issue(&self, names: &[String], now: Timestamp) -> Result<Issued, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Mainstay relay");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let until = set_validity(&mut params, now, LEAF_DAYS);
        let leaf = params.signed_by(&key, &self.issuer)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![leaf.der().clone(), self.root.clone()];
        let certified = CertifiedKey::new(chain, any_supported_type(&private)?);
        let renew_at = until - SignedDuration::from_hours(24 * LEAF_DAYS / 3);
        Ok(Issued { certified: Arc::new(certified), renew_at })
    }
}

/// By which names applications on this machine reach a relay.
fn usual_names() -> Vec<String> {
    ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into()
}

struct Issued {
    certified: Arc<CertifiedKey>,
    renew_at: Timestamp,
}

/// Serves a certificate that never comes near its end.
struct Renewing {
    authority: Arc<OwnAuthority>,
    names: Vec<String>,
    clock: fn() -> Timestamp,
    current: Mutex<Issued>,
}

impl ResolvesServerCert for Renewing {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let now = (self.clock)();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= current.renew_at
            && let Ok(next) = self.authority.issue(&self.names, now)
        {
            *current = next;
        }
        Some(current.certified.clone())
    }
}

impl fmt::Debug for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewing").field("names", &self.names).finish_non_exhaustive()
    }
}

fn found(root_file: &Path, key_file: &Path, now: Timestamp) -> Result<(String, String), AuthorityError> {
    let key = KeyPair::generate()?.serialize_pem();
    // The key first: a root that nobody can sign for is not to be handed out.
    write(key_file, &key, 0o600)?;
    Ok((sign_root(root_file, &key, now)?, key))
}

fn sign_root(root_file: &Path, key: &str, now: Timestamp) -> Result<String, AuthorityError> {
    let key = KeyPair::from_pem(key).map_err(|reason| damaged(&root_file.with_extension("key"), reason))?;
    let mut params = root_params();
    set_validity(&mut params, now, ROOT_DAYS);
    let root = params.self_signed(&key)?.pem();
    write(root_file, &root, 0o644)?;
    Ok(root)
}

fn root_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Mainstay relays of this machine");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Writes a file as a whole or not at all: beside its place first, so that a full disk leaves no half of it.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    let beside = path.with_added_extension("new");
    let written = || {
        match std::fs::remove_file(&beside) {
            // Of a try that did not come to its end.
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    written().map_err(|source| file_error(path, source))
}

fn half(there: &Path, missing: &Path) -> AuthorityError {
    let shown = |path: &Path| path.display().to_string();
    AuthorityError::Half { there: shown(there), missing: shown(missing) }
}

fn damaged(path: &Path, reason: rcgen::Error) -> AuthorityError {
    AuthorityError::Damaged { path: path.display().to_string(), reason }
}

fn file_error(path: &Path, source: io::Error) -> AuthorityError {
    AuthorityError::File { path: path.display().to_string(), source }
}

/// From a minute ago, so that clocks that differ a little do not see the future. Gives the end.
fn set_validity(params: &mut CertificateParams, now: Timestamp, days: i64) -> Timestamp {
    let from = now - SignedDuration::from_mins(1);
    let until = from + SignedDuration::from_hours(24 * days);
    let since_1970 = |at: Timestamp| Duration::from_secs(at.as_second().unsigned_abs());
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_1970(from);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_1970(until);
    until
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("mainstay-authority-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn open(folder: &Path) -> Result<OwnAuthority, AuthorityError> {
        OwnAuthority::open(folder, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn the_root_that_applications_trust_stays_and_is_never_replaced_by_another() {
        let folder = folder("stays");
        let (root, key) = (folder.join("relay-ca.pem"), folder.join("relay-ca.key"));
        let founded = open(&folder).unwrap().root;
        assert_eq!(open(&folder).unwrap().root, founded);
        let away = folder.join("away");
        fs::rename(&key, &away).unwrap();
        let before = fs::read_to_string(&root).unwrap();
        let why = open(&folder).err().unwrap().to_string();
        assert!(why.starts_with(&format!("{} is missing", key.display())), "{why}");
        assert!(why.contains(&format!("remove {} as well", root.display())), "{why}");
        assert!(fs::read_to_string(&root).unwrap() == before && !key.exists(), "nothing was touched");
        fs::rename(&away, &key).unwrap();
        assert_eq!(open(&folder).unwrap().root, founded);
        // A crash between the two files, or a root that was moved away: whoever trusted it trusts what is shown from now on.
        fs::remove_file(&root).unwrap();
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let shown = open(&folder).unwrap().issue(&["localhost".to_owned()], now).unwrap();
        assert!(mainstay_testkit::openssl::verifies_authority(&before, &shown.certified.cert, now));
        assert!(root.exists());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_a_try_without_an_end_left_is_in_nobodys_way() {
        let folder = folder("left");
        fs::write(folder.join("relay-ca.key.new"), "half a k").unwrap();
        let founded = open(&folder).unwrap().root;
        assert_eq!(open(&folder).unwrap().root, founded);
        let mode = fs::metadata(folder.join("relay-ca.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = fs::read_dir(&folder).unwrap().count();
        assert_eq!(files, 2, "nothing lies about");
        fs::remove_dir_all(&folder).unwrap();
    }
}
