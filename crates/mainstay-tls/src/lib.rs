//! TLS as Mainstay needs it: a handshake that records, and a judgement that says everything that is wrong.
//!
//! There are two kinds of handshakes. [`Handshake`] records: it accepts every certificate, so that it ends and the server
//! proves that it holds its key; then [`Judge::judge`] says what full verification says. **Whoever drives it must look at the
//! judgement before sending another byte**, and close when it is bad: no credentials ever go to a server that is not verified.
//! [`Entry`] decides: its handshake ends early for a server that is not admitted, by [`Judge::admit`].

#![warn(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod admit;
mod case;
mod client_key;
mod crl;
mod entry;
mod errors;
mod facts;
mod faults;
mod file;
mod findings;
mod handshake;
mod judge;
mod memory;
mod path;
mod policy;
mod provider;
mod recorder;
mod revocations;
mod roots;
mod small_file;
mod verifier;
mod words;

pub use admit::{Admitted, Denied, NotWaived, Terms};
pub use client_key::{ClientKey, ClientKeyError};
pub use crl::{Crl, CrlError, MAX_CRL_BYTES, crl_urls, crl_urls_of, revoked_in};
pub use entry::Entry;
pub use file::judge_file;
pub use handshake::{Handshake, ServerNameError, parse_server_name};
pub use judge::{Judge, Judgement};
pub use policy::{MAX_POLICY_BYTES, PolicyError, PolicyKey, PolicyKeyError, PolicyPublicKey, SignedPolicy};
pub use revocations::{RevocationReason, Revocations, Revoked};
pub use roots::{Roots, RootsError};
pub use rustls_pki_types::{CertificateDer, ServerName};
pub use small_file::{MAX_SMALL_FILE_BYTES, SmallFileError, read_small_file};
pub use verifier::{MAX_CHAIN_BYTES, MAX_CHAIN_CERTIFICATES, Verifier, client_config};
