use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use mainstay_model::{
    Blame, Failure, FailureKind, Finding, FindingKind, LookedUp, Lookup, Observation, Phase, Severity,
    Verdict,
};

use tokio::time::Instant;

use crate::reread::Reread;

/// More addresses than this behind one name are not checked one by one.
const MOST_ADDRESSES: usize = 16;
/// One question to one resolver; asked twice, two resolvers at a time.
const QUESTION: Duration = Duration::from_secs(2);

/// Finds every address of a name, as the applications of this machine would.
pub(crate) struct Resolve {
    resolver: Source,
    hosts: Reread<Arc<Hosts>>,
}

enum Source {
    /// Of `/etc/resolv.conf`, read again when it changes.
    System(Reread<Option<TokioResolver>>),
    /// Those of the options.
    Given(Option<TokioResolver>),
}

/// The addresses of a name.
#[derive(Debug, PartialEq)]
pub(crate) struct Addresses {
    /// In order, at most 16.
    pub(crate) checked: Vec<IpAddr>,
    /// How many more there are.
    pub(crate) skipped: usize,
}

impl Addresses {
    fn of(mut all: Vec<IpAddr>) -> Addresses {
        // Resolvers rotate their answers; reports that differ only by that would look like change, and so would another choice
        // of those that are checked.
        all.sort();
        all.dedup();
        let skipped = all.len().saturating_sub(MOST_ADDRESSES);
        all.truncate(MOST_ADDRESSES);
        Addresses { checked: all, skipped }
    }

    /// That not all of them are checked.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let (checked, all) = (self.checked.len(), self.checked.len() + self.skipped);
        (self.skipped > 0).then(|| Finding {
            kind: FindingKind::AddressesSkipped,
            severity: Severity::Info,
            message: format!(
                "{checked} of {all} addresses were checked, which is the most that a check takes on"
            ),
        })
    }
}

/// A name without an address: what that means, and whether it is known for sure.
#[derive(Debug, PartialEq)]
pub(crate) struct Unresolved {
    pub(crate) failure: Failure,
    pub(crate) verdict: Verdict,
}

impl Resolve {
    /// Asks these name servers, or the system's when there are none.
    pub(crate) fn new(name_servers: &[SocketAddr]) -> Resolve {
        let resolver = match name_servers {
            [] => Source::System(Reread::new("/etc/resolv.conf")),
            given => Source::Given(resolver(given_config(given), ResolverOpts::default())),
        };
        Resolve { resolver, hosts: Reread::new("/etc/hosts") }
    }

    /// Every address of the host, IPv6 and IPv4, each once, at most 16. An address is its own answer.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Addresses, Unresolved> {
        if let Ok(address) = host.parse() {
            return Ok(Addresses { checked: vec![address], skipped: 0 });
        }
        // RFC 6761 section 6.4: nobody needs to be asked.
        if host.trim_end_matches('.').to_ascii_lowercase().split('.').next_back() == Some("invalid") {
            return Err(no_such_name(host));
        }
        let name = Name::from_utf8(host).map_err(|_| no_such_name(host))?;
        let mut addresses = self.in_hosts_file(&name);
        if addresses.is_empty() {
            addresses = self.ask(host).await?;
        }
        Ok(Addresses::of(addresses))
    }

    /// What a name leads to; nothing where it does not exist, and `None` when no resolver said.
    pub(crate) async fn look_up(&self, lookup: &Lookup) -> Option<LookedUp> {
        let answer = match lookup {
            Lookup::Host(host) => {
                let name = Name::from_utf8(host).ok()?;
                let addresses = self.in_hosts_file(&name);
                if !addresses.is_empty() {
                    return Some(LookedUp {
                        addresses: addresses.into_iter().collect(),
                        ..LookedUp::default()
                    });
                }
                self.resolver.current()?.lookup_ip(host.as_str()).await.map(Into::into)
            }
            Lookup::Mail(domain) => self.records(domain, RecordType::MX).await?,
            Lookup::NameServers(domain) => self.records(domain, RecordType::NS).await?,
        };
        let mut found = match answer {
            Ok(answer) => found(answer.answers()),
            Err(NetError::Dns(DnsError::NoRecordsFound(NoRecords {
                response_code: ResponseCode::NXDomain | ResponseCode::NoError,
                ..
            }))) => LookedUp::default(),
            Err(_) => return None,
        };
        match lookup {
            // RFC 5321 section 5.1: without a word of it, a domain takes its mail itself.
            Lookup::Mail(domain) if found.names.is_empty() => {
                found.names.insert(domain.clone());
            }
            // RFC 7505: the root in this place means that it takes none.
            _ => found.names.retain(|name| !name.is_empty()),
        }
        Some(found)
    }

    /// Of exactly this name, without the search list of this machine.
    async fn records(
        &self,
        domain: &str,
        kind: RecordType,
    ) -> Option<Result<hickory_resolver::lookup::Lookup, NetError>> {
        let mut name = Name::from_utf8(domain).ok()?;
        name.set_fqdn(true);
        Some(self.resolver.current()?.lookup(name, kind).await)
    }

    fn in_hosts_file(&self, name: &Name) -> Vec<IpAddr> {
        let Ok(hosts) = self.hosts.current(Instant::now(), || {
            Ok::<_, Infallible>(Arc::new(Hosts::from_system().unwrap_or_default()))
        });
        [RecordType::AAAA, RecordType::A]
            .into_iter()
            .filter_map(|kind| hosts.lookup_static_host(&Query::query(name.clone(), kind)))
            .flat_map(|lookup| {
                lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>()
            })
            .collect()
    }

    async fn ask(&self, host: &str) -> Result<Vec<IpAddr>, Unresolved> {
        let Some(resolver) = self.resolver.current() else { return Err(no_resolver(host)) };
        let answer = resolver.lookup_ip(host).await.map_err(|error| unresolved(host, &error))?;
        let addresses: Vec<IpAddr> = answer.iter().collect();
        if addresses.is_empty() { Err(no_address(host)) } else { Ok(addresses) }
    }
}

