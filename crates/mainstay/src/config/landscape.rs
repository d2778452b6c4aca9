//! From what was read to what can be used.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use mainstay_model as model;

use super::problem::Level;
use super::reader::Reader;
use super::sections::{
    Component, Contact, Dependency, Heartbeat, HeartbeatOut, Mail, Provider, Receive, Root, StatusPage,
};
use super::shape::Named;
use super::{Retention, Server, advice, channels, checks, drills, on_call, relay, rules, telling, waivers};

/// Builds the landscape and the server's settings, and checks them against each other.
/// `None` means that a fault was told to the reader.
pub(super) fn build(root: Root, reader: &mut Reader<'_>) -> Option<(model::Landscape, Server)> {
    checks::errors(&root, reader);
    on_call::errors(&root, reader);
    telling::errors(&root, reader);
    drills::errors(&root, reader);
    relay::errors(&root, reader);
    waivers::errors(&root, reader);
    let faulty = reader.drafts.iter().any(|draft| draft.level == Level::Error);
    advice::each(&root, reader);
    on_call::advice(&root, reader);
    telling::advice(&root, reader);
    if faulty {
        return None;
    }
    advice::whole(&root, reader);
    let mut read = root.server?;
    let references = read.references.take()?;
    let gap_warning = model::GapWarning(read.gap_warning?);
    let proven_within = read.proven_within?;
    let server = server(read)?;
    let (people, schedules) =
        (each(root.people?, on_call::person)?, each(root.schedules?, on_call::schedule)?);
    let kinds = telling::Kinds { people: &people, schedules: &schedules };
    let routes = root.routes?.value.into_iter().map(|read| kinds.route(read)).collect::<Option<_>>()?;
    let escalations = each(root.escalations?, |_, read| kinds.escalation(read))?;
    let fallback = kinds.recipients(root.fallback?);
    let maintenance = root.maintenance?.into_iter().map(|read| telling::maintenance(read.value));
    let silences = root.silences?.into_iter().map(|read| telling::silence(read.value));
    let quiets = maintenance.chain(silences).collect::<Option<_>>()?;
    let drills = root.drills?.into_iter().map(|read| drills::drill(read.value)).collect::<Option<_>>()?;
    let landscape = model::Landscape {
        providers: each(root.providers?, provider)?,
        dependencies: each(root.dependencies?, dependency)?,
        components: each(root.components?, component)?,
        channels: each(root.channels?, channels::channel)?,
        routes,
        escalations,
        fallback,
        quiets,
        heartbeats: each(root.heartbeats?, heartbeat)?,
        proven_within: model::ProvenWithin(proven_within),
        digest_at: telling::digest_at(root.digest?)?,
        mail: match root.mail {
            Some(read) => Some(mail(read?)?),
            None => None,
        },
        status_page: status_page(root.status_page?)?,
        operator_url: server.public_url.clone(),
        references,
        people,
        schedules,
        gap_warning,
        rules: rules::build(root.rules?)?,
        receive: receive(root.receive?)?,
        drills,
        waivers: waivers::terms(root.waivers?)?,
    };
    Some((landscape, server))
}

fn each<K: Ord, T, M>(
    named: Vec<Named<K, T>>,
    convert: impl Fn(&K, T) -> Option<M>,
) -> Option<BTreeMap<K, M>> {
    let pair = |Named { name, value, .. }: Named<K, T>| {
        let converted = convert(&name, value?)?;
        Some((name, converted))
    };
    named.into_iter().map(pair).collect()
}

fn server(read: super::sections::Server) -> Option<Server> {
    let listen = read.listen?.value;
    let retention = read.retention?;
    let heartbeat = match read.heartbeat {
        Some(read) => Some(heartbeat_out(read?)?),
        None => None,
    };
    Some(Server {
        heartbeat,
        listen,
        public_url: read.public_url.unwrap_or_else(|| address_of(listen)),
        data_dir: read.data_dir?,
        database: read.database,
        retention: Retention { raw: retention.raw?, hourly: retention.hourly? },
        revocation_lists: read.revocation_lists?,
    })
}

fn heartbeat_out(read: HeartbeatOut) -> Option<super::HeartbeatOut> {
    Some(super::HeartbeatOut { url: read.url?, every: read.every?, token: read.token })
}

