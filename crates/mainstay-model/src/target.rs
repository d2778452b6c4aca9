use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use url::Url;

use crate::Secret;

/// What a check connects to: a parsed URL. Printing it never shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Protocol and how TLS comes in.
    pub protocol: Protocol,
    /// Host name or IP address, without brackets; empty for files.
    pub host: String,
    /// TCP port; 0 for files.
    pub port: u16,
    /// User and password, when the URL has them.
    pub credentials: Option<Credentials>,
    /// Name of the database (PostgreSQL, MySQL) or number (Redis), when given.
    pub database: Option<String>,
    /// Path and query of an HTTP URL, beginning with `/`; else empty.
    pub path: String,
    /// File for `file://`.
    pub file: Option<PathBuf>,
    display: String,
}

/// User and password of a URL, percent-decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// May be empty: Redis knows passwords without a user.
    pub user: String,
    /// Absent for a user without a password.
    pub password: Option<Secret>,
}

/// The protocols that a check speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// PostgreSQL.
    Postgres(Upgrade),
    /// MySQL and MariaDB.
    MySql(Upgrade),
    /// Redis and its kin.
    Redis(Upgrade),
    /// HTTP/1.1.
    Http(Upgrade),
    /// SMTP.
    Smtp(Upgrade),
    /// A TLS handshake and nothing more.
    Tls,
    /// A TCP connection and nothing more.
    Tcp,
    /// Certificates in a PEM file.
    File,
}

/// How a connection comes to be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Upgrade {
    /// The protocol's own request, inside its plaintext opening.
    InProtocol,
    /// TLS from the first byte.
    Direct,
    /// Not at all.
    Never,
}

impl Protocol {
    /// Whether the connection is encrypted, and how.
    pub fn upgrade(self) -> Upgrade {
        match self {
            Protocol::Postgres(upgrade)
            | Protocol::MySql(upgrade)
            | Protocol::Redis(upgrade)
            | Protocol::Http(upgrade)
            | Protocol::Smtp(upgrade) => upgrade,
            Protocol::Tls => Upgrade::Direct,
            Protocol::Tcp | Protocol::File => Upgrade::Never,
        }
    }
}

/// Why a text is no target. Every message says how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing before a `://`.
    #[error("{text:?} has no scheme; write for example postgres://{text} or https://{text}")]
    NoScheme {
        /// The text as given, with anything that may be a password removed.
        text: String,
    },
    /// A scheme that Mainstay does not speak.
    #[error("{scheme}:// is not known{}; known are {}", suggest(.suggestion), Target::SCHEMES.join(", "))]
    UnknownScheme {
        /// The scheme as given.
        scheme: String,
        /// The known scheme nearest to it.
        suggestion: Option<&'static str>,
    },
    /// Nothing between `//` and `/`.
    #[error("{scheme}:// needs a host, as in {scheme}://db.example.com")]
    NoHost {
        /// The scheme as given.
        scheme: String,
    },
    /// The scheme has no usual port.
    #[error("{scheme}:// has no usual port; write {scheme}://{host}:PORT")]
    NoPort {
        /// The scheme as given.
        scheme: String,
        /// The host as given.
        host: String,
    },
    /// `file://` without a path, or with a host.
    #[error("file:// needs a path, as in file:///etc/ssl/certs/site.pem or file:certs/site.pem")]
    NoPath,
    /// A parameter whose value is not known.
    #[error("{value:?} is no value of {parameter}; known are {known}")]
    Parameter {
        /// Name of the parameter.
        parameter: &'static str,
        /// The value as given.
        value: String,
        /// The values that are known.
        known: &'static str,
    },
    /// The URL does not parse.
    #[error("not a URL: {reason}{}", hint.map(|hint| format!("; {hint}")).unwrap_or_default())]
    Malformed {
        /// What the parser says.
        reason: String,
        /// How to mend it, where that is known.
        hint: Option<&'static str>,
    },
}

