use mainstay_model::DependencyState;
use serde::Deserialize;

use super::known::Known;
use crate::show::Sign;

/// Stands in addresses for what is nobody else's; no name has this character.
pub(super) const NO_PROVIDER: &str = "~";

/// Which dependencies a page or an answer is about, as its address says. What is not understood is left out rather than refused.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    pub(super) state: String,
    pub(super) provider: String,
    pub(super) q: String,
    pub(super) page: String,
}

impl Filter {
    /// Whether everything is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.sign().is_none() && self.provider.is_empty() && self.words().next().is_none()
    }

    pub(super) fn sign(&self) -> Option<Sign> {
        Sign::from_class(&self.state)
    }

    /// The page that is asked for, from 1 to the last one that there is.
    pub(super) fn page(&self, pages: usize) -> usize {
        page_of(&self.page, pages)
    }

    /// Whether a dependency is asked for: by state, by provider, and by every word.
    pub(super) fn takes(&self, known: &Known, state: &DependencyState) -> bool {
        let dependency = known.configured(state);
        let provider = dependency.and_then(|one| one.provider.as_ref());
        self.sign().is_none_or(|sign| Sign::of(state) == sign)
            && (self.provider.is_empty()
                || provider.map_or(NO_PROVIDER, |name| name.as_str()) == self.provider)
            && self.words().all(|word| {
                let mut texts = vec![state.name.as_str().to_lowercase()];
                texts.extend(provider.map(|name| known.landscape.provider_title(name).to_lowercase()));
                texts.extend(dependency.map(|one| one.target.to_string().to_lowercase()));
                texts.extend(
                    dependency.iter().flat_map(|one| &one.used_by).map(|name| name.as_str().to_lowercase()),
                );
                texts.iter().any(|text| text.contains(&word))
            })
    }

    fn words(&self) -> impl Iterator<Item = String> {
        self.q.split_whitespace().take(8).map(str::to_lowercase)
    }

    /// The address of a page of the same filter.
    pub(super) fn address(&self, page: usize) -> String {
        let pairs = [("state", &self.state), ("provider", &self.provider), ("q", &self.q)];
        let mut parts: Vec<String> = pairs
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| format!("{key}={}", escaped(value)))
            .collect();
        if page > 1 {
            parts.push(format!("page={page}"));
        }
        if parts.is_empty() { "/".into() } else { format!("/?{}", parts.join("&")) }
    }
}

/// The page that an address asks for, from 1 to the last one that there is.
pub(super) fn page_of(text: &str, pages: usize) -> usize {
    text.parse().unwrap_or(1).clamp(1, pages.max(1))
}

/// Percent-encodes all but what is harmless in a query or a path (RFC 3986, unreserved).
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte))
            }
            _ => escaped += &format!("%{byte:02X}"),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_the_filter() {
        let filter = Filter { q: "a&b ü".into(), state: "down".into(), ..Filter::default() };
        assert_eq!(filter.address(2), "/?state=down&q=a%26b%20%C3%BC&page=2");
        assert_eq!(Filter::default().address(1), "/");
    }

    #[test]
    fn nonsense_is_left_out() {
        let filter = Filter { state: "purple".into(), page: "-3".into(), ..Filter::default() };
        assert!(filter.is_empty());
        assert_eq!(filter.page(9), 1);
    }

    #[test]
    fn a_page_is_one_that_there_is() {
        for (asked, pages, given) in [("2", 3, 2), ("4", 3, 3), ("0", 3, 1), ("7", 0, 1)] {
            assert_eq!(page_of(asked, pages), given, "{asked} of {pages}");
        }
        assert_eq!(page_of(&u64::MAX.to_string(), 3), 3);
    }
}
