//! One binary for all tests of the program, because each more would have to be linked.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "tests tell what they measured and skipped")]

mod check_cli;
mod config;
mod instance;
mod real_servers;
mod serve;
