//! Where the names of a configuration lead, for the proof that a channel does not fall with what it tells of.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use mainstay_model::{Landscape, LookedUp, Lookup, Resolved};
use tokio::time::Instant;

/// So many questions are open at a time.
const AT_A_TIME: usize = 32;

/// Everything that can be answered within this time. A question whose answer leads to another is followed.
pub(crate) async fn resolve<F>(landscape: &Landscape, within: Duration, ask: impl Fn(Lookup) -> F) -> Resolved
where
    F: Future<Output = Option<LookedUp>>,
{
    let end = Instant::now() + within;
    let mut resolved = Resolved::new();
    let mut asked: BTreeSet<Lookup> = BTreeSet::new();
    loop {
        let mut round = mainstay_engine::lookups(landscape, &resolved);
        round.retain(|lookup| asked.insert(lookup.clone()));
        if round.is_empty() {
            return resolved;
        }
        let answers = stream::iter(round).map(|lookup| {
            let answer = ask(lookup.clone());
            async { (lookup, answer.await) }
        });
        let mut answers = std::pin::pin!(answers.buffer_unordered(AT_A_TIME));
        loop {
            match tokio::time::timeout_at(end, answers.next()).await {
                Ok(Some((lookup, Some(found)))) => {
                    resolved.insert(lookup, found);
                }
                Ok(Some((_, None))) => {}
                Ok(None) => break,
                Err(_) => return resolved,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mainstay_model::{Channel, ChannelKind};

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    fn landscape() -> Landscape {
        let mut landscape = Landscape::default();
        let kind = ChannelKind::Email { to: vec!["ops@example.org".into()] };
        landscape.channels.insert("mail".parse().unwrap(), Channel { kind, provider: None });
        landscape.status_page.public_url = "http://127.0.0.1:8081".into();
        landscape
    }

    fn found(name: &str) -> Option<LookedUp> {
        Some(LookedUp { names: [name.to_owned()].into(), ..LookedUp::default() })
    }

    #[tokio::test]
    async fn where_the_mail_goes_is_followed() {
        let ask = async |lookup| match lookup {
            Lookup::Mail(_) => found("mx.acme.example"),
            Lookup::Host(host) => found(&format!("alias-of-{host}")),
            Lookup::NameServers(_) => None,
        };
        let resolved = resolve(&landscape(), LONG, ask).await;
        let asked: Vec<&Lookup> = resolved.keys().collect();
        assert_eq!(
            asked,
            [&Lookup::Host("mx.acme.example".into()), &Lookup::Mail("example.org".into())],
            "what nobody says is missing, and not asked for ever"
        );
    }

    #[tokio::test]
    async fn a_silent_resolver_costs_no_more_than_the_time_that_it_is_given() {
        let ask = async |lookup| match lookup {
            Lookup::Mail(_) => found("mx.acme.example"),
            _ => std::future::pending().await,
        };
        let resolved = resolve(&landscape(), Duration::from_millis(100), ask).await;
        assert_eq!(resolved.len(), 1, "what was answered before counts: {resolved:?}");
    }
}
