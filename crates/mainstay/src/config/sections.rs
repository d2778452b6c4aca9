//! Every key of the configuration: its documentation, its shape, its default.

use mainstay_model::{
    Blame, ChannelName, ComponentName, Criticality, DependencyName, EscalationName, FailureKind,
    HeartbeatName, PersonName, ProviderName, RuleName, ScheduleName, Severity, TlsMode,
};

use super::calendar::{Day, HandOver, Hours, Moment, Recurring, Rotation, WeekdayWord, Zone};
use super::channels::Channel;
use super::expressions::{Condition, Message};
use super::relay::{Place, Range};
use super::runbook::RunbookText;
use super::shape::{At, Given, Many, Names, section};
use super::urls::{
    BaseLink, BounceAddress, DatabaseUrl, HookUrl, Link, MailUrl, Mailbox, Reference, Sender, TargetUrl,
};
use super::words::{Address, Count, FilePath, Flag, Hidden, HostName, Length, Name, Percent, Text};

section! {
    /// What Mainstay watches, whom it tells, and what it shows.
    Root {
        /// The Mainstay server itself.
        server: Server => Default("");
        /// The third parties that you rely on, by a name of your choice.
        providers: Names<ProviderName, Provider> => Default("");
        /// What you connect to and Mainstay checks, by a name of your choice.
        dependencies: Names<DependencyName, Dependency> => Default("");
        /// The parts of your own service as customers know them, by a name of your choice. The status page shows them.
        components: Names<ComponentName, Component> => Default("");
        /// The means of telling somebody, by a name of your choice.
        channels: Names<ChannelName, Channel> => Default("");
        /// Who is told of what. Every route that matches an incident is used, until one says `continue: false`.
        routes: At<Many<Route>> => Default("");
        /// The mail server that `email` channels send through.
        mail: Given<Mail> => Optional;
        /// The public status page.
        status_page: StatusPage => Default("");
        /// Who can be called, by a name of your choice.
        people: Names<PersonName, Person> => Default("");
        /// Who is on call when, by a name of your choice.
        schedules: Names<ScheduleName, Schedule> => Default("");
        /// Who is told after whom until somebody takes an incident up, by a name of your choice. Routes lead to them by `escalate`.
        escalations: Names<EscalationName, Escalation> => Default("");
        /// Who is told when nobody was reached, and when no route takes what is `high` or `page`: channels, people and schedules.
        fallback: Many<At<Name<ChannelName>>> => Default(""), "[ops-phone]";
        /// Times in which trouble is expected. Nobody is told of what begins in them, unless it lasts longer; checks and recoveries go on.
        maintenance: Many<At<Maintenance>> => Default("");
        /// What you know and do not want to be told of. Others are made on the page or by the API while Mainstay runs.
        silences: Many<At<Silence>> => Default("");
        /// Signs of life that are expected from elsewhere, by a name of your choice: from another Mainstay, or a job. They come as
        /// `POST /api/v1/heartbeats/NAME` at the operator's address.
        heartbeats: Names<HeartbeatName, Heartbeat> => Default("");
        /// When routes with `digest: true` tell what they collected.
        digest: Digest => Default("");
        /// Rules of your own, by a name of your choice, and what you change about the built-in ones, by their names.
        rules: Names<RuleName, Rule> => Default("");
        /// What is taken from other systems.
        receive: Receive => Default("");
        /// Drills that begin by themselves. Others are begun on the page, by the API or with `mainstay drill`.
        drills: Many<At<Drill>> => Default("");
        /// How an expired certificate is waived. See [waivers](../waivers.md).
        waivers: Waivers => Default("");
    }
}

