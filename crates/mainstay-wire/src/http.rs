//! Web servers (HTTP/1.1, RFC 9112): one `GET`, its status, its whole answer within a bound.

mod body;
mod client;

pub use client::{Client, Options};
