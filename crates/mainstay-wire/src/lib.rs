//! The protocols as conversations, sans-IO: bytes in, next step out. No socket is ever seen here.

#![warn(missing_docs)]

mod conversation;
pub mod http;
mod login;
pub mod mysql;
pub mod postgres;
pub mod redis;
pub mod smtp;
mod start;
pub mod tcp;
pub mod tls;

pub use conversation::{Conversation, Milestone, Step, WireError};
pub use login::{Login, Password};
pub use start::TlsStart;