section! {
    /// The Mainstay server itself: where it listens and where it keeps what it knows.
    Server {
        /// Where the operator's pages and the API listen. Keep it private; only the status page is for the public.
        listen: At<Address> => Default("127.0.0.1:8080");
        /// The address of the operator's pages as people reach them; links in messages begin with it.
        /// Default: `http://` and the address of `listen`.
        public_url: BaseLink => Optional, "https://ops.example.com";
        /// Folder for the database and everything else that is kept. A relative path begins at the folder of this file.
        data_dir: FilePath => Default("./mainstay-data");
        /// A PostgreSQL database, for several servers that share the work. Default: SQLite in `data_dir`.
        database: DatabaseUrl => Optional, "postgres://mainstay:${DATABASE_PASSWORD}@db.example.com/mainstay";
        /// Addresses that are always reachable as long as your own network is. When none of them answers, Mainstay
        /// says "we are offline" instead of blaming anybody. Choose two or three of different operators.
        references: Many<Reference> => Default(""), "[tcp://1.1.1.1:443, tcp://9.9.9.9:443]";
        /// How long measurements are kept. Incidents are kept for ever.
        retention: Retention => Default("");
        /// A sign of life that Mainstay sends as long as its whole loop moves: checks are made, written, decided on and told. Let something
        /// outside miss it: another Mainstay, or a service for dead man's switches.
        heartbeat: Given<HeartbeatOut> => Optional;
        /// How long a channel may go without taking a message or a quiet trial before that is told by the others.
        proven_within: Length<86_400_000> => Default("30d");
        /// How long before a gap in a schedule, when nobody will be on call, it is told.
        gap_warning: Length<3_600_000> => Default("7d");
        /// Whether the lists of revoked certificates are read that the certificates of your dependencies name: every six hours, over HTTP, from
        /// their authorities. What was ever seen revoked is refused by checks and relays from then on, and never waived; what is only on hold is
        /// passed over. Say `false` where this machine may not reach them.
        revocation_lists: Flag => Default("true"), "false";
    }
}

section! {
    /// How long measurements are kept; daily figures and incidents are kept for ever.
    Retention {
        /// Single checks.
        raw: Length<3_600_000> => Default("14d");
        /// Hourly figures.
        hourly: Length<86_400_000> => Default("400d");
    }
}

section! {
    /// A third party that you rely on.
    Provider {
        /// Its name for people. Default: the key.
        name: Text => Optional, "Acme Databases";
        /// Its own status page, to have it at hand in an incident.
        status_page: Link => Optional, "https://status.acme.example";
        /// Whom to ask: mail addresses or telephone numbers.
        contacts: Many<Text> => Default(""), "[support@acme.example]";
        /// The availability that it promises.
        sla: Percent => Optional, "99.95%";
        /// How often you want to review it.
        review_every: Length<86_400_000> => Optional, "90d";
    }
}

section! {
    /// One thing that you connect to.
    Dependency {
        /// Whose it is: a key of `providers`. Leave it out for something of your own.
        provider: At<Name<ProviderName>> => Optional, "acme-db";
        /// Where it is, written as the application does: `postgres://`, `mysql://`, `redis://`, `rediss://`, `https://`,
        /// `http://`, `smtp://`, `smtps://`, `tls://`, `tcp://`, or `file:` and the path of a certificate. With user and password
        /// the check logs in and asks something; a variable in their place may hold any characters.
        url: At<TargetUrl> => Required, "mysql://monitor:${ORDERS_DB_PASSWORD}@eu-west.acme.example:3306/orders";
        /// How its certificate must verify.
        tls: Tls => Default("");
        /// What is asked after log-in of PostgreSQL, MySQL or Redis. Default: the protocol's own smallest question.
        query: At<Text> => Optional, "SELECT 1";
        /// Time between checks, at least 1s.
        every: At<Length<1_000>> => Default("30s");
        /// Longest time for a whole check, at least 100ms. Default: 10s, or `every` where that is shorter.
        timeout: At<Length<100>> => Optional, "10s";
        /// A check that takes longer is told as slow. Default: judged against its own history.
        slow: Length<1> => Optional, "500ms";
        /// The components that need it: keys of `components`.
        used_by: Many<At<Name<ComponentName>>> => Default(""), "[checkout]";
        /// How much depends on it: `critical` (the service is down without it), `high`, `normal` or `low`.
        criticality: Criticality => Default("normal"), "critical";
        /// Words of your own by which routes, maintenance and silences can select it.
        tags: Many<Text> => Default(""), "[eu, payments]";
        /// When a bad check is believed.
        confirm: At<Confirm> => Default("");
        /// What to do when it breaks, in Markdown, or a link to that. It is shown on the incident's page with the values of the
        /// incident in the place of `{{dependency.name}}`, `{{dependency.host}}`, `{{dependency.port}}`, `{{provider.name}}`,
        /// `{{provider.contacts}}`, `{{provider.status_page}}`, `{{failure.kind}}`, `{{failure.message}}`, `{{components}}`,
        /// `{{incident.title}}`, `{{incident.url}}` and `{{incident.since}}`.
        runbook: RunbookText => Optional, "https://wiki.example.com/runbooks/{{dependency.name}}";
        /// A local TLS hop in front of it, to which the application connects instead. It verifies the server as a check does, and
        /// is where a waiver takes effect. See [relays](../relays.md).
        relay: At<Relay> => Optional;
        /// Whether its certificate can be waived for a while when it expires and nothing else is wrong with it.
        waivable: Flag => Default("true"), "false";
    }
}

