//! What fails together: a channel and the provider that it is to tell of.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use mainstay_model::{
    Channel, ChannelKind, ChannelName, Dependency, Landscape, Lookup, ProviderName, Resolved,
};

use super::ground::{Ground, plain, registered};
use super::stand::{Footing, Stand, domain_of};

/// What each channel and each provider stands on.
pub(crate) struct Fates<'a> {
    footing: Footing<'a>,
    channels: BTreeMap<&'a ChannelName, (Option<&'a ProviderName>, Stand)>,
    providers: BTreeMap<&'a ProviderName, BTreeSet<Ground>>,
    status_page: Option<Stand>,
}

impl<'a> Fates<'a> {
    pub(crate) fn of(landscape: &'a Landscape, resolved: Option<&'a Resolved>) -> Fates<'a> {
        let footing = Footing::new(resolved);
        let channels = landscape
            .channels
            .iter()
            .map(|(name, channel)| (name, (channel.provider.as_ref(), stand(channel, landscape, footing))));
        let mut providers: BTreeMap<&ProviderName, BTreeSet<Ground>> = BTreeMap::new();
        for (name, provider) in &landscape.providers {
            let page = provider.status_page.as_deref().and_then(host).and_then(Ground::of_host);
            providers.entry(name).or_default().extend(page);
        }
        for dependency in landscape.dependencies.values() {
            if let Some(provider) = &dependency.provider {
                providers.entry(provider).or_default().extend(footing.grounds(&dependency.target.host));
            }
        }
        let page = host(&landscape.status_page.public_url);
        Fates {
            footing,
            channels: channels.collect(),
            providers,
            status_page: page.map(|host| footing.server(host, true)),
        }
    }

    /// The channels that fail when this dependency does, and why: words that go on after a colon.
    pub(crate) fn shared_with(&self, dependency: &Dependency) -> BTreeMap<ChannelName, String> {
        let lost = self.lost_with(dependency);
        let shared = self.channels.iter().filter_map(|(name, (declared, stand))| {
            let declared = declared.filter(|one| Some(*one) == dependency.provider.as_ref());
            let declared = declared.map(|provider| format!("its provider is {provider}"));
            let why = declared.or_else(|| stand.falls(&lost).map(str::to_owned))?;
            Some(((*name).clone(), why))
        });
        shared.collect()
    }

    /// Why the status page fails when this third party's dependency does; `None` when it does not.
    pub(crate) fn takes_the_status_page(&self, dependency: &Dependency) -> Option<&str> {
        dependency.provider.as_ref()?;
        self.status_page.as_ref()?.falls(&self.lost_with(dependency))
    }

    /// Whether a ground is lost when this dependency is.
    fn lost_with(&self, dependency: &Dependency) -> impl Fn(&Ground) -> bool {
        let own = self.footing.grounds(&dependency.target.host);
        let provider = dependency.provider.as_ref().and_then(|name| self.providers.get(name));
        move |ground| own.contains(ground) || provider.is_some_and(|all| all.contains(ground))
    }
}

/// What has to be asked to know what channels, the status page and dependencies stand on, most important first; nothing is among it
/// that is answered already. Some answers lead to further questions.
pub fn lookups(landscape: &Landscape, answered: &Resolved) -> Vec<Lookup> {
    let mut all = of_telling(landscape, answered);
    all.extend(landscape.dependencies.values().filter_map(|one| host_lookup(&one.target.host)));
    let mut seen = BTreeSet::new();
    all.retain(|lookup| !answered.contains_key(lookup) && seen.insert(lookup.clone()));
    all
}

/// What was asked of channels and the status page, and is not known.
pub(super) fn unanswered(landscape: &Landscape, answered: &Resolved) -> BTreeSet<String> {
    let missing = of_telling(landscape, answered).into_iter().filter(|lookup| !answered.contains_key(lookup));
    missing.map(|lookup| lookup.name().to_owned()).collect()
}

fn of_telling(landscape: &Landscape, answered: &Resolved) -> Vec<Lookup> {
    let mut all = Vec::new();
    let hosts = landscape.channels.values().filter_map(|channel| host_of(channel, landscape));
    for host in hosts.chain(host(&landscape.status_page.public_url)) {
        all.extend(host_lookup(host));
        all.extend(zone_lookup(host));
    }
    let mailboxes = landscape.channels.values().flat_map(recipients);
    for domain in mailboxes.filter_map(|address| domain_of(address)).filter(|domain| is_name(domain)) {
        let mail = Lookup::Mail(domain.clone());
        let exchangers = answered.get(&mail).into_iter().flat_map(|found| &found.names);
        all.extend(exchangers.filter_map(|host| host_lookup(host)));
        all.extend(zone_lookup(&domain));
        all.push(mail);
    }
    all
}

