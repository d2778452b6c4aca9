//! Telling people: a message is rendered for its channel (pure) and handed to the service that carries it.
//!
//! Nothing is remembered here. Whether, when and how often a message is tried is decided by whoever calls; the answer
//! to one attempt says all that the decision needs.

mod backoff;
mod courier;
mod http;
mod mail;
mod render;
mod signature;

pub use backoff::next_attempt;
pub use courier::{Courier, CourierError, Outgoing, Receipt, Refusal};
pub use render::{Mail, discord, mail as render_mail, plain_text, slack, webhook};
pub use signature::sign;