section! {
    /// How a server's certificate must verify.
    Tls {
        /// `full`: trust, name, purpose and dates. `off`: no TLS, where the application connects without it too.
        verify: TlsMode => Default("full");
        /// PEM file with the only roots to trust, for a provider with a certificate authority of its own. Default: the
        /// roots of this system. A relative path begins at the folder of this file.
        ca_file: At<FilePath> => Optional, "acme-ca.pem";
        /// The name that the certificate must be for, where it is not the host of the URL.
        server_name: HostName => Optional, "eu-west.acme.example";
        /// PEM file with the certificate that checks and the relay show to a server that verifies and asks its clients for one, its
        /// chain behind it.
        client_certificate: At<FilePath> => Optional, "client.pem";
        /// PEM file with the private key of that.
        client_key: At<FilePath> => Optional, "client.key";
    }
}

section! {
    /// When a bad check is believed: it is repeated at once, and then `failures` of the last `of` must be bad.
    /// An expired certificate needs no confirmation.
    Confirm {
        /// How many must be bad.
        failures: Count<1, 32> => Default("2");
        /// Of how many, not fewer than `failures`.
        of: Count<1, 32> => Default("3");
        /// How many good ones in a row end it.
        recoveries: Count<1, 32> => Default("2");
    }
}

section! {
    /// A local TLS hop in front of a dependency.
    Relay {
        /// Where the application connects to: addresses and paths of Unix sockets. Without `tls` only loopback addresses and Unix
        /// sockets can stand here.
        listen: Many<At<Place>> => Required, "[127.0.0.1:13306, /run/mainstay/orders-db.sock]";
        /// TLS between the application and the relay, for clients that insist on it.
        tls: Given<RelayTls> => Optional;
        /// Whether applications on other machines may connect without TLS: everything goes over that network in the clear. Otherwise a
        /// relay without `tls` listens on this machine only, and one with it takes only TLS from others.
        plaintext_from_network: Flag => Default("false");
        /// The networks that may connect. Default: every address that reaches it.
        allow: Many<Range> => Default(""), "[10.0.0.0/8]";
        /// The users that may connect to its Unix sockets, by their numbers. Default: everybody who may enter the folder.
        allow_users: Many<Count<0, 4_294_967_294>> => Default(""), "[1000]";
        /// So many connections at once.
        most_connections: Count<1, 1_000_000> => Default("10000");
        /// The longest time for reaching the server and verifying it.
        connect_within: Length<100> => Default("10s");
        /// A connection over which nothing goes for so long is closed. Default: never.
        idle: Length<1_000> => Optional, "1h";
        /// When a waiver ends, so long may a connection that was admitted under it take to end its transaction; then it is cut.
        drain_within: Length<1_000> => Default("30s");
        /// How far ahead every connection is judged as well, so that what will fail is told in advance.
        shadow: Length<3_600_000> => Default("30d");
    }
}

section! {
    /// TLS between the application and the relay. Without the two files the relay makes its certificate itself; the application then
    /// has to trust `relay-ca.pem` in the data directory.
    RelayTls {
        /// PEM file with the certificate for the application, its chain behind it.
        certificate: At<FilePath> => Optional, "relay.pem";
        /// PEM file with the private key of that.
        key: At<FilePath> => Optional, "relay.key";
        /// By which other names and addresses the application calls the relay; `localhost` and the address of `listen` are known.
        names: Many<HostName> => Default(""), "[db.internal]";
    }
}

section! {
    /// How an expired certificate is waived: accepted for a while, although it expired.
    Waivers {
        /// How long a waiver lasts when nothing is said. Default: 4h, or `longest` where that is shorter.
        usual: At<Length<60_000>> => Optional, "4h";
        /// How long a waiver may last, at most 24h.
        longest: At<Length<60_000>> => Default("24h");
        /// Whether somebody else has to agree to what one asks for.
        second_person: Flag => Default("false"), "true";
    }
}

