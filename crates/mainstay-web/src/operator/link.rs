use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use mainstay_model::{ChannelName, IncidentId, PersonName, Secret};

/// What a signature is for, so that the key can sign something else one day without either passing for the other.
const PURPOSE: &[u8] = b"mainstay take-up 1\0";

/// Bytes of HMAC-SHA-256 (RFC 2104, FIPS 198-1).
const TAG: usize = 32;

/// Bytes of an incident's identifier.
const ID: usize = 16;

/// Who was told, and may take the incident up by the link in the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A person, by a channel of their own.
    Person(PersonName),
    /// Whoever reads a channel.
    Channel(ChannelName),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Person(name) => name.fmt(f),
            Who::Channel(name) => write!(f, "someone via {name}"),
        }
    }
}

/// Makes and reads the links by which an incident is taken up.
///
/// A token is the base64url (RFC 4648, section 5, without padding) of the incident's 16 bytes, `p` or `c`, the name of the person or
/// channel, and the HMAC-SHA-256 over all of these. It does not expire: what it can do ends with the incident.
pub struct Links {
    key: hmac::Key,
}

impl Links {
    /// Signs with this secret, whose bytes are the key.
    pub fn new(secret: &Secret) -> Links {
        Links { key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()) }
    }

    /// The address under the operator's pages, which have no trailing slash.
    pub fn url(&self, operator_url: &str, incident: IncidentId, who: &Who) -> String {
        format!("{operator_url}/a/{}", self.token(incident, who))
    }

    fn token(&self, incident: IncidentId, who: &Who) -> String {
        let mut bytes = number(incident).to_be_bytes().to_vec();
        let (kind, name) = match who {
            Who::Person(name) => (b'p', name.as_str()),
            Who::Channel(name) => (b'c', name.as_str()),
        };
        bytes.push(kind);
        bytes.extend_from_slice(name.as_bytes());
        let tag = hmac::sign(&self.key, &signed(&bytes));
        bytes.extend_from_slice(tag.as_ref());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a token says; `None` when it was not made with this secret.
    pub(super) fn read(&self, token: &str) -> Option<(IncidentId, Who)> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (said, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        // In constant time, so that a signature cannot be found byte by byte.
        hmac::verify(&self.key, &signed(said), tag).ok()?;
        let (incident, rest) = said.split_first_chunk::<ID>()?;
        let (kind, name) = rest.split_first()?;
        let name = std::str::from_utf8(name).ok()?;
        let who = match kind {
            b'p' => Who::Person(name.parse().ok()?),
            b'c' => Who::Channel(name.parse().ok()?),
            _ => return None,
        };
        Some((format!("{:032x}", u128::from_be_bytes(*incident)).parse().ok()?, who))
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Links")
    }
}

fn signed(said: &[u8]) -> Vec<u8> {
    [PURPOSE, said].concat()
}

/// An identifier is printed as the hexadecimal digits of its number, with hyphens.
fn number(incident: IncidentId) -> u128 {
    let digits = incident.to_string().replace('-', "");
    u128::from_str_radix(&digits, 16).expect("a UUID is 32 hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mainstay_model::Random;

    use super::*;

    fn links() -> Links {
        Links::new(&Secret::new("the key of this house"))
    }

    fn incident(seed: u64) -> IncidentId {
        IncidentId::new("2026-11-22T22:41:00Z".parse::<Timestamp>().unwrap(), &mut Random::seeded(seed))
    }

    fn everybody() -> [Who; 2] {
        [Who::Person("ben".parse().unwrap()), Who::Channel("ops-discord".parse().unwrap())]
    }

    #[test]
    fn a_link_says_which_incident_and_who() {
        for who in everybody() {
            let token = links().token(incident(1), &who);
            assert_eq!(links().read(&token), Some((incident(1), who)));
        }
        let url = links().url("https://ops.example.com", incident(1), &everybody()[0]);
        assert!(url.starts_with("https://ops.example.com/a/") && url.len() < 120, "{url}");
    }

    #[test]
    fn no_other_text_is_a_link() {
        let token = links().token(incident(1), &everybody()[0]);
        for place in 0..token.len() {
            let other = if token.as_bytes()[place] == b'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &token[..place], &token[place + 1..]);
            assert_eq!(links().read(&changed), None, "changed at {place}");
            assert_eq!(links().read(&token[..place]), None, "cut at {place}");
        }
        let elsewhere = Links::new(&Secret::new("the key of another house"));
        assert_eq!(elsewhere.read(&token), None);
        assert_eq!(links().read("ä"), None);
    }

    #[test]
    fn a_person_and_a_channel_of_one_name_are_told_apart() {
        let person = links().token(incident(1), &Who::Person("ops".parse().unwrap()));
        let channel = links().token(incident(1), &Who::Channel("ops".parse().unwrap()));
        assert_ne!(person, channel);
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", links()), "Links");
    }
}
