//! What runs while Mainstay serves. Each task is poked or timed, re-reads what it needs, and may run twice without harm.

pub(crate) mod alarm;
#[cfg(test)]
mod crashes;
pub(crate) mod deliver;
pub(crate) mod elsewhere;
pub(crate) mod heartbeat;
pub(crate) mod names;
pub(crate) mod prove;
pub(crate) mod publish;
pub(crate) mod record;
pub(crate) mod references;
pub(crate) mod relays;
pub(crate) mod reload;
pub(crate) mod restore;
pub(crate) mod revocations;
#[cfg(test)]
mod scene;
pub(crate) mod schedule;
pub(crate) mod tidy;