section! {
    /// A part of your own service as customers know it.
    Component {
        /// Its name for customers. Default: the key.
        name: Text => Optional, "Checkout";
        /// Heading under which the status page shows it.
        group: Text => Optional, "API";
        /// One line for customers.
        description: Text => Optional, "Paying for an order";
    }
}

section! {
    /// Who is told of which incidents. All conditions must hold; one with a list holds when one of the list does. Those on a
    /// dependency must hold for one and the same dependency of the incident.
    Route {
        /// One of `page`, `high`, `warn` and `info`, or a list of them. Default: every severity.
        severity: Many<Severity> => Default(""), "[page, high]";
        /// Whose dependency it is: keys of `providers`.
        provider: Many<At<Name<ProviderName>>> => Default(""), "acme-db";
        /// Which dependency it is: keys of `dependencies`.
        dependency: Many<At<Name<DependencyName>>> => Default(""), "orders-db";
        /// Which component uses it: keys of `components`.
        component: Many<At<Name<ComponentName>>> => Default(""), "checkout";
        /// How much depends on it.
        criticality: Many<Criticality> => Default(""), "[critical, high]";
        /// Tags, of which the dependency has at least one.
        tags: Many<At<Text>> => Default(""), "eu";
        /// What went wrong.
        failure: Many<FailureKind> => Default(""), "[certificate-expired, certificate-untrusted]";
        /// Who is at fault: `provider`, `path` or `us`.
        blame: Many<Blame> => Default(""), "us";
        /// The only hours of the day at which the route exists. They may go over midnight. Default: all.
        hours: Hours => Optional, "09:00-17:00";
        /// The only days on which it exists, from midnight or the beginning of `hours`. Default: all.
        days: Many<WeekdayWord> => Default(""), "[mon, tue, wed, thu, fri]";
        /// The zone of `hours` and `days`.
        timezone: Zone => Default("UTC"), "Europe/Berlin";
        /// Who is told: keys of `channels`, `people` and `schedules`. A schedule stands for whoever is on call.
        to: Many<At<Name<ChannelName>>> => Default(""), "[oncall-mail, ops-discord]";
        /// Who is told one after the other until somebody takes it up: a key of `escalations`.
        escalate: At<Name<EscalationName>> => Optional, "database-team";
        /// Whether those under `to` are told once a day, collected, instead of at once.
        digest: Flag => Default("false");
        /// Whether nobody is told. Routes after it are then not read.
        mute: At<Flag> => Default("false");
        /// Whether routes after it are read too, also those after the route that it stands in.
        r#continue: Flag => Default("true");
        /// Finer routes, read in the same way for what takes this one.
        routes: Many<Route> => Default("");
    }
}

section! {
    /// Who is told after whom, until somebody takes an incident up. When nobody does, or no message arrives, the `fallback` is told.
    Escalation {
        /// One after the other.
        steps: At<Many<Step>> => Required, "[{ to: platform, wait: 10m }, { to: [platform-second, ben], wait: 10m }]";
        /// How often the steps are gone through again.
        repeat: Count<0, 100> => Default("0");
        /// The only hours at which steps are taken; what is due outside of them waits. Default: all.
        hours: Hours => Optional, "09:00-17:00";
        /// The only days on which steps are taken. Default: all.
        days: Many<WeekdayWord> => Default(""), "[mon, tue, wed, thu, fri]";
        /// The zone of `hours` and `days`.
        timezone: Zone => Default("UTC"), "Europe/Berlin";
    }
}

section! {
    /// One step of an escalation.
    Step {
        /// Who is told: keys of `channels`, `people` and `schedules`. A schedule stands for whoever is on call then.
        to: At<Many<At<Name<ChannelName>>>> => Required, "[platform, ops-discord]";
        /// How long they have to take it up before the next step. When none of their messages arrives, the next step follows at once.
        wait: Length<1_000> => Default("10m");
    }
}

