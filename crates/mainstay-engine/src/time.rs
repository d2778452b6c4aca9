use jiff::{SignedDuration, Timestamp};

/// A moment later; the end of time where there is no such moment.
pub(crate) fn later(at: Timestamp, length: SignedDuration) -> Timestamp {
    at.saturating_add(length).unwrap_or(at)
}

/// A moment earlier; the beginning of time where there is no such moment.
pub(crate) fn earlier(at: Timestamp, length: SignedDuration) -> Timestamp {
    at.saturating_sub(length).unwrap_or(at)
}

/// How long ago something was, in the signed lengths of which everything here is made.
pub(crate) fn since(at: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(at)
}

/// A configured length, cut to what can be counted with.
pub(crate) fn signed(length: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
}

/// A moment for people, to the minute, in UTC.
pub(crate) fn clock(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