fn host_lookup(host: &str) -> Option<Lookup> {
    is_name(host).then(|| Lookup::Host(plain(host)))
}

fn zone_lookup(host: &str) -> Option<Lookup> {
    let host = plain(host);
    (is_name(&host) && host.contains('.')).then(|| Lookup::NameServers(registered(&host).to_owned()))
}

fn is_name(host: &str) -> bool {
    host.parse::<IpAddr>().is_err() && Ground::of_host(host).is_some()
}

fn recipients(channel: &Channel) -> &[String] {
    match &channel.kind {
        ChannelKind::Email { to } => to,
        _ => &[],
    }
}

fn stand(channel: &Channel, landscape: &Landscape, footing: Footing<'_>) -> Stand {
    let undeclared = channel.provider.is_none();
    let server = host_of(channel, landscape).map(|host| footing.server(host, undeclared));
    let mailboxes: Option<Vec<Stand>> =
        recipients(channel).iter().map(|address| footing.mailbox(address, undeclared)).collect();
    Stand::Any(server.into_iter().chain(mailboxes.map(Stand::All)).collect())
}

fn host_of<'a>(channel: &'a Channel, landscape: &'a Landscape) -> Option<&'a str> {
    match &channel.kind {
        ChannelKind::Email { .. } => landscape.mail.as_ref().map(|mail| mail.host.as_str()),
        ChannelKind::Discord { url }
        | ChannelKind::Slack { url }
        | ChannelKind::Teams { url }
        | ChannelKind::Webhook { url, .. } => host(url.expose()),
        ChannelKind::Alertmanager(server) => host(server.url.expose()),
        ChannelKind::Ntfy(topic) => host(topic.url.expose()),
        ChannelKind::Http(request) => host(request.url.expose()),
        ChannelKind::Telegram(chat) => api(chat.api_url.as_deref(), "api.telegram.org"),
        ChannelKind::PagerDuty(service) => api(service.api_url.as_deref(), "events.pagerduty.com"),
        ChannelKind::SlackBot(bot) => api(bot.api_url.as_deref(), "slack.com"),
        ChannelKind::TwilioSms(phone) | ChannelKind::TwilioCall(phone) => {
            api(phone.api_url.as_deref(), "api.twilio.com")
        }
        // What a program reaches, only its author knows.
        ChannelKind::Program(_) => None,
    }
}

/// The host of a service with an address of its own, or the one where everybody finds it.
fn api<'a>(url: Option<&'a str>, usual: &'a str) -> Option<&'a str> {
    url.map_or(Some(usual), host)
}

