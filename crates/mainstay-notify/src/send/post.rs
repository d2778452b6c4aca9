use std::fmt;

/// A message at a service and the one that it hangs under, as a receipt says it: `43 under 42`, or `42` for the first one itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Post {
    pub(super) own: String,
    pub(super) root: Option<String>,
}

const UNDER: &str = " under ";

impl Post {
    /// The first message about an incident, which is kept up to date.
    pub(super) fn first(own: impl Into<String>) -> Post {
        Post { own: own.into(), root: None }
    }

    /// A later one.
    pub(super) fn under(own: impl Into<String>, root: &str) -> Post {
        Post { own: own.into(), root: Some(root.to_owned()) }
    }

    /// The message that the one with this receipt hangs under, which is itself when it is the first.
    pub(super) fn root_of(receipt: &str) -> &str {
        receipt.split_once(UNDER).map_or(receipt, |(_, root)| root)
    }
}

impl fmt::Display for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.own)?;
        self.root.iter().try_for_each(|root| write!(f, "{UNDER}{root}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_again() {
        assert_eq!(Post::root_of(&Post::first("42").to_string()), "42");
        assert_eq!(Post::root_of(&Post::under("43", "42").to_string()), "42");
    }
}
