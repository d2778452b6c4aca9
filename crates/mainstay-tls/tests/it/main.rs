//! Certificates in files, handshakes, judgements and admissions.

mod attempt;
mod entry;
mod file;
mod handshake;
mod judge;
mod narrowness;
mod policy;
mod revocation;
mod wire;
