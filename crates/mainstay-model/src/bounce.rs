use crate::DeliveryId;

/// What a mail server said later of a mail that it had accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// Which message it was.
    pub delivery: DeliveryId,
    /// Whether it is still being tried.
    pub fate: BounceKind,
    /// What the server said, on one line.
    pub reason: String,
}

/// Whether a mail that did not arrive may still do so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BounceKind {
    /// It will not: the server gave it up.
    Lost,
    /// It may: the server goes on trying.
    Delayed,
}
