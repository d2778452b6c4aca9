//! One binary for all tests of the crate, because each more would have to be linked.

mod addresses;
mod bad_peers;
mod files;
mod names;
mod support;
mod verified;
