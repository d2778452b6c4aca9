use std::sync::Arc;

use crate::cancel::CancelKeys;
use crate::meter::Meter;
use crate::places::Places;

/// What a relay hands on to the next in its place. Connections that the one before made go on: their statements are cancelled through
/// the next, they have their places among its own, and what was counted goes on being counted.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    pub(crate) cancel_keys: CancelKeys,
    pub(crate) places: Places,
    pub(crate) meter: Arc<Meter>,
}