section! {
    /// What maintenance or a silence is about. All conditions must hold; without any, it is about every dependency.
    Selection {
        /// One of `page`, `high`, `warn` and `info`, or a list of them.
        severity: Many<Severity> => Default(""), "[warn, info]";
        /// Whose dependency it is: keys of `providers`.
        provider: Many<At<Name<ProviderName>>> => Default(""), "acme-db";
        /// Which dependency it is: keys of `dependencies`.
        dependency: Many<At<Name<DependencyName>>> => Default(""), "orders-db";
        /// Which component uses it: keys of `components`.
        component: Many<At<Name<ComponentName>>> => Default(""), "checkout";
        /// How much depends on it.
        criticality: Many<Criticality> => Default(""), "low";
        /// Tags, of which the dependency has at least one.
        tags: Many<At<Text>> => Default(""), "eu";
        /// What went wrong.
        failure: Many<FailureKind> => Default(""), "too-slow";
        /// Who is at fault: `provider`, `path` or `us`.
        blame: Many<Blame> => Default(""), "path";
    }
}

section! {
    /// A time in which trouble is expected: once, from `from` until `until`, or again and again, with `start`, `recurs` and `lasts`.
    Maintenance {
        /// What for, as people read it.
        reason: Text => Required, "new disks";
        /// What it is about.
        what: Selection => Required, "{ provider: acme-db }";
        /// When it begins: a time of `timezone`, or one with its own offset such as `2026-08-01T22:00Z`.
        from: Given<At<Moment>> => Optional, "2026-08-01 22:00";
        /// When it ends.
        until: Given<At<Moment>> => Optional, "2026-08-02 01:00";
        /// When it begins for the first time, for one that recurs.
        start: Given<At<Moment>> => Optional, "2026-01-04 02:00";
        /// When it begins again: `daily`, `weekly`, `every 2 weeks`, or a rule of RFC 5545.
        recurs: Given<At<Recurring>> => Optional, "weekly";
        /// How long it lasts each time, at most 31 days.
        lasts: Given<At<Length<60_000>>> => Optional, "2h";
        /// The zone of the times.
        timezone: Zone => Default("UTC"), "Europe/Berlin";
    }
}

section! {
    /// Something that you know and do not want to be told of.
    Silence {
        /// Why, as people read it.
        reason: Text => Required, "known, ticket 4711";
        /// What it is about.
        what: Selection => Required, "{ dependency: reports-db, failure: too-slow }";
        /// When it begins. Default: it holds at once.
        from: At<Moment> => Optional, "2026-08-01 22:00";
        /// When it ends. Without it the silence would be forgotten and hide what is new.
        until: At<Moment> => Optional, "2026-09-01";
        /// The zone of the times.
        timezone: Zone => Default("UTC"), "Europe/Berlin";
    }
}

section! {
    /// A sign of life that Mainstay sends.
    HeartbeatOut {
        /// Where to: it is asked with POST.
        url: HookUrl => Required, "https://other-mainstay.example.com/api/v1/heartbeats/main";
        /// How often.
        every: Length<1_000> => Default("1m");
        /// What is shown there as a bearer token.
        token: Hidden => Optional, "${HEARTBEAT_TOKEN}";
    }
}

section! {
    /// A sign of life that is expected.
    Heartbeat {
        /// Whose it is, as people read it. Default: the key.
        name: Text => Optional, "The Mainstay in Frankfurt";
        /// How often it comes.
        every: Length<1_000> => Default("1m");
        /// How much later it may be. Default: as long as `every`.
        grace: Length<1_000> => Optional, "30s";
        /// How urgent it is that it does not come.
        severity: Severity => Default("high"), "page";
        /// What the sender has to show as a bearer token. Default: nothing.
        token: Hidden => Optional, "${HEARTBEAT_TOKEN}";
    }
}

section! {
    /// When what was collected in a day is told.
    Digest {
        /// The time of day.
        at: At<HandOver> => Default("09:00");
        /// Its zone.
        timezone: Zone => Default("UTC"), "Europe/Berlin";
    }
}

section! {
    /// The mail server that `email` channels send through.
    Mail {
        /// `smtps://` for TLS from the first byte (port 465), `smtp://` for STARTTLS, which is then required (port 587). To a
        /// server on this machine `smtp://` goes without TLS (port 25), unless there is a `ca_file`.
        smtp: MailUrl => Required, "smtps://user:${SMTP_PASSWORD}@smtp.example.com";
        /// The sender.
        from: Sender => Required, "\"Example Status <status@example.com>\"";
        /// PEM file with the only roots to trust for the mail server. Default: the roots of this system.
        ca_file: At<FilePath> => Optional, "mail-ca.pem";
        /// Where mail that was accepted and does not arrive comes back to, with `{id}` for the message. What arrives there is handed
        /// in by `mainstay bounce`. Default: to the sender.
        bounce_address: BounceAddress => Optional, "bounces+{id}@example.com";
    }
}

