//! Verifies servers as Mainstay does, inside a program in Rust that has no relay in front of a dependency.
//!
//! A server is admitted when full verification succeeds, or when Mainstay has granted a waiver for exactly the expired
//! certificate that it shows and nothing else is wrong with it. Which waivers are in force says a policy that Mainstay signs;
//! [`Policies`] follows it, from a file or from whatever fetches it.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use mainstay_rustls::{Policies, Roots, client_config};
//!
//! let keys = ["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".parse()?];
//! let policies = Arc::new(Policies::of_file("/run/mainstay/policy.json", keys));
//! let config = client_config(Roots::system(), "orders-db".parse()?, policies);
//! # drop(config);
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod policies;
mod verify;

pub use mainstay_model::{DependencyName, NameError, RelayPolicy};
pub use mainstay_tls::{PolicyError, PolicyKeyError, PolicyPublicKey, Roots, RootsError};
pub use policies::{NotTaken, Policies};
pub use verify::{client_config, verifier};
