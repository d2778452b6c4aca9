//! The store as its users see it, on both engines.

#[path = "store/archive.rs"]
mod archive;
#[path = "store/audit.rs"]
mod audit;
#[path = "store/backup.rs"]
mod backup;
#[path = "store/claims.rs"]
mod claims;
#[path = "store/corrupt.rs"]
mod corrupt;
#[path = "store/coverage.rs"]
mod coverage;
#[path = "store/history.rs"]
mod history;
#[path = "store/home.rs"]
mod home;
#[path = "store/limits.rs"]
mod limits;
#[path = "store/opening.rs"]
mod opening;
#[path = "store/outbox.rs"]
mod outbox;
#[path = "store/retention.rs"]
mod retention;
#[path = "store/roll_ups.rs"]
mod roll_ups;
#[path = "store/round_trip.rs"]
mod round_trip;
#[path = "store/sample.rs"]
mod sample;
#[path = "store/secret.rs"]
mod secret;
#[path = "store/speed.rs"]
mod speed;
