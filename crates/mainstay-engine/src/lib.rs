//! Decisions, pure: a step takes the state, an event, the time and a source of randomness, and says what is to be written and done.

#![warn(missing_docs)]

mod agenda;
mod announce;
mod cause;
mod channels;
mod checked;
mod configured;
mod confirm;
mod customers;
mod event;
mod external;
mod incident;
mod index;
mod latency;
mod network;
mod operator;
mod refresh;
mod renewal;
mod rules;
mod state;
mod time;
mod turn;
mod wording;

pub use customers::customer_wording;
pub use event::{Action, Effects, Event, ExternalAlert, Recheck};
pub use external::MOST_EXTERNAL;
pub use state::State;
pub use wording::short_cause;
