//! What fails together: a channel and the provider that it is to tell of.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use mainstay_model::{Channel, ChannelKind, ChannelName, Dependency, Landscape, ProviderName};

/// What each channel and each provider stands on.
pub(crate) struct Fates<'a> {
    channels: BTreeMap<&'a ChannelName, (Option<&'a ProviderName>, Option<Ground>)>,
    providers: BTreeMap<&'a ProviderName, BTreeSet<Ground>>,
    status_page: Option<Ground>,
}

/// A domain that somebody registered, or an address.
///
/// This machine is no ground: what stands on it fails together with Mainstay, which then tells nobody of anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ground(String);

impl<'a> Fates<'a> {
    pub(crate) fn of(landscape: &'a Landscape) -> Fates<'a> {
        let channels = landscape.channels.iter().map(|(name, channel)| {
            let ground = host_of(channel, landscape).and_then(ground);
            (name, (channel.provider.as_ref(), ground))
        });
        let mut providers: BTreeMap<&ProviderName, BTreeSet<Ground>> = BTreeMap::new();
        for (name, provider) in &landscape.providers {
            let page = provider.status_page.as_deref().and_then(host).and_then(ground);
            providers.entry(name).or_default().extend(page);
        }
        for dependency in landscape.dependencies.values() {
            if let Some(provider) = &dependency.provider {
                providers.entry(provider).or_default().extend(ground(&dependency.target.host));
            }
        }
        Fates {
            channels: channels.collect(),
            providers,
            status_page: host(&landscape.status_page.public_url).and_then(ground),
        }
    }

    /// The channels that fail when this dependency does.
    pub(crate) fn shared_with(&self, dependency: &Dependency) -> BTreeSet<ChannelName> {
        let shares = |(declared, ground): &(Option<&ProviderName>, Option<Ground>)| {
            declared.is_some() && *declared == dependency.provider.as_ref()
                || ground.as_ref().is_some_and(|ground| self.stands_on(dependency, ground))
        };
        let shared = self.channels.iter().filter(|(_, stands)| shares(stands));
        shared.map(|(name, _)| (*name).clone()).collect()
    }

    /// Whether the status page fails when this third party's dependency does.
    pub(crate) fn takes_the_status_page(&self, dependency: &Dependency) -> bool {
        dependency.provider.is_some()
            && self.status_page.as_ref().is_some_and(|ground| self.stands_on(dependency, ground))
    }

    fn stands_on(&self, dependency: &Dependency, ground: &Ground) -> bool {
        let provider = dependency.provider.as_ref().and_then(|name| self.providers.get(name));
        self::ground(&dependency.target.host).as_ref() == Some(ground)
            || provider.is_some_and(|all| all.contains(ground))
    }
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

fn ground(host: &str) -> Option<Ground> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if let Ok(ip) = host.parse::<IpAddr>() {
        return (!ip.to_canonical().is_loopback()).then(|| Ground(ip.to_canonical().to_string()));
    }
    if host.is_empty() || host == "localhost" || host.ends_with(".localhost") {
        return None;
    }
    Some(Ground(registered(&host).to_owned()))
}

/// The part of a name that somebody registered: its last two labels, or three below a country that registers under a few of its own, such as
/// `co.uk` and `com.au`. A name of one label is one of one's own network.
fn registered(host: &str) -> &str {
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
        assert_eq!(ground(host).map(|ground| ground.0).as_deref(), expected, "{host}");
    }

    #[test]
    fn what_hosts_stand_on() {
        check("db.eu.acme.example", Some("acme.example"));
        check("ACME.example.", Some("acme.example"));
        check("db.acme.co.uk", Some("acme.co.uk"));
        check("t.co", Some("t.co"));
        check("mail", Some("mail"));
        check("192.0.2.7", Some("192.0.2.7"));
        check("::ffff:192.0.2.7", Some("192.0.2.7"));
        check("127.0.0.1", None);
        check("::1", None);
        check("localhost", None);
        check("", None);
    }

    #[test]
    fn hosts_of_urls() {
        assert_eq!(host("https://user:hush@hooks.acme.example:8443/x?y#z"), Some("hooks.acme.example"));
        assert_eq!(host("http://[2001:db8::1]:80/"), Some("2001:db8::1"));
        assert_eq!(host("https://acme.example"), Some("acme.example"));
        assert_eq!(host("no url"), None);
    }
}
