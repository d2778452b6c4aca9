//! Mail servers (SMTP, RFC 5321), with STARTTLS (RFC 3207) and AUTH (RFC 4954).

mod client;
mod reply;

pub use client::{Client, Options};
