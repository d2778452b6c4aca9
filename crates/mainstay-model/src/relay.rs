use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::kinds;
use crate::{DependencyName, FailureKind, Histogram, WaiverId};

/// The local verifying TLS hop in front of a dependency, as the configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Where applications connect to, at least one.
    pub listen: Vec<RelayListen>,
    /// How the leg between application and relay is protected.
    pub leg: RelayLeg,
    /// Whether applications on other machines may do without TLS.
    pub plaintext_from_network: bool,
    /// The networks that may connect; empty: every address that reaches it.
    pub allow: Vec<Network>,
    /// The users that may connect to a Unix socket, by their number; empty: everybody whom the socket's mode lets in.
    pub allow_users: Vec<u32>,
    /// So many connections at once at most, at least 1.
    pub most_connections: u32,
    /// Bound on the whole way to a verified upstream: resolving, connecting, the protocol's upgrade and the handshake.
    pub connect_within: Duration,
    /// A connection over which nothing went in either direction for so long is closed. Absent: never.
    pub idle: Option<Duration>,
    /// When a waiver ends, so long may a connection that was admitted under it take to come to the end of its transaction.
    pub drain_within: Duration,
    /// How far ahead every connection is judged as well.
    pub shadow: Duration,
}

/// Where a relay listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RelayListen {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix socket of this path.
    Unix(PathBuf),
}

/// How the leg between application and relay is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayLeg {
    /// Not at all: for a loopback address or a Unix socket.
    Plain,
    /// With TLS where the client asks for it, by a certificate of these files.
    Files {
        /// PEM of the chain.
        certificate: PathBuf,
        /// PEM of the private key.
        key: PathBuf,
    },
    /// With TLS where the client asks for it, by a certificate that the relay's own authority makes; its root is written to the
    /// data directory for clients to trust.
    OwnAuthority {
        /// Further names that clients call the relay by.
        names: Vec<String>,
    },
}

/// A range of addresses: `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// Its address; what lies beyond the prefix is not looked at.
    pub address: IpAddr,
    /// How many bits count, at most 32 or 128.
    pub prefix: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or one address.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address.parse().ok()?, Some(prefix.parse::<u8>().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let bits = if IpAddr::is_ipv4(&address) { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        (prefix <= bits).then_some(Network { address, prefix })
    }

    /// Whether the address is one of it. An IPv4 address that comes as `::ffff:a.b.c.d` is one of IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same_front(u128::from(own.to_bits()) << 96, u128::from(other.to_bits()) << 96, self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => same_front(own.to_bits(), other.to_bits(), self.prefix),
            _ => false,
        }
    }
}

/// Whether the first `bits` are the same.
fn same_front(one: u128, other: u128, bits: u8) -> bool {
    let beyond = 128 - u32::from(bits.min(128));
    (one ^ other).checked_shr(beyond).unwrap_or(0) == 0
}

/// What a relay tells of one connection that it admitted or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// When.
    pub at: Timestamp,
    /// By the relay of which dependency.
    pub dependency: DependencyName,
    /// Where the application connected from: an address, or `unix` and the user's number.
    pub client: String,
    /// The address that was connected to; absent when none was reached.
    pub address: Option<String>,
    /// How it was decided.
    pub decision: AdmissionDecision,
}

/// How a relay decided about a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdmissionDecision {
    /// Full verification succeeded.
    Verified,
    /// The certificate is expired and waived.
    Waived(WaiverId),
    /// It was not let through.
    Refused {
        /// Why, as a word.
        reason: RefusalReason,
        /// Why, as a sentence.
        message: String,
    },
}

kinds! {
    /// Why a relay let a connection not through; words of metrics and logs.
    RefusalReason {
        /// The client's address or user is not on the list.
        NotAllowed = "not-allowed",
        /// There are as many connections as there may be.
        TooMany = "too-many",
        /// The client does not speak the protocol.
        ClientProtocol = "client-protocol",
        /// The client asks for something that cannot work through a relay.
        Unsupported = "unsupported",
        /// No address of the upstream could be connected to.
        Unreachable = "unreachable",
        /// The upstream does not speak the protocol, or declines TLS.
        UpstreamProtocol = "upstream-protocol",
        /// The upstream's certificate expired, and no waiver is in force.
        Expired = "expired",
        /// A waiver is in force, but not for what the upstream shows.
        NotWaived = "not-waived",
        /// The upstream's certificate does not verify for another reason.
        Unverified = "unverified",
        /// The relay is stopping.
        Stopping = "stopping",
    }
}

/// What a relay counted since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayFigures {
    /// Connections that are open.
    pub open: u64,
    /// Connections that were admitted because full verification succeeded.
    pub verified: u64,
    /// Connections that were admitted under a waiver.
    pub waived: u64,
    /// Connections that were refused, by reason; those that never happened are left out.
    pub refused: Vec<(RefusalReason, u64)>,
    /// Bytes from applications to the server.
    pub sent: u64,
    /// Bytes from the server to applications.
    pub received: u64,
    /// News that nobody took in time.
    pub untold: u64,
    /// How long TLS handshakes with the server took.
    pub handshakes: Histogram,
}

/// A decision, and how often it was made in a row for the same application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestDecision {
    /// The last of them.
    pub admission: Admission,
    /// How many there were.
    pub times: u64,
}

/// Where a relay stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RelayReport {
    /// In front of which dependency.
    pub dependency: DependencyName,
    /// Where it listens, as it turned out.
    pub listen: Vec<String>,
    /// Why it does not run, when it does not: a sentence.
    pub trouble: Option<String>,
    /// What it counted.
    pub figures: RelayFigures,
    /// The latest decisions, newest first.
    pub latest: Vec<LatestDecision>,
    /// What would fail later, by the address that shows it.
    pub shadows: Vec<ShadowFinding>,
}

impl AdmissionDecision {
    /// Whether nobody was let in for a reason that lies with the server or the way to it.
    pub fn is_of_the_server(&self) -> bool {
        matches!(self, AdmissionDecision::Refused { reason, .. } if !reason.is_of_the_client())
    }
}

impl RefusalReason {
    /// Whether it says something of the client and nothing of the server.
    pub fn is_of_the_client(self) -> bool {
        use RefusalReason::*;
        matches!(self, NotAllowed | TooMany | ClientProtocol | Unsupported | Stopping)
    }
}

/// What would fail later, as far as the certificates of today tell: the judgement as of some days ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowFinding {
    /// Of the relay of which dependency.
    pub dependency: DependencyName,
    /// The address that shows it.
    pub address: String,
    /// What would be wrong then.
    pub kind: FailureKind,
    /// It in a sentence.
    pub message: String,
    /// As of when it was judged.
    pub as_of: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let holds = |network: &str, address: &str| {
            Network::parse(network).unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("0.0.0.0/0", "203.0.113.9") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"), "as a socket for both families reports it");
        assert_eq!(Network::parse("10.0.0.0/33"), None);
        assert_eq!(Network::parse("localhost"), None);
    }
}
