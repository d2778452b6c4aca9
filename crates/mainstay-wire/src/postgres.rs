//! PostgreSQL (Frontend/Backend Protocol, versions 3.0 and later).
//!
//! Without a log-in the conversation leaves no trace in the server's log when it is encrypted: the server stays silent
//! when a connection ends where its start-up message would begin. In the clear, the request for TLS serves as the
//! question whether this is PostgreSQL; a server that has TLS then logs one line, since it was asked for a handshake
//! that does not come.

mod binding;
mod client;
mod error;
mod frame;
mod opening;
mod relay;
mod scram;

pub use client::{Client, Options};
pub use relay::RelayHop;
