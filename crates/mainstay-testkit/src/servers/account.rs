/// A user of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name to log in with.
    pub user: String,
    /// The password, which may hold any character.
    pub password: String,
    /// How the server asks for the password.
    pub method: Method,
}

impl Account {
    /// A user with the given method.
    pub fn new(user: &str, password: &str, method: Method) -> Account {
        Account { user: user.to_owned(), password: password.to_owned(), method }
    }
}

/// The ways of logging in. A server panics over one that is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// PostgreSQL `scram-sha-256`.
    Scram,
    /// PostgreSQL `md5`, with an MD5 verifier stored.
    Md5,
    /// PostgreSQL `password`: in the clear, inside TLS or not.
    Clear,
    /// PostgreSQL `trust`: any password will do.
    Trust,
    /// MariaDB `mysql_native_password`.
    MySqlNative,
    /// MariaDB `ed25519`, from the plug-in `auth_ed25519`.
    Ed25519,
    /// The only way a server has: Redis and SMTP's `AUTH PLAIN`.
    Plain,
}
