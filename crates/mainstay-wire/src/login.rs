use std::fmt;

use zeroize::Zeroizing;

/// Who to log in as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name; empty where the protocol knows passwords without a user (Redis).
    pub user: String,
    /// The password, if there is one.
    pub password: Option<Password>,
}

impl Login {
    /// The password's bytes, empty without one.
    pub(crate) fn password_bytes(&self) -> &[u8] {
        self.password.as_ref().map_or(&[], |password| password.as_bytes())
    }
}

/// A password: never printed, wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Password {
        Password(Zeroizing::new(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