/// How a browser on this machine reaches a listener.
fn address_of(listen: SocketAddr) -> String {
    match listen.ip().is_unspecified() {
        true => format!("http://localhost:{}", listen.port()),
        false => format!("http://{listen}"),
    }
}

fn provider(name: &model::ProviderName, read: Provider) -> Option<model::Provider> {
    Some(model::Provider {
        title: read.name.unwrap_or_else(|| name.to_string()),
        status_page: read.status_page,
        contacts: read.contacts?,
        sla_percent: read.sla,
        review_every: read.review_every,
    })
}

fn dependency(name: &model::DependencyName, read: Dependency) -> Option<model::Dependency> {
    /// Long enough for a slow handshake over a bad line, short enough to fit the usual interval.
    const TIMEOUT: Duration = Duration::from_secs(10);
    let (tls, confirm, every) = (read.tls?, read.confirm?.value, read.every?.value);
    Some(model::Dependency {
        name: name.clone(),
        provider: read.provider.map(|provider| provider.value),
        target: read.url?.value,
        tls: model::TlsPolicy {
            mode: tls.verify?,
            ca_file: tls.ca_file.map(|file| file.value),
            server_name: tls.server_name,
            identity: relay::identity(tls.client_certificate, tls.client_key),
        },
        query: read.query.map(|query| query.value),
        every,
        timeout: read.timeout.map_or(TIMEOUT.min(every), |timeout| timeout.value),
        slow: read.slow,
        used_by: read.used_by?.into_iter().map(|name| name.value).collect(),
        criticality: read.criticality?,
        confirm: model::Confirmation {
            failures: confirm.failures?,
            of: confirm.of?,
            recoveries: confirm.recoveries?,
        },
        tags: read.tags?,
        runbook: read.runbook,
        relay: match read.relay {
            Some(read) => Some(relay::relay(read.value)?),
            None => None,
        },
        waivable: read.waivable?,
    })
}

fn heartbeat(name: &model::HeartbeatName, read: Heartbeat) -> Option<model::Heartbeat> {
    let every = read.every?;
    Some(model::Heartbeat {
        title: read.name.unwrap_or_else(|| name.to_string()),
        every,
        grace: read.grace.unwrap_or(every),
        severity: read.severity?,
        token: read.token,
    })
}

fn component(name: &model::ComponentName, read: Component) -> Option<model::Component> {
    let title = read.name.unwrap_or_else(|| name.to_string());
    Some(model::Component { title, group: read.group, description: read.description })
}

fn mail(read: Mail) -> Option<model::MailServer> {
    let smtp = read.smtp?;
    let security = match (smtp.security, &read.ca_file) {
        // Who says whom to trust wants TLS, also to this machine.
        (model::MailSecurity::Plaintext, Some(_)) => model::MailSecurity::StartTls,
        (security, _) => security,
    };
    Some(model::MailServer {
        host: smtp.host,
        port: smtp.port,
        security,
        login: smtp.login,
        from: read.from?,
        bounce_address: read.bounce_address,
        ca_file: read.ca_file.map(|file| file.value),
    })
}

fn status_page(read: StatusPage) -> Option<model::StatusPage> {
    let listen = read.listen?.value;
    Some(model::StatusPage {
        title: read.title?,
        listen,
        public_url: read.public_url.unwrap_or_else(|| address_of(listen)),
        auto_publish: read.auto_publish?,
        contacts: contacts(read.contact?),
    })
}

fn receive(read: Receive) -> Option<model::Receive> {
    Some(model::Receive {
        alertmanager_token: read.alertmanager_token,
        alertmanager_repeat: read.alertmanager_repeat?,
        bounce_token: read.bounce_token,
        relay_token: read.relay_token,
    })
}

fn contacts(read: Contact) -> Vec<(String, String)> {
    let mail = |address: String| (address.clone(), format!("mailto:{address}"));
    let call = |number: String| {
        let dialled: String = number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        (number, format!("tel:{dialled}"))
    };
    let link = |label: &'static str| move |url: String| (label.to_owned(), url);
    let contacts = [
        read.email.map(mail),
        read.phone.map(call),
        read.website.map(link("Help")),
        read.discord.map(link("Discord")),
        read.slack.map(link("Slack")),
    ];
    contacts.into_iter().flatten().collect()
}
