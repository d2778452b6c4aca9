//! `mainstay serve` as a child process: real servers that break, real messages, `kill -9`, full disks and bad starts.

mod activation;
mod bad_starts;
mod bounce;
mod drill;
mod escalation;
mod expiry;
mod front;
mod full_disk;
mod grades;
mod hook;
mod kills;
mod leg;
mod reload;
mod restarts;
mod story;
mod switch;
mod waiver;
