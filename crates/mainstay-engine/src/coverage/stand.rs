//! How many things something stands on at once, and which of them it can lose.

use std::collections::BTreeSet;
use std::net::IpAddr;

use mainstay_model::{Lookup, Resolved};

use super::ground::{Ground, plain, registered};

/// What something stands on.
#[derive(Debug)]
pub(super) enum Stand {
    /// It falls with this, for a reason that reads on after a colon.
    On(Ground, String),
    /// It falls with any of these.
    Any(Vec<Stand>),
    /// It falls only with all of these; with none of them, never.
    All(Vec<Stand>),
}

impl Stand {
    /// Why it falls where this is lost; `None` when it does not.
    pub(super) fn falls(&self, lost: &dyn Fn(&Ground) -> bool) -> Option<&str> {
        match self {
            Stand::On(ground, why) => lost(ground).then_some(why),
            Stand::Any(all) => all.iter().find_map(|one| one.falls(lost)),
            Stand::All(all) => {
                let (first, others) = all.split_first()?;
                let why = first.falls(lost)?;
                others.iter().all(|one| one.falls(lost).is_some()).then_some(why)
            }
        }
    }
}

/// What is known of names, beside how they are spelt.
#[derive(Clone, Copy)]
pub(super) struct Footing<'a> {
    resolved: Option<&'a Resolved>,
}

impl<'a> Footing<'a> {
    pub(super) fn new(resolved: Option<&'a Resolved>) -> Footing<'a> {
        Footing { resolved }
    }

    /// What a server stands on: its domain and its name servers, and where it is undeclared whose it is, what its name leads to.
    pub(super) fn server(self, host: &str, undeclared: bool) -> Stand {
        let host = plain(host);
        let counts = |ground: &Ground| undeclared || matches!(ground, Ground::Domain(_));
        let spelt = Ground::of_host(&host).filter(counts).map(|ground| {
            let all = ground.to_string();
            let why = if all == host { format!("it is at {host}") } else { format!("{host} is at {all}") };
            Stand::On(ground, why)
        });
        let mut all: Vec<Stand> = spelt.into_iter().collect();
        all.extend(self.led_to(&host, undeclared));
        all.push(self.name_servers(registered(&host)));
        Stand::Any(all)
    }

    /// What somebody's mail stands on: the hosts that take the domain's mail, and the name servers. The domain alone says nothing of where
    /// they are.
    pub(super) fn mailbox(self, address: &str, undeclared: bool) -> Option<Stand> {
        let domain = domain_of(address)?;
        let exchangers = self.found(Lookup::Mail(domain.clone())).map(|host| {
            let taken = Ground::of_host(host)
                .map(|ground| Stand::On(ground, format!("the mail of {domain} goes to {host}")));
            Stand::Any(taken.into_iter().chain(self.led_to(host, undeclared)).collect())
        });
        Some(Stand::Any(vec![Stand::All(exchangers.collect()), self.name_servers(registered(&domain))]))
    }

    /// What else a host is at, when its name is resolved. Where it is written down whose it is, that says more: names of large clouds lead
    /// into the same domain, however far apart their customers are.
    fn led_to(self, host: &str, undeclared: bool) -> Vec<Stand> {
        if !undeclared {
            return Vec::new();
        }
        let alias = |name: &String| {
            let ground = Ground::of_host(name)?;
            Some(Stand::On(ground, format!("{host} is an alias of {name}")))
        };
        let mut all: Vec<Stand> = self.found(Lookup::Host(host.to_owned())).filter_map(alias).collect();
        // Named is the network: which of its addresses are answered changes by the minute with some names.
        let on = |ground: Ground| {
            let why = format!("{host} is in the network {ground}");
            Stand::On(ground, why)
        };
        // One that is no ground, such as this machine, stays.
        let stays = || Stand::All(Vec::new());
        let each = self.addresses(host).map(|address| Ground::of_address(address).map_or_else(stays, on));
        all.push(Stand::All(each.collect()));
        all
    }

    fn name_servers(self, domain: &str) -> Stand {
        let each = self.found(Lookup::NameServers(domain.to_owned())).filter_map(|host| {
            let ground = Ground::of_host(host)?;
            Some(Stand::On(ground, format!("{host} answers for {domain}")))
        });
        Stand::All(each.collect())
    }

    /// All grounds of a dependency's host. Where its name is an alias of something at somebody else's, it is there and not where the name is.
    pub(super) fn grounds(self, host: &str) -> BTreeSet<Ground> {
        let host = plain(host);
        let aliases: BTreeSet<Ground> =
            self.found(Lookup::Host(host.clone())).filter_map(|name| Ground::of_host(name)).collect();
        let spelt = Ground::of_host(&host).filter(|ground| aliases.is_empty() || aliases.contains(ground));
        let addresses = self.addresses(&host).filter_map(Ground::of_address);
        spelt.into_iter().chain(addresses).chain(aliases.iter().cloned()).collect()
    }

    fn found(self, lookup: Lookup) -> impl Iterator<Item = &'a String> {
        self.resolved.and_then(|all| all.get(&lookup)).into_iter().flat_map(|found| &found.names)
    }

    fn addresses(self, host: &str) -> impl Iterator<Item = IpAddr> {
        let found = self.resolved.and_then(|all| all.get(&Lookup::Host(host.to_owned())));
        found.into_iter().flat_map(|found| found.addresses.iter().copied())
    }
}

/// The domain of a mail address, with or without a name before it.
pub(super) fn domain_of(address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    let domain = plain(domain.trim_end().trim_end_matches('>'));
    (!domain.is_empty()).then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(name: &str) -> Stand {
        Stand::On(Ground::Domain(name.into()), format!("it is at {name}"))
    }

    #[test]
    fn one_of_several_is_enough_to_stand() {
        let lost = |ground: &Ground| ground.to_string() == "a";
        assert_eq!(Stand::Any(vec![on("b"), on("a")]).falls(&lost), Some("it is at a"));
        assert_eq!(Stand::All(vec![on("a"), on("b")]).falls(&lost), None);
        assert_eq!(Stand::All(vec![on("a"), on("a")]).falls(&lost), Some("it is at a"));
        assert_eq!(Stand::All(vec![]).falls(&lost), None);
        assert_eq!(Stand::Any(vec![]).falls(&lost), None);
    }

    #[test]
    fn domains_of_mail_addresses() {
        assert_eq!(domain_of("Ops <ops@Example.org>").as_deref(), Some("example.org"));
        assert_eq!(domain_of("ops@example.org").as_deref(), Some("example.org"));
        assert_eq!(domain_of("ops"), None);
    }
}
