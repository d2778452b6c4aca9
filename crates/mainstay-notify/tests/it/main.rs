//! Channels against servers that behave like the real ones.

mod bad_days;
mod channels;
mod house;
mod limits;
mod payloads;
mod programs;
mod threads;
