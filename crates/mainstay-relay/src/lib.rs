//! The local verifying TLS hop in front of a dependency: listen, authorise by a policy that is watched, copy, and end what is over.
//!
//! A connection is admitted if and only if full verification succeeds, or a waiver is in force and the certificate is the pinned one
//! with nothing wrong but its age; `mainstay-tls` decides that. Nothing here needs the database or the way to the server: what is in
//! force stays so until its own end.

#![warn(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod addresses;
mod allowance;
mod authority;
mod cancel;
mod dial;
mod estate;
mod leg;
mod line;
mod lines;
mod listen;
mod lookup;
mod meter;
mod news;
mod opening;
mod pass;
mod places;
mod policy;
mod pump;
mod refusal;
mod relay;
mod route;
mod scout;
mod session;
mod settings;
mod streams;

pub use authority::{AuthorityError, OwnAuthority};
pub use estate::Estate;
pub use leg::{LegError, acceptor_of_files};
pub use listen::{ListenError, Listening};
pub use meter::Meter;
pub use news::News;
pub use policy::Needless;
pub use relay::{Relay, Wiring};
pub use settings::{RelaySettings, Spoken, Upstream};
