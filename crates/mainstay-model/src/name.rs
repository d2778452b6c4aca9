use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a name cannot be empty")]
    Empty,
    /// Longer than 100 characters.
    #[error("a name has at most 100 characters")]
    TooLong,
    /// Something other than letters, digits, `-`, `_` and `.`.
    #[error("a name has only letters a-z, digits, '-', '_' and '.', not {0:?}")]
    Character(char),
}

/// The first character of `text` that makes it no name, or why it is none.
fn validate(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > 100 {
        return Err(NameError::TooLong);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.chars().find(|c| !allowed(*c)).map_or(Ok(()), |c| Err(NameError::Character(c)))
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                validate(text).map(|()| Self(text.into()))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

names! {
    /// The key of a provider in the configuration.
    ProviderName;
    /// The key of a dependency in the configuration.
    DependencyName;
    /// The key of a component in the configuration.
    ComponentName;
    /// The key of a channel in the configuration.
    ChannelName;
    /// The key of a person in the configuration.
    PersonName;
    /// The key of an on-call schedule in the configuration.
    ScheduleName;
    /// The key of an escalation policy in the configuration.
    EscalationName;
    /// The key of a rule of one's own in the configuration.
    RuleName;
    /// The key of a heartbeat in the configuration.
    HeartbeatName;
    /// The name of a header of an HTTP request.
    HeaderName;
    /// What another system calls one of its alerts; stable while that lasts.
    ExternalKey;
}
