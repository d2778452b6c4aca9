//! Following the policy, and what connections that means.

mod follow;
mod go;
mod postgres;
mod scene;
