use std::fmt;
use std::path::PathBuf;

use mainstay_model::Secret;

/// Where the data is kept.
#[derive(Debug, Clone)]
pub enum Location {
    /// In one file, made when it is not there, beside two or three helper files of the same name.
    Sqlite(PathBuf),
    /// In a PostgreSQL database, or one that speaks its language, at a `postgres://` address.
    Postgres(Secret),
}

impl fmt::Display for Location {
    /// Never shows the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Sqlite(path) => path.display().fmt(f),
            Location::Postgres(address) => f.write_str(&without_credentials(address.expose())),
        }
    }
}

/// Scheme, host and database name of an address: what stands before the last `@` and after `?` may hold a password.
fn without_credentials(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = address.split_once("://") else { return "the database".to_owned() };
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_never_shows_a_password() {
        let check = |address: &str, expected: &str| {
            let location = Location::Postgres(Secret::new(address));
            assert_eq!(location.to_string(), expected);
            assert!(!format!("{location:?}").contains("geheim"));
        };
        check("postgres://mainstay:geheim@db.example:5432/mainstay", "postgres://db.example:5432/mainstay");
        check("postgres://mainstay:ge@heim@db.example/mainstay", "postgres://db.example/mainstay");
        check("postgres://db.example/mainstay?password=geheim", "postgres://db.example/mainstay");
        check("geheim", "the database");
    }
}
