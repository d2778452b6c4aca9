//! TLS as Mainstay needs it: a handshake that records, and a judgement that says everything that is wrong.
//!
//! The recording handshake accepts every certificate, so that it ends and the server proves that it holds its key; then
//! [`Judge::judge`] says what full verification says. **Whoever drives a [`Handshake`] must look at the judgement before
//! sending another byte**, and close when it is bad: no credentials ever go to a server that is not verified.

#![warn(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod case;
mod errors;
mod facts;
mod faults;
mod file;
mod findings;
mod handshake;
mod judge;
mod memory;
mod path;
mod pem_file;
mod provider;
mod recorder;
mod roots;
mod words;

pub use file::judge_file;
pub use handshake::{Handshake, ServerNameError, parse_server_name};
pub use judge::{Judge, Judgement};
pub use pem_file::{MAX_PEM_BYTES, PemFileError, read_pem_file};
pub use recorder::{MAX_CHAIN_BYTES, MAX_CHAIN_CERTIFICATES};
pub use roots::{Roots, RootsError};
pub use rustls_pki_types::{CertificateDer, ServerName};
