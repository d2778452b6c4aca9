use std::time::Duration;

use mainstay_model::{Dependency, DependencyName, Target, TlsPolicy};

/// What one check is to do.
#[derive(Debug, Clone)]
pub struct CheckRequest {
    /// The configured dependency; absent for a bare URL.
    pub dependency: Option<DependencyName>,
    /// By what it is judged, as [`Dependency::endpoint`] says; absent for a bare URL.
    pub endpoint: Option<String>,
    /// Whose it is, as people call it; named in what to do next.
    pub provider: Option<String>,
    /// Where to connect to.
    pub target: Target,
    /// How the server's certificate must verify.
    pub tls: TlsPolicy,
    /// What to ask after log-in. Absent: the protocol's own smallest question.
    pub query: Option<String>,
    /// Bound on the whole check. Waiting for a turn (see [`ProberOptions`](crate::ProberOptions)) is bounded by the same
    /// length once more, since the server is not to be blamed for it.
    pub timeout: Duration,
    /// Slower than this is a finding.
    pub slow: Option<Duration>,
}

impl CheckRequest {
    /// A check of a bare URL with full verification against the roots of this system.
    pub fn new(target: Target, timeout: Duration) -> CheckRequest {
        CheckRequest {
            dependency: None,
            endpoint: None,
            provider: None,
            target,
            tls: TlsPolicy::default(),
            query: None,
            timeout,
            slow: None,
        }
    }
}

impl From<&Dependency> for CheckRequest {
    fn from(dependency: &Dependency) -> CheckRequest {
        CheckRequest {
            dependency: Some(dependency.name.clone()),
            endpoint: Some(dependency.endpoint()),
            provider: dependency.provider.as_ref().map(ToString::to_string),
            target: dependency.target.clone(),
            tls: dependency.tls.clone(),
            query: dependency.query.clone(),
            timeout: dependency.timeout,
            slow: dependency.slow,
        }
    }
}
