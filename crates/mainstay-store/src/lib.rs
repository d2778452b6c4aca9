//! What Mainstay keeps: the only crate that names the database. SQLite and PostgreSQL from one SQL text.
//!
//! [`Store::commit`] writes what the engine decided in one transaction; everything else reads, or tidies up.
//! Times are kept in whole microseconds, everything with a changing shape as JSON.

mod archive;
mod audit;
mod backup;
mod coverage;
mod database;
mod error;
mod location;
mod peek;
mod read;
mod reading;
mod record;
mod retention;
mod roll_up;
mod secret;
mod sql;
mod store;
mod write;

pub use archive::{Archive, Past};
pub use audit::{AuditBreak, AuditWalk};
pub use error::{Source, StoreError};
pub use location::Location;
pub use reading::{
    Beside, CertificateOnDuty, CheckPoint, Claimant, CoveragePoint, DeliveryCounts, DeliveryFilter,
    IncidentFilter, MOST_ROWS, ObservedPoint, Queue, Restored, RollUp, Standing, TimelineFilter,
};
pub use retention::Retention;
pub use store::Store;
