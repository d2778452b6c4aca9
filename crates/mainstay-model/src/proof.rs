use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ChannelName, HeartbeatName};

/// What is remembered of a channel, so that one that stopped working is noticed before it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRecord {
    /// Which channel.
    pub name: ChannelName,
    /// What it looked like; what was proven of another address says nothing of this one.
    pub fingerprint: u64,
    /// Since when it is configured so.
    pub known_since: Timestamp,
    /// When it last took a message or a quiet trial.
    pub proven_at: Option<Timestamp>,
    /// When it was last tried for no other reason than to know.
    pub tried_at: Option<Timestamp>,
}

/// What is remembered of a sign of life that somebody else sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatRecord {
    /// Which one.
    pub name: HeartbeatName,
    /// Since when it is expected.
    pub known_since: Timestamp,
    /// When it came last.
    pub last_at: Option<Timestamp>,
}
