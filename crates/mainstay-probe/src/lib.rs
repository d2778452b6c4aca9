//! One check: resolve, connect, upgrade, handshake, ready, log in, query; the verdict, and the diagnosis.
//!
//! A check makes the same verified connection that the application would make. It never fails as a function: every trouble is
//! a [`CheckReport`](mainstay_model::CheckReport) with a verdict, a failure that says who is at fault, and what to do next.

#![warn(missing_docs)]

mod chains;
mod compare;
mod connect;
mod diagnose;
mod drive;
mod file;
mod judges;
mod limits;
mod line;
mod link;
mod meaning;
mod phase_clock;
mod prober;
mod report;
mod request;
mod reread;
mod resolve;
mod talk;
mod verdict;

pub use chains::MetChain;
pub use diagnose::diagnose;
pub use prober::{Prober, ProberOptions};
pub use request::CheckRequest;
