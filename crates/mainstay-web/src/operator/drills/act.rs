use std::sync::PoisonError;
use std::time::Duration;

use axum::http::StatusCode;
use mainstay_engine::{Action, DrillFault, DrillPlan, DrillTerms};
use mainstay_model::{FailureKind, HumanDuration, IncidentId, nearest};
use serde::Deserialize;

use super::super::by::By;
use super::super::context::Context;
use super::super::trouble::Trouble;

/// What is to be played, as people and programs write it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::operator) struct Wanted {
    pub(in crate::operator) dependency: String,
    /// Empty: an expired certificate.
    pub(in crate::operator) failure: String,
    /// Whether maintenance and silences keep it quiet.
    pub(in crate::operator) respects_quiet: bool,
    /// How long it goes on at most; empty: with its escalations.
    pub(in crate::operator) lasts: String,
}

/// What is wanted in the engine's terms, and who would be told of it now.
pub(in crate::operator) fn plan(
    context: &Context,
    wanted: &Wanted,
) -> Result<(DrillTerms, DrillPlan), Trouble> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let names = state.landscape().dependencies.keys();
    let Some((name, _)) = state.landscape().dependencies.get_key_value(wanted.dependency.as_str()) else {
        let advice = match nearest(&wanted.dependency, names.map(|name| name.as_str())) {
            Some(near) => format!("Did you mean {near}?"),
            None => "Name one of the configured dependencies.".into(),
        };
        let asked: String = wanted.dependency.chars().take(100).collect();
        return Err(Trouble::nothing(format!("No dependency is called {asked}."), advice));
    };
    let terms = DrillTerms {
        dependency: name.clone(),
        failure: failure(&wanted.failure)?,
        respects_quiet: wanted.respects_quiet,
        lasts: lasts(&wanted.lasts)?,
    };
    state.check_drill(&terms).map_err(refusal)?;
    let plan = state.plan_drill(&terms, (context.operator.clock)()).map_err(refusal)?;
    Ok((terms, plan))
}

/// Begins a drill, and says which incident it is.
pub(in crate::operator) async fn begin(
    context: &Context,
    by: By,
    wanted: Wanted,
) -> Result<IncidentId, Trouble> {
    let (terms, _) = plan(context, &wanted)?;
    let dependency = terms.dependency.clone();
    context.submit(by, Action::Drill(terms.clone())).await?;
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let begun = state.running_drill(&dependency).map(|incident| incident.id);
    begun.ok_or_else(|| match state.check_drill(&terms) {
        Err(fault) => refusal(fault),
        Ok(()) => {
            Trouble::conflict("It ended in the moment in which it began.", "Look at what happened meanwhile.")
        }
    })
}

fn failure(text: &str) -> Result<FailureKind, Trouble> {
    match text.trim() {
        "" => Ok(FailureKind::CertificateExpired),
        text => text.parse().map_err(|()| {
            let words = FailureKind::ALL.iter().map(|kind| kind.as_str());
            let near = nearest(text, words).map_or_else(
                || "Write for example certificate-expired or connect-timed-out.".into(),
                |near| format!("Did you mean {near}?"),
            );
            Trouble::unusable("There is no such failure.", near)
        }),
    }
}

fn lasts(text: &str) -> Result<Option<Duration>, Trouble> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse::<HumanDuration>() {
            Ok(length) if length.0 >= Duration::from_secs(10) => Ok(Some(length.0)),
            Ok(_) => Err(Trouble::unusable("Nobody can take it up so soon.", "Give them at least 10s.")),
            Err(error) => Err(Trouble::unusable(
                format!("The length cannot be read: {error}."),
                "Write for example 20m.",
            )),
        },
    }
}

fn refusal(fault: DrillFault) -> Trouble {
    let status = match fault {
        DrillFault::Unknown(_) => StatusCode::NOT_FOUND,
        DrillFault::NotDown(_) => StatusCode::UNPROCESSABLE_ENTITY,
        DrillFault::Running(_) | DrillFault::Real(_) | DrillFault::SwitchedOff => StatusCode::CONFLICT,
    };
    Trouble::new(status, format!("The drill was not begun: {fault}."), "Nobody was told anything.")
}