/// The host of a URL.
fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => host.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use mainstay_model::{LookedUp, Secret, Target};

    use super::*;

    /// A webhook there, and whoever takes the mail of example.org, told of a database of the provider acme.
    fn landscape(hook: &str) -> Landscape {
        let mut landscape = Landscape::default();
        let url = Secret::new(format!("https://{hook}/x"));
        let hook = ChannelKind::Webhook { url, secret: None };
        landscape.channels.insert("hook".parse().unwrap(), Channel { kind: hook, provider: None });
        let mail = ChannelKind::Email { to: vec!["a@example.org".into(), "b@example.net".into()] };
        landscape.channels.insert("mail".parse().unwrap(), Channel { kind: mail, provider: None });
        let target = Target::parse("postgres://u:p@db.acme.example/x").unwrap();
        let mut database = Dependency::new("db".parse().unwrap(), target);
        database.provider = Some("acme".parse().unwrap());
        landscape.dependencies.insert(database.name.clone(), database);
        landscape
    }

    type Answer<'a> = (Lookup, &'a [&'a str]);

    fn resolved(answers: &[Answer<'_>]) -> Resolved {
        let found = |all: &[&str]| {
            let (addresses, names): (Vec<&str>, Vec<&str>) =
                all.iter().partition(|one| one.parse::<IpAddr>().is_ok());
            LookedUp {
                names: names.into_iter().map(str::to_owned).collect(),
                addresses: addresses.iter().map(|one| one.parse().unwrap()).collect(),
            }
        };
        answers.iter().map(|(lookup, all)| (lookup.clone(), found(all))).collect()
    }

    fn host_is<'a>(name: &str, all: &'a [&'a str]) -> Answer<'a> {
        (Lookup::Host(name.into()), all)
    }

    fn mail_of<'a>(name: &str, all: &'a [&'a str]) -> Answer<'a> {
        (Lookup::Mail(name.into()), all)
    }

    fn zone_of<'a>(name: &str, all: &'a [&'a str]) -> Answer<'a> {
        (Lookup::NameServers(name.into()), all)
    }

    #[track_caller]
    fn check_of(landscape: &Landscape, answers: &[Answer<'_>], expected: &[(&str, &str)]) {
        let resolved = resolved(answers);
        let fates = Fates::of(landscape, Some(&resolved));
        let shared = fates.shared_with(&landscape.dependencies["db"]);
        let shared: Vec<_> = shared.iter().map(|(name, why)| (name.as_str(), why.as_str())).collect();
        assert_eq!(shared, expected);
    }

    #[track_caller]
    fn check(answers: &[Answer<'_>], expected: &[(&str, &str)]) {
        check_of(&landscape("hooks.chat.example"), answers, expected);
    }

    #[test]
    fn a_host_is_where_its_name_leads() {
        check(&[], &[]);
        check(&[host_is("hooks.chat.example", &["edge.cdn.example"])], &[]);
        check(
            &[host_is("hooks.chat.example", &["eu.acme.example"])],
            &[("hook", "hooks.chat.example is an alias of eu.acme.example")],
        );
        check(
            &[
                host_is("hooks.chat.example", &["edge.cdn.example"]),
                host_is("db.acme.example", &["x.cdn.example"]),
            ],
            &[("hook", "hooks.chat.example is an alias of edge.cdn.example")],
        );
        check_of(&landscape("hooks.acme.example"), &[], &[("hook", "hooks.acme.example is at acme.example")]);
    }

    #[test]
    fn a_host_falls_with_all_of_its_addresses() {
        let database = host_is("db.acme.example", &["192.0.2.7"]);
        fn hook<'a>(all: &'a [&'a str]) -> Answer<'a> {
            host_is("hooks.chat.example", all)
        }
        let said = ("hook", "hooks.chat.example is in the network 192.0.2.0/24");
        check(&[database.clone(), hook(&["192.0.2.200", "192.0.2.201"])], &[said]);
        check(&[database.clone(), hook(&["192.0.2.200", "198.51.100.1"])], &[]);
        check(&[database.clone(), hook(&["192.0.2.200", "127.0.0.1"])], &[]);
        check(&[host_is("db.acme.example", &["10.0.0.7"]), hook(&["10.0.0.8"])], &[]);
        check(
            &[host_is("db.acme.example", &["10.0.0.7"]), hook(&["10.0.0.7"])],
            &[("hook", "hooks.chat.example is in the network 10.0.0.7/32")],
        );
        let mut declared = landscape("hooks.chat.example");
        declared.channels.get_mut("hook").unwrap().provider = Some("chat".parse().unwrap());
        check_of(&declared, &[database, hook(&["192.0.2.200", "eu.acme.example"])], &[]);
    }

    #[test]
    fn a_zone_falls_with_all_of_its_name_servers() {
        fn zone<'a>(all: &'a [&'a str]) -> Answer<'a> {
            zone_of("chat.example", all)
        }
        check(
            &[zone(&["ns1.acme.example", "ns2.acme.example"])],
            &[("hook", "ns1.acme.example answers for chat.example")],
        );
        check(&[zone(&["ns1.acme.example", "ns2.other.example"])], &[]);
    }

    #[test]
    fn mail_falls_when_nobody_gets_it() {
        fn org<'a>(all: &'a [&'a str]) -> Answer<'a> {
            mail_of("example.org", all)
        }
        let net = mail_of("example.net", &["mx.acme.example"]);
        let said = ("mail", "the mail of example.org goes to mx1.acme.example");
        check(&[org(&["mx1.acme.example"]), net.clone()], &[said]);
        check(&[org(&["mx1.acme.example"])], &[]);
        check(&[org(&["mx1.acme.example", "mx.other.example"]), net.clone()], &[]);
        check(
            &[org(&["mx.other.example"]), host_is("mx.other.example", &["in.acme.example"]), net.clone()],
            &[("mail", "mx.other.example is an alias of in.acme.example")],
        );
        check(
            &[zone_of("example.org", &["ns.acme.example"]), net],
            &[("mail", "ns.acme.example answers for example.org")],
        );
    }

    /// A provider's database under a name of one's own does not make one's own domain the provider's.
    #[test]
    fn a_name_of_ones_own_for_something_of_the_providers_is_where_it_leads() {
        let mut landscape = landscape("hooks.example.org");
        let target = Target::parse("postgres://u:p@db.example.org/x").unwrap();
        landscape.dependencies.get_mut("db").unwrap().target = target;
        check_of(&landscape, &[], &[("hook", "hooks.example.org is at example.org")]);
        check_of(&landscape, &[host_is("db.example.org", &["eu1.acme.example"])], &[]);
    }

    #[test]
    fn hosts_of_urls() {
        assert_eq!(host("https://user:hush@hooks.acme.example:8443/x?y#z"), Some("hooks.acme.example"));
        assert_eq!(host("http://[2001:db8::1]:80/"), Some("2001:db8::1"));
        assert_eq!(host("https://acme.example"), Some("acme.example"));
        assert_eq!(host("no url"), None);
    }
}
