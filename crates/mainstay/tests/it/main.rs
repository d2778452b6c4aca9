//! One binary for all tests of the program, because each more would have to be linked.

mod check_cli;
mod config;
mod instance;
mod real_servers;
mod serve;
