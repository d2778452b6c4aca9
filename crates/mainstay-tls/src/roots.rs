use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, TrustAnchor};

use crate::facts::Facts;
use crate::provider;
use crate::small_file::{SmallFileError, read_small_file};

/// The certificates that are trusted to vouch for servers. Cheap to clone.
#[derive(Clone)]
pub struct Roots(Arc<Store>);

struct Store {
    /// What webpki needs, in the order of `certificates`.
    anchors: Vec<TrustAnchor<'static>>,
    certificates: Vec<Trusted>,
    origin: String,
}

struct Trusted {
    der: CertificateDer<'static>,
    /// Read when a chain first leads here: a trust store has well over a hundred roots, and few are ever met.
    facts: OnceLock<Option<Arc<Facts>>>,
}

/// Why a file or text gives no roots. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file cannot be read.
    #[error("{path} cannot be read; check that the file exists and that this user may read it")]
    Unreadable {
        /// The file.
        path: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It is no ordinary file, or far too large.
    #[error("{path} gives no roots: {reason}")]
    Unfit {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: SmallFileError,
    },
    /// There is no certificate.
    #[error("{origin} has no certificate; it needs at least one block -----BEGIN CERTIFICATE-----{hint}")]
    Empty {
        /// The file.
        origin: String,
        /// What it looks like, and how to convert it, where that can be told; else empty.
        hint: &'static str,
    },
    /// A block cannot be decoded.
    #[error("{origin}: certificate {number} is broken ({reason}); write the file anew from its source")]
    Malformed {
        /// The file.
        origin: String,
        /// Which one, counted from one.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl Roots {
    /// The machine's own trust store; the list of Mozilla's roots that is built in where the machine has none.
    ///
    /// The places are those of OpenSSL, `SSL_CERT_FILE` and `SSL_CERT_DIR` included. What cannot be read there is left
    /// out, as other clients do.
    pub fn system() -> Roots {
        let found = rustls_native_certs::load_native_certs().certs;
        let store = Store::readable("this machine's trust store", found);
        if store.anchors.is_empty() { Roots::built_in() } else { Roots(Arc::new(store)) }
    }

    /// The files and directories that [`Roots::system`] reads: when one of them changes, so may the roots.
    pub fn system_places() -> Vec<PathBuf> {
        let places = openssl_probe::probe();
        places.cert_file.into_iter().chain(places.cert_dir).collect()
    }

    /// The list of Mozilla's roots that is built in.
    pub fn built_in() -> Roots {
        let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
        Roots(Arc::new(Store::readable("the built-in list of Mozilla's roots", bundled)))
    }

    /// The certificates of a PEM file, and no others.
    pub fn from_pem_file(path: &Path) -> Result<Roots, RootsError> {
        let shown = path.display().to_string();
        match read_small_file(path) {
            Ok(pem) => Roots::from_pem(&pem, &shown),
            Err(SmallFileError::Unreadable(source)) => Err(RootsError::Unreadable { path: shown, source }),
            Err(reason) => Err(RootsError::Unfit { path: shown, reason }),
        }
    }

    /// The certificates of a PEM text; `origin` names it in messages.
    pub fn from_pem(pem: &[u8], origin: &str) -> Result<Roots, RootsError> {
        let mut store = Store::empty(origin);
        for (index, der) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let added = der.map_err(pem_reason).and_then(|der| store.add(der).map_err(der_reason));
            added.map_err(|reason| malformed(origin, index + 1, reason))?;
        }
        if store.anchors.is_empty() {
            return Err(RootsError::Empty { origin: origin.to_owned(), hint: hint(pem) });
        }
        Ok(Roots(Arc::new(store)))
    }

    /// How many certificates are trusted.
    #[allow(clippy::len_without_is_empty, reason = "there is always at least one")]
    pub fn len(&self) -> usize {
        self.0.anchors.len()
    }

    /// Where they come from, for messages: `this machine's trust store`, or the file.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// An ordinary client that trusts these roots and refuses everything else: for connections of our own, such as webhooks.
    pub fn client_config(&self) -> ClientConfig {
        let store = RootCertStore { roots: self.0.anchors.clone() };
        provider::client().with_root_certificates(store).with_no_client_auth()
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.0.anchors
    }

    /// Which of them this one is, if it was taken from here.
    pub(crate) fn index_of(&self, anchor: &TrustAnchor<'_>) -> Option<usize> {
        self.anchors().iter().position(|own| std::ptr::eq(own, anchor))
    }

    pub(crate) fn der(&self, index: usize) -> Option<&CertificateDer<'static>> {
        self.0.certificates.get(index).map(|trusted| &trusted.der)
    }

    /// `None` for a root so odd that only webpki reads it.
    pub(crate) fn facts(&self, index: usize) -> Option<&Arc<Facts>> {
        let trusted = self.0.certificates.get(index)?;
        trusted.facts.get_or_init(|| Facts::read(&trusted.der).ok().map(Arc::new)).as_ref()
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({} from {})", self.len(), self.origin())
    }
}

impl Store {
    fn empty(origin: &str) -> Store {
        Store { anchors: Vec::new(), certificates: Vec::new(), origin: origin.to_owned() }
    }

    fn readable(origin: &str, certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Store {
        let mut store = Store::empty(origin);
        for der in certificates {
            let _unreadable = store.add(der);
        }
        store
    }

    fn add(&mut self, der: CertificateDer<'static>) -> Result<(), webpki::Error> {
        self.anchors.push(webpki::anchor_from_trusted_cert(&der)?.to_owned());
        self.certificates.push(Trusted { der, facts: OnceLock::new() });
        Ok(())
    }
}

fn malformed(origin: &str, number: usize, reason: String) -> RootsError {
    RootsError::Malformed { origin: origin.to_owned(), number, reason }
}

pub(crate) fn pem_reason(error: pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "its -----END line is missing".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "its -----BEGIN line is not well formed".to_owned(),
        pem::Error::Base64Decode(_) => "it is not valid base64".to_owned(),
        other => other.to_string(),
    }
}

fn der_reason(error: webpki::Error) -> String {
    use webpki::Error::{BadDer, BadDerTime, TrailingData};
    match error {
        BadDer | BadDerTime | TrailingData(_) => "what it encodes is not a certificate".to_owned(),
        other => format!("it cannot be used as a root: {other}"),
    }
}

/// What a file without a certificate in PEM looks like.
pub(crate) fn hint(content: &[u8]) -> &'static str {
    let has = |text: &[u8]| content.windows(text.len()).any(|window| window == text);
    match content {
        // A DER SEQUENCE with a two-byte length: what every certificate begins with.
        [0x30, 0x82, ..] => {
            "; it looks like DER: convert it with `openssl x509 -inform der -in FILE -out FILE.pem`"
        }
        _ if has(b"PRIVATE KEY-----") => "; it has a private key, so it is probably the wrong file",
        _ if has(b"BEGIN PKCS7") => {
            "; it is PKCS#7: convert it with `openssl pkcs7 -print_certs -in FILE -out FILE.pem`"
        }
        _ => "",
    }
}
