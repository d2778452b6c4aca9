use mainstay_model::RefusalReason;
use mainstay_wire::relay::{HopError, Side};

/// Why a connection comes to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: RefusalReason,
    /// A sentence without the name of the dependency.
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(reason: RefusalReason, message: impl Into<String>) -> Refusal {
        Refusal { reason, message: message.into() }
    }

    pub(crate) fn of_hop(error: &HopError) -> Refusal {
        let reason = match error {
            HopError::Broken { side: Side::Client, .. } => RefusalReason::ClientProtocol,
            HopError::Broken { side: Side::Server, .. } => RefusalReason::UpstreamProtocol,
            HopError::Unsupported { .. } => RefusalReason::Unsupported,
        };
        let message = match error {
            // The texts of the wire call the peer "the server".
            HopError::Broken { side: Side::Client, error } => {
                error.to_string().replace("the server", "the application")
            }
            other => other.to_string(),
        };
        Refusal { reason, message }
    }

    /// A connection of ours that broke while it was being made.
    pub(crate) fn of_upstream(error: &std::io::Error) -> Refusal {
        let message = format!("the connection to the server broke while it was being made: {error}");
        Refusal::new(RefusalReason::Unreachable, message)
    }
}
