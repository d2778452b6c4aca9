//! Telling people: a message is rendered for its channel (pure) and handed to the service that carries it.
//!
//! Nothing is remembered here but when a service wants to be left alone. Whether, when and how often a message is tried is decided
//! by whoever calls; the answer to one attempt says all that the decision needs.
//!
//! A channel is found by its name: `render/<service>.rs` makes its messages, `send/<service>.rs` hands them over.

mod backoff;
mod bounce;
mod courier;
mod pace;
mod render;
mod sample;
mod send;

pub use backoff::next_attempt;
pub use bounce::bounce;
pub use courier::{Courier, CourierError, CourierOptions, Outgoing, Receipt, Refusal};
pub use render::{
    Mail, Request, TemplateError, alertmanager, check_request, discord, discord_news, mail as render_mail,
    ntfy, pagerduty, plain_text, program, request, slack, slack_news, sms, teams, telegram, telegram_news,
    twiml, webhook,
};
pub use sample::deliveries as sample_deliveries;
pub use send::sign;