fn suggest(suggestion: &Option<&'static str>) -> String {
    suggestion.map(|scheme| format!("; did you mean {scheme}://?")).unwrap_or_default()
}

impl Target {
    /// Every scheme that [`Target::parse`] takes.
    pub const SCHEMES: [&'static str; 12] = [
        "postgres",
        "postgresql",
        "mysql",
        "mariadb",
        "redis",
        "rediss",
        "https",
        "http",
        "smtp",
        "smtps",
        "tls",
        "tcp",
    ];

    /// Reads a URL such as `postgres://user:password@db.example.com/orders`.
    ///
    /// `sslmode=disable` (PostgreSQL), `ssl-mode=DISABLED` (MySQL) and `sslnegotiation=direct` (PostgreSQL)
    /// are understood; the other TLS modes of those drivers all mean full verification here.
    pub fn parse(text: &str) -> Result<Target, TargetError> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("file:") {
            return file_target(path);
        }
        let scheme = match text.split_once("://") {
            Some((scheme, _)) if !scheme.is_empty() => scheme.to_ascii_lowercase(),
            _ => return Err(TargetError::NoScheme { text: without_userinfo(text) }),
        };
        if !Self::SCHEMES.contains(&scheme.as_str()) {
            let suggestion = nearest(&scheme);
            return Err(TargetError::UnknownScheme { scheme, suggestion });
        }
        let url = Url::parse(text).map_err(|error| malformed(error, &scheme))?;
        let protocol = protocol(&scheme, &url)?;
        let host = match url.host() {
            Some(url::Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => String::new(),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(TargetError::NoHost { scheme });
        }
        let port = url
            .port()
            .or_else(|| usual_port(protocol))
            .ok_or_else(|| TargetError::NoPort { scheme: scheme.clone(), host: host.clone() })?;
        let is_http = matches!(protocol, Protocol::Http(_));
        let path = match url.query() {
            _ if !is_http => String::new(),
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let database = url.path().trim_start_matches('/');
        let takes_database =
            matches!(protocol, Protocol::Postgres(_) | Protocol::MySql(_) | Protocol::Redis(_));
        Ok(Target {
            protocol,
            host,
            port,
            credentials: credentials(&url),
            database: (takes_database && !database.is_empty()).then(|| decode(database)),
            path,
            file: None,
            display: display(&url),
        })
    }

    /// Why a check of this target cannot ask a query of the user's, and what to do; `None` when it can.
    pub fn no_query_because(&self) -> Option<&'static str> {
        match self.protocol {
            Protocol::Postgres(_) | Protocol::MySql(_) if self.credentials.is_some() => None,
            Protocol::Redis(_) => None,
            Protocol::Postgres(_) | Protocol::MySql(_) => Some(
                "there is no user in its URL, so the check does not log in and asks nothing; write user and password into the URL",
            ),
            _ => Some("its protocol asks nothing; only postgres://, mysql:// and redis:// do"),
        }
    }

    /// The same target, shown by scheme, host and port alone: for URLs of the web into which something secret was filled, which
    /// may stand anywhere after the host or in the place of the user.
    pub fn shown_briefly(mut self) -> Target {
        if let Ok(mut shown) = Url::parse(&self.display) {
            // The two calls fail for URLs without a host, and those have none.
            let _ = shown.set_username("");
            let _ = shown.set_password(None);
            shown.set_path("/...");
            shown.set_query(None);
            shown.set_fragment(None);
            self.display = shown.to_string();
        }
        self
    }

