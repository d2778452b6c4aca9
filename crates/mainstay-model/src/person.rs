use jiff::tz::TimeZone;

use crate::ChannelName;

/// Somebody who can be called.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// For people.
    pub title: String,
    /// By what means the person is told, the preferred one first.
    pub channels: Vec<ChannelName>,
    /// Where the person lives. Absent: where the clock is that of the schedule.
    pub timezone: Option<TimeZone>,
}
