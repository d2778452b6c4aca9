use jiff::Timestamp;
use mainstay_model::{Certificate, DependencyName, Fingerprint};
use serde::{Deserialize, Serialize};

use super::Record;
use crate::StoreError;

/// One place in the chain that an address presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) position: u32,
    pub(crate) sha256: Fingerprint,
    pub(crate) sent: bool,
    pub(crate) in_path: bool,
    /// Since when this certificate stands in this place, in microseconds.
    #[serde(default)]
    pub(crate) since: i64,
}

impl Link {
    pub(crate) fn to(certificate: &Certificate, since: Timestamp) -> Link {
        Link {
            position: certificate.position,
            sha256: certificate.sha256,
            sent: certificate.sent,
            in_path: certificate.in_path,
            since: since.as_microsecond(),
        }
    }

    /// The certificate in this place: its facts are stored once for all places.
    pub(crate) fn placed(&self, certificate: &Certificate) -> Certificate {
        Certificate { position: self.position, sent: self.sent, in_path: self.in_path, ..certificate.clone() }
    }
}

/// An address and the chain it presented last.
pub(crate) struct Duty {
    pub(crate) dependency: DependencyName,
    pub(crate) address: String,
    pub(crate) links: Vec<Link>,
    pub(crate) last_seen: Timestamp,
}

impl TryFrom<Record> for Duty {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Duty, StoreError> {
        let observed = record.maybe_time("observed_at")?;
        Ok(Duty {
            dependency: record.parsed("dependency")?,
            address: record.text("address")?,
            links: record.maybe_json("links")?.unwrap_or_default(),
            last_seen: observed.map_or_else(|| record.time("last_seen"), Ok)?,
        })
    }
}
