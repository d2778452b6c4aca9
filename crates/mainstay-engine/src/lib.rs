//! Decisions, pure: a step takes the state, an event, the time and a source of randomness, and says what is to be written and done.

#![warn(missing_docs)]

mod agenda;
mod announce;
mod audience;
mod cause;
mod channels;
mod checked;
mod configured;
mod confirm;
mod coverage;
mod customers;
mod digest;
mod escalate;
mod event;
pub mod expr;
mod incident;
mod index;
mod latency;
mod network;
mod oncall;
mod operator;
mod quiet;
mod refresh;
mod renewal;
mod room;
mod rules;
mod state;
mod time;
mod turn;
mod wording;

pub use audience::{Audience, Topic};
pub use coverage::{Known, Rehearsal};
pub use customers::customer_wording;
pub use event::{Action, Effects, Event, Recheck};
pub use oncall::{Duty, OnCall, OverrideFault, Shift, Source, check_override, gaps, on_call, shifts};
pub use quiet::quiet_until;
pub use state::State;
pub use wording::short_cause;
