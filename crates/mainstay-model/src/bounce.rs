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

impl Bounce {
    /// More bytes of a returned mail are not handed in: servers return the beginning of a mail, and ours are small.
    pub const LARGEST_MAIL: usize = 1024 * 1024;
}

/// Whether a mail that did not arrive may still do so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BounceKind {
    /// It will not: the server gave it up.
    Lost,
    /// It may: the server goes on trying.
    Delayed,
}
