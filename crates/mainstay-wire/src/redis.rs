//! Redis and its kin (RESP 2, with the types of RESP 3 read over).
//!
//! `PING` is the greeting, since a Redis server speaks second; "log in first" is an answer to it as good as `PONG`.

mod client;
mod relay;
mod reply;

pub use client::{Client, Options};
pub use relay::{Peers, RelayHop};
