//! The protocols as conversations, sans-IO: bytes in, next step out. No socket is ever seen here.

#![warn(missing_docs)]

mod conversation;

pub use conversation::{Conversation, Milestone, Step, WireError};