impl Source {
    fn current(&self) -> Option<TokioResolver> {
        match self {
            Source::Given(resolver) => resolver.clone(),
            Source::System(file) => {
                let Ok(resolver) = file.current(Instant::now(), || Ok::<_, Infallible>(system_resolver()));
                resolver
            }
        }
    }
}

/// The names and addresses among records.
fn found(records: &[Record]) -> LookedUp {
    let mut found = LookedUp::default();
    for record in records {
        let name = match &record.data {
            RData::CNAME(name) => &name.0,
            RData::MX(mail) => &mail.exchange,
            RData::NS(name) => &name.0,
            other => {
                found.addresses.extend(other.ip_addr());
                continue;
            }
        };
        found.names.insert(name.to_utf8().trim_end_matches('.').to_ascii_lowercase());
    }
    found
}

fn system_resolver() -> Option<TokioResolver> {
    let (config, options) = hickory_resolver::system_conf::read_system_conf().ok()?;
    resolver(config, options)
}

fn given_config(name_servers: &[SocketAddr]) -> ResolverConfig {
    let server = |address: &SocketAddr| {
        let port = |mut connection: ConnectionConfig| {
            connection.port = address.port();
            connection
        };
        NameServerConfig::new(
            address.ip(),
            true,
            vec![port(ConnectionConfig::udp()), port(ConnectionConfig::tcp())],
        )
    };
    ResolverConfig::from_parts(None, Vec::new(), name_servers.iter().map(server).collect())
}

fn resolver(config: ResolverConfig, mut options: ResolverOpts) -> Option<TokioResolver> {
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    // It is read here, so that a name of the file gets the file's addresses and no others, as in the C library.
    options.use_hosts_file = ResolveHosts::Never;
    options.timeout = QUESTION;
    options.attempts = 2;
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build().ok()
}

fn unresolved(host: &str, error: &NetError) -> Unresolved {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(NoRecords {
            response_code: ResponseCode::NXDomain, ..
        })) => no_such_name(host),
        NetError::Dns(DnsError::NoRecordsFound(NoRecords {
            response_code: ResponseCode::NoError, ..
        })) => no_address(host),
        NetError::Dns(DnsError::NoRecordsFound(NoRecords { response_code, .. }))
        | NetError::Dns(DnsError::ResponseCode(response_code)) => no_answer(host, &response_code.to_string()),
        NetError::Timeout => out_of_time(host),
        other => no_answer(host, &other.to_string()),
    }
}

fn no_such_name(host: &str) -> Unresolved {
    known(format!("the name {host} does not exist in DNS"))
}

fn no_address(host: &str) -> Unresolved {
    known(format!("the name {host} exists in DNS, but has no address"))
}

fn no_answer(host: &str, reason: &str) -> Unresolved {
    unknown(format!("no resolver of this machine could say what the address of {host} is: {reason}"))
}

fn no_resolver(host: &str) -> Unresolved {
    let mut unresolved =
        unknown(format!("the address of {host} could not be asked for: this machine has no resolver set up"));
    unresolved.failure.blame = Blame::Us;
    unresolved
}

/// No resolver answered in time.
pub(crate) fn out_of_time(host: &str) -> Unresolved {
    unknown(format!("no resolver of this machine answered in time what the address of {host} is"))
}

fn known(message: String) -> Unresolved {
    Unresolved { failure: failure(message), verdict: Verdict::Down }
}

fn unknown(message: String) -> Unresolved {
    Unresolved { failure: failure(message), verdict: Verdict::Inconclusive }
}

fn failure(message: String) -> Failure {
    Failure::new(FailureKind::NameNotResolved, Phase::Resolve, message)
}

/// Whether every one of these addresses is of this machine itself.
pub(crate) fn is_loopback(addresses: &[Observation]) -> bool {
    let loopback =
        |one: &Observation| one.address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    addresses.iter().all(loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_addresses_are_checked_however_the_answer_is_rotated() {
        let mut all: Vec<IpAddr> = (0..20).map(|last| IpAddr::from([192, 0, 2, last])).collect();
        let first = Addresses::of(all.clone());
        all.rotate_left(7);
        all.push(all[0]);
        assert_eq!(Addresses::of(all), first);
        assert_eq!((first.checked.len(), first.skipped), (16, 4));
        assert!(first.finding().unwrap().message.starts_with("16 of 20 addresses were checked"));
        assert_eq!(Addresses::of(first.checked).finding(), None);
    }
}
