//! OpenSSL's command line: a second opinion on certificates, and signatures that nothing else makes any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use crate::pki::pem;
use crate::servers::{Missing, find_program};

/// Whether `openssl` is installed here.
pub fn available() -> Result<(), Missing> {
    find_program("openssl", &[])
        .map(|_| ())
        .ok_or(Missing::new("openssl is not installed", "apt-get install openssl"))
}

/// What OpenSSL thinks of SHA-1 and of keys of RSA with fewer than 2048 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It takes them.
    Lenient = 0,
    /// It refuses them.
    Strict = 2,
}

/// Whether OpenSSL verifies a server's chain for the name as of that second. To it a certificate's last second is over already.
///
/// # Panics
/// When `openssl` is missing.
pub fn verifies(
    root_pem: &str,
    chain: &[CertificateDer<'_>],
    name: &str,
    at: Timestamp,
    level: Level,
) -> bool {
    let also = ["-purpose", "sslserver", "-verify_hostname", name, "-auth_level", &(level as u8).to_string()];
    chain.split_first().is_some_and(|(leaf, others)| verify(root_pem, leaf, others, at, &also))
}

/// Whether OpenSSL verifies the chain of a certificate that need not be a server's.
///
/// # Panics
/// When `openssl` is missing.
pub fn verifies_authority(root_pem: &str, chain: &[CertificateDer<'_>], at: Timestamp) -> bool {
    chain.split_first().is_some_and(|(first, others)| verify(root_pem, first, others, at, &[]))
}

/// The end of a certificate as OpenSSL reads it.
///
/// # Panics
/// When `openssl` is missing or cannot read it.
pub fn not_after(certificate: &CertificateDer<'_>) -> Timestamp {
    let desk = Desk::new();
    let file = desk.write("certificate.pem", pem("CERTIFICATE", certificate).as_bytes());
    let mut command = openssl(&["x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in"]);
    let output = command.arg(file).output().expect("openssl runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let end = printed.trim().strip_prefix("notAfter=").expect("openssl prints the end");
    end.parse().expect("openssl prints ISO 8601")
}

/// Whether OpenSSL takes a signature with Ed25519 for that of this key.
///
/// # Panics
/// When `openssl` is missing.
pub fn verifies_ed25519(public: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    /// What comes before the 32 bytes in a SubjectPublicKeyInfo (RFC 8410 section 4).
    const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    let desk = Desk::new();
    let key = desk.write("key.pem", pem("PUBLIC KEY", &[&PREFIX[..], public].concat()).as_bytes());
    let (message, signature) = (desk.write("message", message), desk.write("signature", signature));
    let mut command = openssl(&["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey"]);
    command.arg(key).arg("-in").arg(message).arg("-sigfile").arg(signature);
    command.output().expect("openssl runs").status.success()
}

/// The signature of a message by PKCS #1 v1.5 with SHA-1.
pub(crate) fn sign_with_sha1(key_pem: &str, message: &[u8]) -> Vec<u8> {
    let desk = Desk::new();
    let (key, file) = (desk.write("key.pem", key_pem.as_bytes()), desk.write("message", message));
    let output = openssl(&["dgst", "-sha1", "-sign"]).arg(key).arg(file).output().expect("openssl runs");
    assert!(output.status.success(), "openssl dgst: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn verify(
    root_pem: &str,
    first: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    at: Timestamp,
    also: &[&str],
) -> bool {
    let desk = Desk::new();
    let root = desk.write("root.pem", root_pem.as_bytes());
    let first = desk.write("first.pem", pem("CERTIFICATE", first).as_bytes());
    let mut command = openssl(&["verify", "-no-CApath", "-no-CAstore", "-attime"]);
    command.arg(at.as_second().to_string()).args(also).arg("-CAfile").arg(root);
    if !others.is_empty() {
        let others: String = others.iter().map(|one| pem("CERTIFICATE", one)).collect();
        command.arg("-untrusted").arg(desk.write("others.pem", others.as_bytes()));
    }
    command.arg(first).output().expect("openssl runs").status.success()
}

fn openssl(arguments: &[&str]) -> Command {
    let mut command = Command::new(find_program("openssl", &[]).expect("the test asks available() first"));
    command.args(arguments);
    command
}

/// A directory for the files of one command; gone when it is dropped.
struct Desk(PathBuf);

impl Desk {
    fn new() -> Desk {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("mainstay-openssl-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).expect("the temporary directory is writable");
        Desk(directory)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).expect("the temporary directory is writable");
        path
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _: Result<(), _> = fs::remove_dir_all::<&Path>(self.0.as_ref());
    }
}
