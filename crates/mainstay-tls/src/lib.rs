//! TLS as Mainstay needs it: a handshake that records, and a judgement that says everything that is wrong.
//!
//! The recording handshake accepts every certificate, so that it ends and the server proves that it holds its key; then
//! [`Judge::judge`] says what a full verification says. **Whoever drives a [`Handshake`] must look at the judgement before
//! sending another byte**, and close when it is bad: no credentials ever go to a server that is not verified.

#![warn(missing_docs)]

mod handshake;
mod judge;
mod roots;

pub use handshake::{Handshake, ServerNameError, parse_server_name};
pub use judge::{Judge, Judgement, judge_file};
pub use roots::{Roots, RootsError};
pub use rustls_pki_types::{CertificateDer, ServerName};
