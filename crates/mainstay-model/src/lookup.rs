//! What names lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// One question to the DNS, about a name in lower case and without a final dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// What a host is an alias of, and its addresses.
    Host(String),
    /// Which hosts take a domain's mail.
    Mail(String),
    /// Which hosts answer for a domain.
    NameServers(String),
}

impl Lookup {
    /// The name that is asked about.
    pub fn name(&self) -> &str {
        match self {
            Lookup::Host(name) | Lookup::Mail(name) | Lookup::NameServers(name) => name,
        }
    }
}

/// What was answered; nothing, where the name does not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookedUp {
    /// The names that it led to, in lower case and without a final dot.
    pub names: BTreeSet<String>,
    /// The addresses, of a host.
    pub addresses: BTreeSet<IpAddr>,
}

/// The answers to many questions. One that is missing was not answered.
pub type Resolved = BTreeMap<Lookup, LookedUp>;