    /// The host as an address, when it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// As it is shown to people, since its path and its user may be secrets.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.display).finish()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

fn file_target(rest: &str) -> Result<Target, TargetError> {
    let path = match rest.strip_prefix("//") {
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some("") | None if rest.trim_start_matches('/').is_empty() => return Err(TargetError::NoPath),
        // `file://certs/a.pem` names a host by the letter of RFC 8089; nobody means that, so it is read as a path.
        Some(relative) => relative,
        None => rest,
    };
    if path.trim_matches('/').is_empty() {
        return Err(TargetError::NoPath);
    }
    let path = decode(path);
    Ok(Target {
        protocol: Protocol::File,
        host: String::new(),
        port: 0,
        credentials: None,
        database: None,
        path: String::new(),
        display: format!("file://{path}"),
        file: Some(path.into()),
    })
}

fn protocol(scheme: &str, url: &Url) -> Result<Protocol, TargetError> {
    let value =
        |names: [&str; 2]| url.query_pairs().find(|(name, _)| names.contains(&name.as_ref())).map(|(_, v)| v);
    Ok(match scheme {
        "postgres" | "postgresql" => Protocol::Postgres(postgres_upgrade(
            value(["sslmode", "sslmode"]),
            value(["sslnegotiation", "sslnegotiation"]),
        )?),
        "mysql" | "mariadb" => Protocol::MySql(mysql_upgrade(value(["ssl-mode", "sslmode"]))?),
        "redis" => Protocol::Redis(Upgrade::Never),
        "rediss" => Protocol::Redis(Upgrade::Direct),
        "https" => Protocol::Http(Upgrade::Direct),
        "http" => Protocol::Http(Upgrade::Never),
        "smtp" => Protocol::Smtp(Upgrade::InProtocol),
        "smtps" => Protocol::Smtp(Upgrade::Direct),
        "tls" => Protocol::Tls,
        _ => Protocol::Tcp,
    })
}

type Value<'a> = Option<std::borrow::Cow<'a, str>>;

fn postgres_upgrade(sslmode: Value<'_>, negotiation: Value<'_>) -> Result<Upgrade, TargetError> {
    let direct = match negotiation.as_deref() {
        None | Some("postgres") => false,
        Some("direct") => true,
        Some(other) => {
            return Err(TargetError::Parameter {
                parameter: "sslnegotiation",
                value: other.into(),
                known: "postgres, direct",
            });
        }
    };
    match sslmode.as_deref() {
        Some("disable") => Ok(Upgrade::Never),
        None | Some("allow" | "prefer" | "require" | "verify-ca" | "verify-full") => {
            Ok(if direct { Upgrade::Direct } else { Upgrade::InProtocol })
        }
        Some(other) => Err(TargetError::Parameter {
            parameter: "sslmode",
            value: other.into(),
            known: "disable, allow, prefer, require, verify-ca, verify-full",
        }),
    }
}

fn mysql_upgrade(mode: Value<'_>) -> Result<Upgrade, TargetError> {
    match mode.as_deref().map(str::to_ascii_uppercase).as_deref() {
        Some("DISABLED" | "DISABLE") => Ok(Upgrade::Never),
        None | Some("PREFERRED" | "PREFER" | "REQUIRED" | "REQUIRE" | "VERIFY_CA" | "VERIFY_IDENTITY") => {
            Ok(Upgrade::InProtocol)
        }
        Some(other) => Err(TargetError::Parameter {
            parameter: "ssl-mode",
            value: other.into(),
            known: "DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY",
        }),
    }
}

fn usual_port(protocol: Protocol) -> Option<u16> {
    match protocol {
        Protocol::Postgres(_) => Some(5432),
        Protocol::MySql(_) => Some(3306),
        Protocol::Redis(_) => Some(6379),
        Protocol::Http(Upgrade::Never) => Some(80),
        Protocol::Http(_) => Some(443),
        Protocol::Smtp(Upgrade::Direct) => Some(465),
        Protocol::Smtp(_) => Some(25),
        Protocol::Tls => Some(443),
        Protocol::Tcp | Protocol::File => None,
    }
}

fn credentials(url: &Url) -> Option<Credentials> {
    let password = url.password().map(|password| Secret::new(decode(password)));
    if url.username().is_empty() && password.is_none() {
        return None;
    }
    Some(Credentials { user: decode(url.username()), password })
}

fn display(url: &Url) -> String {
    let mut shown = url.clone();
    if shown.password().is_some() {
        // Neither call can fail for a URL with a host.
        let _ = shown.set_password(None);
    }
    // A password may also stand among the parameters, as some drivers allow.
    let is_shown = |pair: &&str| !is_secret_parameter(pair.split('=').next().unwrap_or(pair));
    let kept: Option<Vec<&str>> = url.query().map(|query| query.split('&').filter(is_shown).collect());
    shown.set_query(kept.filter(|kept| !kept.is_empty()).map(|kept| kept.join("&")).as_deref());
    shown.to_string()
}

/// Whether the value of a URL's parameter is a secret by its name: `password`, `api_key`, `access_token`,
/// `X-Amz-Signature`, `sig`, however it is written.
pub fn is_secret_parameter(name: &str) -> bool {
    const ENDINGS: [&str; 9] =
        ["password", "passwd", "pwd", "pass", "token", "secret", "key", "sig", "signature"];
    let name = decode(name).to_ascii_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Percent-decodes leniently: a malformed escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn malformed(error: url::ParseError, scheme: &str) -> TargetError {
    match error {
        url::ParseError::EmptyHost => TargetError::NoHost { scheme: scheme.into() },
        url::ParseError::InvalidPort => TargetError::Malformed {
            reason: "the port is not a number from 1 to 65535".into(),
            hint: Some(
                "a password with '/', '?', '#' or '@' must be percent-encoded ('/' as %2F, '#' as %23)",
            ),
        },
        other => TargetError::Malformed { reason: other.to_string(), hint: None },
    }
}

fn without_userinfo(text: &str) -> String {
    text.rsplit('@').next().unwrap_or(text).to_owned()
}

fn nearest(scheme: &str) -> Option<&'static str> {
    let aliases = [
        ("pg", "postgres"),
        ("psql", "postgres"),
        ("pgsql", "postgres"),
        ("maria", "mysql"),
        ("valkey", "redis"),
        ("ssl", "tls"),
    ];
    let alias = aliases.iter().find(|(alias, _)| *alias == scheme).map(|(_, known)| *known);
    alias.or_else(|| crate::nearest(scheme, Target::SCHEMES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Target {
        Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[track_caller]
    fn refuses(text: &str, message: &str) {
        assert_eq!(Target::parse(text).unwrap_err().to_string(), message);
    }

    #[test]
    fn usual_ports_and_upgrades() {
        for (text, protocol, port) in [
            ("postgres://h", Protocol::Postgres(Upgrade::InProtocol), 5432),
            ("postgresql://h?sslnegotiation=direct", Protocol::Postgres(Upgrade::Direct), 5432),
            ("postgres://h/db?sslmode=disable", Protocol::Postgres(Upgrade::Never), 5432),
            ("mysql://h", Protocol::MySql(Upgrade::InProtocol), 3306),
            ("redis://h", Protocol::Redis(Upgrade::Never), 6379),
            ("rediss://h", Protocol::Redis(Upgrade::Direct), 6379),
            ("https://h", Protocol::Http(Upgrade::Direct), 443),
            ("http://h", Protocol::Http(Upgrade::Never), 80),
            ("smtp://h", Protocol::Smtp(Upgrade::InProtocol), 25),
            ("smtps://h", Protocol::Smtp(Upgrade::Direct), 465),
            ("tls://h:7000", Protocol::Tls, 7000),
            ("tcp://h:7000", Protocol::Tcp, 7000),
        ] {
            let target = parse(text);
            assert_eq!((target.protocol, target.port, target.host.as_str()), (protocol, port, "h"), "{text}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let target = parse("mysql://monitor:p%40ss%2Fword@db.example.com:3307/orders");
        let credentials = target.credentials.clone().unwrap();
        assert_eq!(credentials.user, "monitor");
        assert_eq!(credentials.password.unwrap().expose(), "p@ss/word");
        assert_eq!(target.database.as_deref(), Some("orders"));
        assert_eq!(target.to_string(), "mysql://monitor@db.example.com:3307/orders");
        assert!(!format!("{target:?}").contains("p@ss"));
        for (text, shown) in [
            ("postgres://h/db?password=hunter2&x=1", "postgres://h/db?x=1"),
            (
                "https://h/a?api_key=b&access_token=c&Sig=d&X-Amz-Signature=e&x-my-token=f&page=1%202",
                "https://h/a?page=1%202",
            ),
            ("https://h/a?pass%77ord=b", "https://h/a"),
        ] {
            assert_eq!(parse(text).to_string(), shown);
        }
    }

    #[test]
    fn a_target_can_be_shown_briefly() {
        let target = parse("https://t0ken@hooks.example.com:8443/x/s3cret?y=s3cret").shown_briefly();
        assert_eq!(target.to_string(), "https://hooks.example.com:8443/...");
        assert_eq!(target.path, "/x/s3cret?y=s3cret", "what is asked stays as it is");
    }

    #[test]
    fn ipv6_hosts_lose_their_brackets() {
        let target = parse("tls://[2001:db8::1]:853");
        assert_eq!((target.host.as_str(), target.port), ("2001:db8::1", 853));
        assert!(target.ip().is_some());
    }

    #[test]
    fn files() {
        assert_eq!(parse("file:///etc/a.pem").file.unwrap().to_str(), Some("/etc/a.pem"));
        assert_eq!(parse("file:certs/a.pem").file.unwrap().to_str(), Some("certs/a.pem"));
        assert_eq!(parse("file://certs/a.pem").file.unwrap().to_str(), Some("certs/a.pem"));
        assert_eq!(Target::parse("file://"), Err(TargetError::NoPath));
        assert_eq!(Target::parse("file:///"), Err(TargetError::NoPath));
    }

    #[test]
    fn a_query_that_would_never_be_asked_is_told() {
        let ignores = |url: &str| Target::parse(url).unwrap().no_query_because().is_some();
        for asked in ["postgres://me@db", "mysql://me:pw@db", "redis://cache", "rediss://:pw@cache"] {
            assert!(!ignores(asked), "{asked}");
        }
        for unasked in [
            "postgres://db",
            "mysql://db",
            "https://me:pw@site",
            "smtp://mail",
            "tls://db",
            "tcp://db:1",
            "file:a.pem",
        ] {
            assert!(ignores(unasked), "{unasked}");
        }
    }

    #[test]
    fn refusals_say_how_to_mend_them() {
        refuses(
            "db.example.com",
            "\"db.example.com\" has no scheme; write for example postgres://db.example.com or https://db.example.com",
        );
        refuses(
            "postgress://h",
            "postgress:// is not known; did you mean postgres://?; known are postgres, postgresql, mysql, mariadb, redis, rediss, https, http, smtp, smtps, tls, tcp",
        );
        refuses("postgres://", "postgres:// needs a host, as in postgres://db.example.com");
        refuses("https://", "https:// needs a host, as in https://db.example.com");
        refuses("tcp://h", "tcp:// has no usual port; write tcp://h:PORT");
        refuses(
            "postgres://u:a/b@h",
            "not a URL: the port is not a number from 1 to 65535; a password with '/', '?', '#' or '@' must be percent-encoded ('/' as %2F, '#' as %23)",
        );
        refuses(
            "postgres://h?sslmode=off",
            "\"off\" is no value of sslmode; known are disable, allow, prefer, require, verify-ca, verify-full",
        );
        refuses("user:hunter2@h", "\"h\" has no scheme; write for example postgres://h or https://h");
    }
}
