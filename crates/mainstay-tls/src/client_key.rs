use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::Error;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::provider::PROVIDER;
use crate::roots::{hint, pem_reason};
use crate::small_file::{SmallFileError, read_small_file};

/// A certificate of ours and its key, for servers that ask their clients for one. Cheap to clone.
#[derive(Clone)]
pub struct ClientKey(Arc<CertifiedKey>);

/// Why two files give no client certificate. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClientKeyError {
    /// A file cannot be read.
    #[error("{path}: {reason}")]
    Unfit {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: SmallFileError,
    },
    /// A file has no certificate.
    #[error("{path} has no certificate; it needs at least one block -----BEGIN CERTIFICATE-----{hint}")]
    NoCertificate {
        /// The file.
        path: String,
        /// What it looks like, and how to convert it, where that can be told; else empty.
        hint: &'static str,
    },
    /// A file has no private key that can be used.
    #[error(
        "{path} has no private key that can be read ({reason}); it needs a block -----BEGIN PRIVATE KEY-----, not encrypted: \
         `openssl pkey -in FILE -out FILE.pem` writes one"
    )]
    NoKey {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate cannot be decoded.
    #[error("{path}: a certificate is broken ({reason}); write the file anew from its source")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is another's.
    #[error(
        "the key of {key} is not that of the first certificate of {certificate}; give the two files that belong together"
    )]
    Mismatch {
        /// The file with the certificate.
        certificate: String,
        /// The file with the key.
        key: String,
    },
}

impl ClientKey {
    /// Reads the chain, our own certificate first, and the private key from PEM files, which may be the same.
    pub fn from_pem_files(certificate: &Path, key: &Path) -> Result<ClientKey, ClientKeyError> {
        let chain = chain(&read(certificate)?, certificate)?;
        let secret = secret(&read(key)?, key)?;
        let made = CertifiedKey::from_der(chain, secret, &PROVIDER);
        made.map(|certified| ClientKey(Arc::new(certified))).map_err(|error| match error {
            Error::InconsistentKeys(_) => {
                ClientKeyError::Mismatch { certificate: shown(certificate), key: shown(key) }
            }
            other => ClientKeyError::NoKey { path: shown(key), reason: other.to_string() },
        })
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        self.0.clone()
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey")
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ClientKeyError> {
    read_small_file(path).map_err(|reason| ClientKeyError::Unfit { path: shown(path), reason })
}

fn chain(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientKeyError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| ClientKeyError::Malformed { path: shown(path), reason: pem_reason(error) })?;
    if chain.is_empty() {
        return Err(ClientKeyError::NoCertificate { path: shown(path), hint: hint(pem) });
    }
    Ok(chain)
}

fn secret(pem: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, ClientKeyError> {
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|error| ClientKeyError::NoKey { path: shown(path), reason: pem_reason(error) })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
