//! Following the policy, and what connections that means.

mod follow;
mod postgres;
mod scene;
