//! MySQL and MariaDB (client/server protocol 4.1, greeting version 10).
//!
//! The protocol has no way of leaving before the log-in that servers do not hold against the caller: they write a line
//! into the log and count the connection towards `max_connect_errors`, after a hundred of which in a row they block the
//! host. A refused log-in does not count. So a conversation without credentials asks to log in as
//! [`VISITOR`], without a password, and takes any answer. That costs one line in MariaDB's log (`Access denied`, at its
//! default level) and none in MySQL's; who wants none creates an account of that name, without privileges or password.

mod auth;
mod client;
mod command;
mod ed25519;
mod error;
mod greeting;
mod packet;
mod relay;

pub use client::{Client, Options, VISITOR};
pub use relay::{RelayHop, make_key};
