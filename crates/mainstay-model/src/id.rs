use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Random;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier: a UUID of version 7, so that later ones sort after earlier ones.
            pub fn new(now: Timestamp, random: &mut Random) -> Self {
                let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
                let mut bytes = [0; 10];
                bytes[..8].copy_from_slice(&random.next_u64().to_be_bytes());
                bytes[8..].copy_from_slice(&random.next_u64().to_be_bytes()[..2]);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// One incident.
    IncidentId;
    /// One message to one recipient; stable over retries.
    DeliveryId;
    /// One entry of the timeline.
    EntryId;
    /// One public update of an incident.
    UpdateId;
    /// One override of an on-call schedule, made at run time.
    OverrideId;
    /// One silence that was made at run time.
    QuietId;
    /// One waiver.
    WaiverId;
}
