use mainstay_model::{AdmissionDecision, DependencyName, Pin, PolicyWaiver, WaiverId};
use mainstay_tls::Admitted;

use crate::policy::Policy;

/// By what a connection was admitted.
#[derive(Debug, Clone)]
pub(crate) enum Pass {
    /// Full verification succeeded; it holds for as long as the connection does.
    Verified,
    /// A waiver for this certificate, which ends.
    Waived(WaiverId, Pin),
}

impl Pass {
    /// `waiver` is the one that was in force at the decision.
    pub(crate) fn of(admitted: Admitted, waiver: Option<&PolicyWaiver>) -> Option<Pass> {
        match admitted {
            Admitted::Verified => Some(Pass::Verified),
            Admitted::Waived(id) => {
                waiver.filter(|waiver| waiver.id == id).map(|waiver| Pass::Waived(id, waiver.pin))
            }
        }
    }

    pub(crate) fn decision(&self) -> AdmissionDecision {
        match self {
            Pass::Verified => AdmissionDecision::Verified,
            Pass::Waived(id, _) => AdmissionDecision::Waived(*id),
        }
    }

    /// Waits until it holds no longer, which may be for ever.
    pub(crate) async fn over(&self, dependency: &DependencyName, policy: &Policy) {
        match self {
            Pass::Verified => std::future::pending().await,
            Pass::Waived(_, pin) => policy.over(dependency, *pin).await,
        }
    }
}
