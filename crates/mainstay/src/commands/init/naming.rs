//! Names that a person might have chosen.

use std::collections::BTreeSet;

use mainstay_model::{Protocol, Target};

/// A name for a dependency, from what its URL tells: `orders-db`, `api-stripe`, `cache-redis`.
pub(super) fn sensible_name(target: &Target) -> String {
    let host = host_words(target);
    let named = |word: &str| match &target.database {
        Some(database) if database.parse::<u32>().is_err() => format!("{database}-{word}"),
        _ => format!("{}-{word}", host.first().map_or("my", String::as_str)),
    };
    let name = match target.protocol {
        Protocol::Postgres(_) | Protocol::MySql(_) => named("db"),
        Protocol::Redis(_) => named("redis"),
        Protocol::Smtp(_) => format!("{}-mail", provider_of(target).unwrap_or_else(|| "my".into())),
        Protocol::Http(_) => host.join("-"),
        Protocol::Tls | Protocol::Tcp => format!("{}-{}", host.join("-"), target.port),
        Protocol::File => {
            let stem =
                target.file.as_deref().and_then(|file| file.file_stem()).map(|stem| stem.to_string_lossy());
            format!("{}-certificate", stem.as_deref().unwrap_or("my"))
        }
    };
    as_name(&name)
}

/// A name for whoever runs the host: the word in front of its public suffix. Nobody for an address, a bare name
/// or a file: those are one's own.
pub(super) fn provider_of(target: &Target) -> Option<String> {
    let labels: Vec<&str> = target.host.split('.').filter(|label| !label.is_empty()).collect();
    if target.ip().is_some()
        || labels.len() < 2
        || matches!(labels.last(), Some(&("local" | "internal" | "localhost")))
    {
        return None;
    }
    let word = labels.len() - 1 - suffix_length(&labels);
    Some(as_name(labels.get(word)?))
}

/// Labels of the public suffix: `com`, `co.uk`. A short second level under a country is part of it.
fn suffix_length(labels: &[&str]) -> usize {
    let country = labels.last().is_some_and(|label| label.len() == 2);
    let general =
        |label: &&str| matches!(*label, "co" | "com" | "org" | "net" | "ac" | "gov" | "edu" | "ne" | "or");
    let two = country && labels.len() > 2 && labels.get(labels.len() - 2).is_some_and(general);
    if two { 2 } else { 1 }
}

/// The words of a host without `www` and the public suffix; an address is one word.
fn host_words(target: &Target) -> Vec<String> {
    let labels: Vec<&str> = target.host.split('.').filter(|label| !label.is_empty()).collect();
    if target.ip().is_some() {
        return vec![target.host.clone()];
    }
    let keep = labels.len().saturating_sub(suffix_length(&labels)).max(1);
    let words: Vec<String> =
        labels.iter().take(keep).filter(|label| **label != "www").map(|l| (*l).into()).collect();
    if words.is_empty() { vec![target.host.clone()] } else { words }
}

fn as_name(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = text.chars().map(letter).take(80).collect();
    let name = name.trim_matches(['-', '.']).to_ascii_lowercase();
    if name.is_empty() { "dependency".into() } else { name }
}

/// The name, with a number when it is taken.
pub(super) fn unique(name: String, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let free =
        std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(name);
    taken.insert(free.clone());
    free
}

/// The environment variable for a dependency's password.
pub(super) fn variable_name(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = name.chars().map(letter).collect();
    let digit = name.starts_with(|c: char| c.is_ascii_digit());
    format!("{}{name}_PASSWORD", if digit { "DB_" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn names(url: &str, name: &str, provider: Option<&str>) {
        let target = Target::parse(url).unwrap();
        assert_eq!(
            (sensible_name(&target).as_str(), provider_of(&target).as_deref()),
            (name, provider),
            "{url}"
        );
    }

    #[test]
    fn as_a_person_would() {
        names("mysql://u@eu-west.acme.example:3306/orders", "orders-db", Some("acme"));
        names("postgres://db1.acme.co.uk", "db1-db", Some("acme"));
        names("https://api.stripe.com/v1", "api-stripe", Some("stripe"));
        names("https://www.example.com", "example", Some("example"));
        names("rediss://cache.acme.example/0", "cache-redis", Some("acme"));
        names("smtps://smtp.example.com", "example-mail", Some("example"));
        names("tls://10.0.0.5:8443", "10.0.0.5-8443", None);
        names("tcp://[2001:db8::1]:53", "2001-db8--1-53", None);
        names("postgres://localhost/app", "app-db", None);
        names("file:/etc/ssl/site.pem", "site-certificate", None);
        names("postgres://h/Bestellungen%20%C3%A4", "bestellungen---db", None);
    }

    #[test]
    fn variables() {
        assert_eq!(variable_name("orders-db"), "ORDERS_DB_PASSWORD");
        assert_eq!(variable_name("10.0.0.5-db"), "DB_10_0_0_5_DB_PASSWORD");
    }
}
