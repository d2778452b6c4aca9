//! The protocols as conversations, sans-IO: bytes in, next step out. No socket is ever seen here.

#![warn(missing_docs)]

mod conversation;
mod der;
pub mod http;
mod login;
pub mod mysql;
pub mod postgres;
mod reader;
mod recognise;
pub mod redis;
pub mod relay;
pub mod smtp;
mod start;
pub mod tcp;
mod text;
pub mod tls;
#[cfg(test)]
mod transcript;

pub use conversation::{Conversation, Milestone, Step, WireError};
pub use login::{Login, Password};
pub use recognise::recognise;
pub use start::TlsStart;
