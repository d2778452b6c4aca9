use mainstay_testkit::Identity;
use mainstay_testkit::servers::{
    Account, MariaDb, MariaDbOptions, Method, Missing, Nginx, Postfix, PostfixOptions, Postgres,
    PostgresOptions, Redis, RedisOptions, require, say_skipped,
};

use super::row::Row;

/// As it is, and as it must be written in a URL: it has what URLs, SQL and shells trip over.
const PASSWORD: (&str, &str) = ("it's 50% \"s@fe\"/:\\", "it%27s%2050%25%20%22s%40fe%22%2F%3A%5C");
const WRONG_PASSWORD: &str = "wrong-password";

/// One server of each kind that is installed, all with the same certificate.
pub(super) struct Services {
    postgres: Option<Postgres>,
    /// Version 17 or newer, which takes TLS from the first byte.
    new_postgres: Option<Postgres>,
    mariadb: Option<MariaDb>,
    redis: Option<Redis>,
    nginx: Option<Nginx>,
    postfix: Option<Postfix>,
}

impl Services {
    pub(super) fn start(identity: &Identity) -> Services {
        Services {
            postgres: installed(Postgres::available(), || start_postgres(identity)),
            new_postgres: start_new_postgres(identity),
            mariadb: installed(MariaDb::available(), || start_mariadb(identity)),
            redis: installed(Redis::available(), || start_redis(identity)),
            nginx: installed(Nginx::available(), || Nginx::start(identity)),
            postfix: installed(Postfix::available(), || start_postfix(identity)),
        }
    }

    /// Swaps the certificate of every server.
    pub(super) fn reload(&self, identity: &Identity) {
        self.postgres.iter().chain(&self.new_postgres).for_each(|server| server.reload_identity(identity));
        self.mariadb.iter().for_each(|server| server.reload_identity(identity));
        self.redis.iter().for_each(|server| server.reload_identity(identity));
        self.nginx.iter().for_each(|server| server.reload_identity(identity));
        self.postfix.iter().for_each(|server| server.reload_identity(identity));
    }

    /// Every way of connecting, with the right password or without any.
    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows = self.anonymous();
        let logins = self.logins(PASSWORD.1);
        rows.extend(logins.into_iter().map(|(name, url)| Row::logged_in(name, url)));
        rows
    }

    /// Names and URLs of every way of logging in, with a password that is not right.
    pub(super) fn with_wrong_password(&self) -> Vec<(&'static str, String)> {
        self.logins(WRONG_PASSWORD)
    }

    fn anonymous(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut add = |name, url| rows.push(Row::anonymous(name, url));
        if let Some(server) = &self.postgres {
            add("PostgreSQL", format!("postgres://127.0.0.1:{}/postgres", server.port()));
        }
        if let Some(server) = &self.new_postgres {
            let url = format!("postgres://127.0.0.1:{}/postgres", server.port());
            add("PostgreSQL direct", format!("{url}?sslnegotiation=direct"));
        }
        if let Some(server) = &self.mariadb {
            add("MariaDB", format!("mysql://127.0.0.1:{}", server.port()));
        }
        if let Some(server) = &self.redis {
            add("Redis", format!("rediss://127.0.0.1:{}", server.tls_port()));
        }
        if let Some(server) = &self.nginx {
            add("HTTPS", format!("https://127.0.0.1:{}/", server.https_port()));
            add("TLS", format!("tls://127.0.0.1:{}", server.https_port()));
        }
        if let Some(server) = &self.postfix {
            add("SMTP STARTTLS", format!("smtp://127.0.0.1:{}", server.smtp_port()));
            add("SMTPS", format!("smtps://127.0.0.1:{}", server.smtps_port()));
        }
        rows
    }

    fn logins(&self, password: &str) -> Vec<(&'static str, String)> {
        let mut logins = Vec::new();
        let mut add = |name, scheme, user, port, rest| {
            logins.push((name, format!("{scheme}://{user}:{password}@127.0.0.1:{port}{rest}")));
        };
        if let Some(server) = &self.postgres {
            add("PostgreSQL scram", "postgres", "scram", server.port(), "/postgres");
            add("PostgreSQL md5", "postgres", "md5", server.port(), "/postgres");
            add("PostgreSQL password", "postgres", "clear", server.port(), "/postgres");
        }
        if let Some(server) = &self.new_postgres {
            add(
                "PostgreSQL direct scram",
                "postgres",
                "scram",
                server.port(),
                "/postgres?sslnegotiation=direct",
            );
        }
        if let Some(server) = &self.mariadb {
            add("MariaDB native", "mysql", "native", server.port(), "/mysql");
            if MariaDb::has_ed25519() {
                add("MariaDB ed25519", "mariadb", "ed", server.port(), "/mysql");
            }
        }
        if let Some(server) = &self.redis {
            add("Redis password", "rediss", "", server.tls_port(), "");
            add("Redis user", "rediss", "monitor", server.tls_port(), "/0");
        }
        if let Some(server) = &self.postfix {
            add("SMTP STARTTLS user", "smtp", "monitor", server.smtp_port(), "");
            add("SMTPS user", "smtps", "monitor", server.smtps_port(), "");
        }
        logins
    }
}

fn installed<T>(available: Result<(), Missing>, start: impl FnOnce() -> T) -> Option<T> {
    require(available).then(start)
}

fn account(user: &str, method: Method) -> Account {
    Account::new(user, PASSWORD.0, method)
}

fn start_postgres(identity: &Identity) -> Postgres {
    let accounts =
        [account("scram", Method::Scram), account("md5", Method::Md5), account("clear", Method::Clear)];
    Postgres::start(PostgresOptions { identity: Some(identity), accounts: &accounts, installation: None })
}

/// Debian has none yet, so that this one may be skipped in CI too.
fn start_new_postgres(identity: &Identity) -> Option<Postgres> {
    let bin = Postgres::installation_since(17).inspect_err(say_skipped).ok()?;
    let accounts = [account("scram", Method::Scram)];
    let options = PostgresOptions { identity: Some(identity), accounts: &accounts, installation: Some(&bin) };
    Some(Postgres::start(options))
}

fn start_mariadb(identity: &Identity) -> MariaDb {
    let mut accounts = vec![account("native", Method::MySqlNative)];
    accounts.extend(MariaDb::has_ed25519().then(|| account("ed", Method::Ed25519)));
    MariaDb::start(MariaDbOptions { identity: Some(identity), accounts: &accounts })
}

fn start_redis(identity: &Identity) -> Redis {
    let accounts = [account("monitor", Method::Plain)];
    Redis::start(RedisOptions { identity: Some(identity), password: Some(PASSWORD.0), accounts: &accounts })
}

fn start_postfix(identity: &Identity) -> Postfix {
    let accounts = [account("monitor", Method::Plain)];
    Postfix::start(PostfixOptions {
        identity: Some(identity),
        accounts: &accounts,
        ..PostfixOptions::default()
    })
}
