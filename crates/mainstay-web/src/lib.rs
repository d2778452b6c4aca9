//! What people and programs see over HTTP: the operator's pages, the JSON API, metrics, and the design that the public page shares.

mod assets;
pub mod operator;
mod picture;
pub mod public;
mod show;