section! {
    /// The public status page.
    StatusPage {
        /// Its heading.
        title: Text => Default("Status"), "Example Status";
        /// Where it listens; the only listener that should be reachable from outside.
        listen: At<Address> => Default("127.0.0.1:8081");
        /// Its address as customers reach it. Default: `http://` and the address of `listen`.
        public_url: BaseLink => Optional, "https://status.example.com";
        /// Whether incidents of severity `high` and above become public at once, without an operator's click.
        auto_publish: Flag => Default("false");
        /// Where customers can ask.
        contact: Contact => Default("");
    }
}

section! {
    /// Where customers can ask.
    Contact {
        /// A mail address.
        email: Mailbox => Optional, "help@example.com";
        /// A telephone number.
        phone: Text => Optional, "\"+44 20 7946 0000\"";
        /// A page with help.
        website: Link => Optional, "https://example.com/help";
        /// An invitation to a Discord server.
        discord: Link => Optional, "https://discord.gg/example";
        /// An invitation to a Slack workspace.
        slack: Link => Optional, "https://example.slack.com";
    }
}

section! {
    /// Somebody who can be called.
    Person {
        /// The name for others. Default: the key.
        name: Text => Optional, "Anna";
        /// How the person is told, the preferred one first: keys of `channels`.
        channels: At<Many<At<Name<ChannelName>>>> => Required, "[anna-phone, anna-mail]";
        /// Where the person lives: who looks at who is on call sees what time it is there. Default: as in the schedule.
        timezone: Zone => Optional, "Europe/Berlin";
    }
}

section! {
    /// Who is on call when.
    Schedule {
        /// Its name for people. Default: the key.
        name: Text => Optional, "Platform";
        /// The zone of every time of the schedule; hand-overs keep their time on the clock when it is set to or from
        /// daylight saving.
        timezone: Zone => Required, "Europe/Berlin";
        /// The rotations. A later one covers an earlier one wherever it has somebody.
        layers: At<Many<At<Layer>>> => Required, "[{ people: [anna, ben], rotation: weekly, hand_over: mon 09:00, start: 2026-01-05 }]";
        /// Exceptions that are known beforehand. Others are made on the page or by the API while Mainstay runs, and cover these.
        overrides: Many<Override> => Default("");
    }
}

section! {
    /// People who take turns.
    Layer {
        /// Who, in the order of their turns: keys of `people`.
        people: At<Many<At<Name<PersonName>>>> => Required, "[anna, ben]";
        /// When the next one takes over: `daily`, `weekly`, `every 3 days`, `every 2 weeks`, or a rule of RFC 5545 whose
        /// occurrences are the hand-overs, such as `FREQ=MONTHLY;BYDAY=2TU`.
        rotation: At<Rotation> => Default("weekly");
        /// The time of day of the hand-overs, with the day of the week for those in weeks. Default of the day: that of `start`.
        hand_over: At<HandOver> => Default("09:00"), "mon 09:00";
        /// The day on which the first person's first turn begins, at the time of `hand_over`.
        start: At<Day> => Required, "2026-01-05";
        /// The only hours of the day at which this layer has somebody. They may go over midnight. Default: all.
        hours: Hours => Optional, "09:00-17:00";
        /// The only days on which it has somebody, from midnight or the beginning of `hours`. Default: all.
        days: Many<WeekdayWord> => Default(""), "[mon, tue, wed, thu, fri]";
    }
}

section! {
    /// Somebody stands in for others.
    Override {
        /// When it begins: a time of the schedule's zone, or one with its own offset such as `2026-08-01T09:00Z`.
        from: At<Moment> => Required, "2026-08-01 09:00";
        /// When it ends.
        until: At<Moment> => Required, "2026-08-08 09:00";
        /// Who takes over: a key of `people`.
        person: At<Name<PersonName>> => Required, "carla";
        /// A swap: takes over only where this person would be on call. Default: whoever it would be, and also where it is nobody.
        instead_of: At<Name<PersonName>> => Optional, "ben";
        /// Why, for others to read.
        reason: Text => Optional, "on holiday";
    }
}

