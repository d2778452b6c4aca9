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
mod drill;
mod escalate;
mod event;
pub mod expr;
mod external;
mod heartbeat;
mod incident;
mod index;
mod late;
mod latency;
mod network;
mod oncall;
mod operator;
mod proof;
mod quiet;
mod refresh;
mod renewal;
mod replay;
mod resend;
mod room;
mod rules;
mod runbook;
mod slowness;
mod state;
mod time;
mod turn;
mod waiver;
mod wording;

pub use audience::{Audience, Topic};
pub use coverage::{Known, Rehearsal, lookups};
pub use customers::{customer_wording, is_still_felt};
pub use drill::{
    Called, DrillFault, DrillPlan, DrillTerms, NextDrill, Stage, StageKind, drill_failure, drill_score,
    is_down_by,
};
pub use event::{Action, Delay, Effects, Event, ExternalAlert, Recheck, Remedy};
pub use external::MOST_EXTERNAL;
pub use oncall::{Duty, OnCall, OverrideFault, Shift, Source, check_override, gaps, on_call, shifts};
pub use proof::proven_channels;
pub use quiet::quiet_until;
pub use replay::{Held, NoReplay, Replay, Replayed};
pub use runbook::{Applicable, runbooks};
pub use state::State;
pub use waiver::{WaiverGrounds, WaiverRefusal, WaiverWish, waiver_end, waiver_line};
pub use wording::short_cause;
