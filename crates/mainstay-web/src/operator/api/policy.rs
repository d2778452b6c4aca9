use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use jiff::Timestamp;
use mainstay_engine::Event;
use mainstay_model::{DependencyName, RelayPolicy, WaiverId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::token::Proof;
use crate::operator::asked::Asked;
use crate::operator::context::Context;
use crate::operator::trouble::{ApiTrouble, Trouble};

/// Whoever waits for a policy is answered after this at the latest, so that nothing in between takes them for gone.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Signs a policy: a JWS in its flattened JSON serialization (RFC 7515 section 7.2.2). `None` when it cannot be written down.
pub type Sign = Arc<dyn Fn(&RelayPolicy) -> Option<String> + Send + Sync>;

/// What relays and applications elsewhere go by.
#[derive(Clone)]
pub struct PolicyDesk {
    /// What is in force.
    pub latest: watch::Receiver<Arc<RelayPolicy>>,
    /// Signs it.
    pub sign: Sign,
    /// The public key, for whoever verifies the signature.
    pub public_key: String,
}

impl fmt::Debug for PolicyDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyDesk").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

/// Which policy is known already.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Known {
    /// When it was issued. With it, the answer waits until there is a later one.
    after: Option<Timestamp>,
}

/// `GET /api/v1/policy/signed`: the policy with its signature; with `after`, as soon as there is another.
pub(super) async fn signed(
    State(context): State<Arc<Context>>,
    Asked(known): Asked<Known>,
) -> Result<Response, ApiTrouble> {
    let desk = &context.operator.policy;
    let mut latest = desk.latest.clone();
    if let Some(after) = known.after {
        let another = latest.wait_for(|policy| policy.issued_at > after);
        // After the longest wait, what is known already is said again: then the other side knows that we are there.
        let _ = tokio::time::timeout(LONGEST_WAIT, another).await;
    }
    let policy = Arc::clone(&desk.latest.borrow());
    let text = (desk.sign)(&policy).ok_or_else(|| {
        Trouble::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The policy cannot be signed.",
            "This is a fault of Mainstay; please report it.",
        )
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// The answer with the key.
#[derive(Debug, Serialize)]
pub(super) struct Key {
    /// Ed25519, base64url without padding.
    key: String,
}

/// `GET /api/v1/policy/key`: by what signatures are verified.
pub(super) async fn key(State(context): State<Arc<Context>>) -> Json<Key> {
    Json(Key { key: context.operator.policy.public_key.clone() })
}

/// What relays elsewhere have to tell.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    /// Which process says it; empty for one that does not number what it says.
    relay: String,
    /// How often that one said something, this time included. What was taken with a number is not taken again.
    number: u64,
    /// Waivers that were used.
    uses: Vec<Use>,
    /// Waivers that are needed no more, since full verification succeeded while they were in force.
    fully_verified: Vec<WaiverId>,
    /// Dependencies whose servers were refused, or could not be reached.
    refused: Vec<DependencyName>,
}

#[derive(Debug, Deserialize)]
struct Use {
    waiver: WaiverId,
    count: u64,
    at: Timestamp,
}

/// The answer to that.
#[derive(Debug, Serialize)]
pub(super) struct Taken {
    taken: usize,
}

/// What was taken of each relay that numbers what it says.
#[derive(Debug, Default)]
pub(in crate::operator) struct Heard(Mutex<HashMap<String, u64>>);

impl Heard {
    /// So many processes are remembered; with more, all are forgotten.
    const MOST: usize = 1_000;

    /// Whether it was not taken before; it is from now on.
    fn is_news(&self, relay: &str, number: u64) -> bool {
        if relay.is_empty() {
            return true;
        }
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() >= Self::MOST && !heard.contains_key(relay) {
            heard.clear();
        }
        let latest = heard.entry(relay.to_owned()).or_default();
        let is_news = number > *latest;
        *latest = number.max(*latest);
        is_news
    }

    /// It was not taken after all.
    fn forget(&self, relay: &str, number: u64) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(latest) = heard.get_mut(relay).filter(|latest| **latest == number) {
            *latest = number.saturating_sub(1);
        }
    }
}

/// `POST /api/v1/relays/told`: what a relay that runs elsewhere has seen.
pub(super) async fn told(
    State(context): State<Arc<Context>>,
    proof: Proof,
    told: Result<Json<Told>, JsonRejection>,
) -> Result<Json<Taken>, ApiTrouble> {
    let token = {
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        state.landscape().receive.relay_token.clone()
    };
    let advice = "Send the header Authorization: Bearer, with receive.relay_token of the configuration.";
    proof.authorize(token.as_ref(), advice)?;
    let Json(told) = told.map_err(|error| {
        Trouble::new(StatusCode::BAD_REQUEST, error.body_text(), "Send what the API's document says.")
    })?;
    let taken = told.uses.len() + told.fully_verified.len() + told.refused.len();
    let is_news = context.heard.is_news(&told.relay, told.number);
    let uses = told.uses.into_iter().filter(|_| is_news);
    let uses = uses.map(|Use { waiver, count, at }| Event::WaiverUsed { waiver, count, at });
    let verified = told.fully_verified.into_iter().map(|waiver| Event::FullyVerified { waiver });
    // All are handed in before any is waited for: that they are written may be heard too late, and then they are not told anew.
    let refused = told.refused.into_iter().map(Event::RelayRefused);
    let handed_in = join_all(uses.chain(verified).chain(refused).map(|event| context.record(event))).await;
    let outcome: Result<Vec<()>, Trouble> = handed_in.into_iter().collect();
    if outcome.as_ref().is_err_and(Trouble::is_not_recorded) {
        context.heard.forget(&told.relay, told.number);
    }
    outcome?;
    Ok(Json(Taken { taken }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_with_a_number_is_no_news() {
        let heard = Heard::default();
        let news = |relay, number| heard.is_news(relay, number);
        assert!(news("a", 1) && news("b", 1) && news("a", 2));
        assert!(!news("a", 2) && !news("a", 1) && !news("b", 1));
        assert!(news("", 0) && news("", 0), "who does not number is believed");
        heard.forget("a", 2);
        assert!(news("a", 2), "it was not taken after all");
    }
}
