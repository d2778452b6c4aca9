//! Decisions, pure: a step takes the state, an event, the time and a source of randomness, and says what is to be written and done.

#![warn(missing_docs)]

mod event;
mod state;

pub use event::{Action, Effects, Event, Recheck};
pub use state::State;
