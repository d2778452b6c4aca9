use mainstay_model::{AdmissionDecision, DependencyName, WaiverId};
use mainstay_tls::Admitted;

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
    pub(crate) fn of(admitted: Admitted) -> Pass {
        match admitted {
            Admitted::Verified => Pass::Verified,
            Admitted::Waived(id) => Pass::Waived(id),
        }
    }

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