section! {
    /// A condition that is judged for every dependency; while it holds, there is an alert. See [rules of your own](../rules.md).
    ///
    /// Under the name of a built-in rule (`down`, `degraded`, `certificate-expiring`, `renewal-overdue`, `chain-problem`,
    /// `addresses-differ`, `too-slow`, `stale`, `flapping`) only `enabled`, `severity` and `runbook` can stand, and change that rule.
    Rule {
        /// The condition, in a part of CEL; required for a rule of your own.
        when: Given<At<Condition>> => Optional, "tls.days_left < 20 && dependency.criticality == \"critical\"";
        /// How urgent its alerts are. Default: `warn` for a rule of your own, and what a built-in rule itself says.
        severity: At<Severity> => Optional, "high";
        /// What its alerts say; facts stand in braces. Default: that the dependency meets the rule.
        message: At<Message> => Optional, "\"{dependency.name}: {tls.days_left} days are left\"";
        /// What to do, written as the `runbook` of a dependency. It is shown on the page of an incident with alerts of this rule, and
        /// named in its messages where it is a link.
        runbook: RunbookText => Optional, "https://wiki.example.com/certificates";
        /// How long the condition has to hold before it is told. Default: `0s`, at once.
        r#for: At<Length<0>> => Optional, "10m";
        /// Whether it is judged.
        enabled: At<Flag> => Default("true");
    }
}

section! {
    /// What is taken from other systems: alerts of a Prometheus Alertmanager, whose webhook posts to `/api/v1/alertmanager` of the
    /// operator's listener, and mail that came back, which is posted to `/api/v1/bounces`.
    Receive {
        /// What Alertmanager has to bring along as a bearer token. Default: whoever reaches that listener may hand in alerts.
        alertmanager_token: Hidden => Optional, "${ALERTMANAGER_TOKEN}";
        /// Its `repeat_interval`. An alert that was not heard of for twice as long is told as such; it stays open.
        alertmanager_repeat: Length<60_000> => Default("4h");
        /// What whoever hands in mail that came back has to bring along as a bearer token. Default: whoever reaches the operator's
        /// listener may.
        bounce_token: Hidden => Optional, "${BOUNCE_TOKEN}";
        /// What a relay that runs elsewhere has to bring along as a bearer token when it tells what it saw. Default: whoever reaches the
        /// operator's listener may.
        relay_token: Hidden => Optional, "${RELAY_TOKEN}";
    }
}

section! {
    /// Drills that begin by themselves: it is played that a dependency is down, and whoever would be told is told, marked as a drill.
    /// See [drills](../drills.md).
    Drill one_of("dependency", "any") {
        /// Of which dependency: a key of `dependencies`.
        dependency: At<Name<DependencyName>> => Optional, "orders-db";
        /// Of any that fits, one at a time: whichever was drilled longest ago.
        any: Given<DrillAny> => Optional, "{ criticality: critical }";
        /// What is played.
        failure: At<FailureKind> => Default("certificate-expired");
        /// When the first one begins: a time of `timezone`. Every further one begins at its time of day.
        start: At<Moment> => Required, "2026-01-07 10:00";
        /// When it begins again: `daily`, `weekly`, `every 2 weeks`, or a rule of RFC 5545.
        recurs: Recurring => Required, "FREQ=MONTHLY;BYDAY=1WE";
        /// The zone of the times.
        timezone: Zone => Default("UTC"), "Europe/Berlin";
        /// The only hours in which it begins; what is due outside of them is left out. Default: all.
        hours: Hours => Optional, "09:00-17:00";
        /// The only days on which it begins. Default: all.
        days: Many<WeekdayWord> => Default(""), "[mon, tue, wed, thu]";
        /// How long it goes on if nobody takes it up. Default: as long as its escalation, and the last wait once more; at most two hours.
        lasts: Length<10_000> => Optional, "20m";
        /// Whether maintenance and silences keep it quiet as they would the real thing.
        respects_quiet: Flag => Default("false");
    }
}

section! {
    /// Which dependencies take turns. All conditions must hold; without any, it is all of them.
    DrillAny {
        /// Whose dependency: keys of `providers`.
        provider: Many<At<Name<ProviderName>>> => Default(""), "acme-db";
        /// Which component uses it: keys of `components`.
        component: Many<At<Name<ComponentName>>> => Default(""), "checkout";
        /// How much depends on it.
        criticality: Many<Criticality> => Default(""), "critical";
        /// Tags, of which the dependency has at least one.
        tags: Many<At<Text>> => Default(""), "eu";
    }
}
