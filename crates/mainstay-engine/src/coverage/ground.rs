//! What something stands on, and falls with.

use std::fmt;
use std::net::IpAddr;

/// A domain that somebody registered, or a network that somebody announces.
///
/// This machine is no ground: what stands on it fails together with Mainstay, which then tells nobody of anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ground {
    Domain(String),
    Network { first: IpAddr, length: u8 },
}

impl Ground {
    /// Of a name, or of an address that is given in place of one.
    pub(super) fn of_host(host: &str) -> Option<Ground> {
        let host = plain(host);
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ground::of_address(address);
        }
        if host.is_empty() || host == "localhost" || host.ends_with(".localhost") {
            return None;
        }
        Some(Ground::Domain(registered(&host).to_owned()))
    }

    /// The smallest network that is announced on its own: 256 addresses, or a /48. In networks of one's own, each address stands alone.
    pub(super) fn of_address(address: IpAddr) -> Option<Ground> {
        let address = address.to_canonical();
        if address.is_loopback() || address.is_unspecified() {
            return None;
        }
        Some(match address {
            _ if is_of_ones_own(address) => {
                let length = if address.is_ipv4() { 32 } else { 128 };
                Ground::Network { first: address, length }
            }
            IpAddr::V4(v4) => {
                let first = (u32::from(v4) & (u32::MAX << 8)).to_be_bytes();
                Ground::Network { first: first.into(), length: 24 }
            }
            IpAddr::V6(v6) => {
                let first = (u128::from(v6) & (u128::MAX << 80)).to_be_bytes();
                Ground::Network { first: first.into(), length: 48 }
            }
        })
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ground::Domain(name) => f.write_str(name),
            Ground::Network { first, length } => write!(f, "{first}/{length}"),
        }
    }
}

/// In lower case, without a final dot.
pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether an address means another machine in every network: those of RFC 1918, of carriers (RFC 6598), of a link, and RFC 4193.
fn is_of_ones_own(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let carriers = u32::from(v4) >> 22 == u32::from_be_bytes([100, 64, 0, 0]) >> 22;
            v4.is_private() || v4.is_link_local() || carriers
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The part of a name that somebody registered: its last two labels, or three below a country that registers under a few of its own, such as
/// `co.uk` and `com.au`. A name of one label is one of one's own network.
pub(super) fn registered(host: &str) -> &str {
    /// What countries put below themselves to register under.
    const BELOW_COUNTRIES: [&str; 9] = ["ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"];
    let labels: Vec<&str> = host.rsplit('.').collect();
    let country = labels.first().is_some_and(|top| top.len() == 2);
    let below = labels.get(1).is_some_and(|second| BELOW_COUNTRIES.contains(second));
    let count = if country && below { 3 } else { 2 };
    let dots = host.rmatch_indices('.').nth(count - 1);
    dots.map_or(host, |(at, _)| host.get(at + 1..).unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, expected: Option<&str>) {
        assert_eq!(Ground::of_host(host).map(|ground| ground.to_string()).as_deref(), expected, "{host}");
    }

    #[test]
    fn what_hosts_stand_on() {
        check("db.eu.acme.example", Some("acme.example"));
        check("ACME.example.", Some("acme.example"));
        check("db.acme.co.uk", Some("acme.co.uk"));
        check("t.co", Some("t.co"));
        check("mail", Some("mail"));
        check("localhost", None);
        check("", None);
    }

    #[test]
    fn what_addresses_stand_on() {
        check("192.0.2.7", Some("192.0.2.0/24"));
        check("::ffff:192.0.2.7", Some("192.0.2.0/24"));
        check("2001:db8:1:2::3", Some("2001:db8:1::/48"));
        check("10.1.2.3", Some("10.1.2.3/32"));
        check("100.127.0.9", Some("100.127.0.9/32"));
        check("100.128.0.9", Some("100.128.0.0/24"));
        check("fd00::7", Some("fd00::7/128"));
        check("127.0.0.1", None);
        check("::1", None);
        check("0.0.0.0", None);
    }
}
