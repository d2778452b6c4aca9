use mainstay_model::{AdmissionDecision, DependencyName, WaiverId};

use crate::policy::Policy;

/// By what a connection was admitted.
#[derive(Debug, Clone)]
pub(crate) enum Pass {
    /// Full verification succeeded; it holds for as long as the connection does.
    Verified,
    /// A waiver, which ends.
    Waived(WaiverId),
}

impl Pass {
    pub(crate) fn decision(&self) -> AdmissionDecision {
        match self {
            Pass::Verified => AdmissionDecision::Verified,
            Pass::Waived(id) => AdmissionDecision::Waived(*id),
        }
    }

    /// Waits until it holds no longer, which may be for ever.
    pub(crate) async fn over(&self, dependency: &DependencyName, policy: &Policy) {
        match self {
            Pass::Verified => std::future::pending().await,
            Pass::Waived(id) => policy.over(dependency, *id).await,
        }
    }
}
