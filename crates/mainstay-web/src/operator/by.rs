use std::convert::Infallible;

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};

/// The header in which a program of this machine names the person for whom it acts.
const NAMED: &str = "mainstay-by";

/// No name needs more characters.
const LONGEST: usize = 100;

/// In whose name something is done.
#[derive(Debug, Clone)]
pub(crate) struct By(pub(super) String);

/// Who does something over the network, as long as there is no log-in.
const NOBODY: &str = "operator";

impl By {
    /// The name that somebody gave, where nothing else says who it is. It is what they say, and is believed only because there is
    /// nothing better yet.
    pub(super) fn or(self, said: &str) -> By {
        match clean(said) {
            Some(name) if self.0 == NOBODY => By(name),
            _ => self,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<By, Infallible> {
        // There is no log-in yet, so whoever comes over the network has no name.
        Ok(parts.extensions.get().cloned().unwrap_or_else(|| By(NOBODY.into())))
    }
}

/// Marks what came by the socket that only its owner can open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner;

/// The same answers for a socket that only its owner can open: there, the header `mainstay-by` is believed, and no token is asked for.
pub fn for_owner(router: Router) -> Router {
    router.layer(from_fn(async |mut request: Request, next: Next| {
        request.extensions_mut().insert(Owner);
        if let Some(by) = named(&request) {
            request.extensions_mut().insert(by);
        }
        next.run(request).await
    }))
}

fn named(request: &Request) -> Option<By> {
    clean(std::str::from_utf8(request.headers().get(NAMED)?.as_bytes()).ok()?).map(By)
}

fn clean(name: &str) -> Option<String> {
    let name: String = name.trim().chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
    (!name.is_empty()).then_some(name)
}
