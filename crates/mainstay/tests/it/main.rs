//! One binary for all tests of the program, because each more would have to be linked.

mod real_servers;
