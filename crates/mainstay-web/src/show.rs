//! The small things that every page shows in the same way: states, times, numbers.

mod list;
mod local;
mod number;
mod sign;
mod when;

pub(crate) use list::listed;
pub(crate) use local::Local;
pub(crate) use number::{bytes, grouped, millis, percent_of, plural};
pub(crate) use sign::Sign;
pub(crate) use when::{When, clock_time, utc};
