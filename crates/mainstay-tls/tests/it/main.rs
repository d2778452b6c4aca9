//! Certificates in files, handshakes, judgements and admissions.

mod file;
mod handshake;
mod judge;
mod wire;
