//! For tests only: a certification authority that breaks certificates on purpose, and servers that present them.

mod pki;

pub use pki::{Identity, Key, Pki, Scenario, Spec};
