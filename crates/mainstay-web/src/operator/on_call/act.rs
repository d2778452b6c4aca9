use std::sync::PoisonError;

use axum::http::StatusCode;
use mainstay_engine::{Action, OverrideFault, check_override};
use mainstay_model::{KeptOverride, Override, OverrideId, PersonName, Schedule, ScheduleName, nearest};
use serde::Deserialize;

use super::super::by::By;
use super::super::context::Context;
use super::super::trouble::Trouble;
use super::moment;

/// Who is to stand in, when, and for whom.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::operator) struct StandIn {
    /// RFC 3339, or a time on the clock of the schedule such as `2026-08-01T09:00`.
    from: String,
    until: String,
    person: String,
    /// Empty: for whoever is on call.
    instead_of: Option<String>,
    reason: Option<String>,
}

/// Has somebody stand in, and returns the override as it is kept.
pub(in crate::operator) async fn stand_in(
    context: &Context,
    by: By,
    schedule: &str,
    form: StandIn,
) -> Result<KeptOverride, Trouble> {
    let (name, known) = schedule_of(context, schedule)?;
    let terms = terms(context, &known, form)?;
    let now = (context.operator.clock)();
    {
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        check_override(&state, &name, &terms, now).map_err(refusal)?;
    }
    context.submit(by, Action::Override { schedule: name.clone(), terms: terms.clone() }).await?;
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let same = |kept: &&KeptOverride| Override { by: None, ..kept.terms.clone() } == terms;
    // The latest of those that are alike is the one that was just made. That none is there means that the configuration changed in
    // between, and the engine refused it.
    let kept = state.overrides(name.as_str()).filter(same).last().cloned();
    kept.ok_or_else(|| {
        Trouble::conflict(
            "It was not done, because the configuration changed just now.",
            "Look at who is on call and do it again.",
        )
    })
}

/// Takes back an override that was made at run time.
pub(in crate::operator) async fn remove(
    context: &Context,
    by: By,
    schedule: &str,
    id: &str,
) -> Result<(), Trouble> {
    let missing = || {
        Trouble::nothing(
            "There is no such override in this schedule.",
            "It may have been taken back already. One from the configuration is changed there.",
        )
    };
    let (name, _) = schedule_of(context, schedule)?;
    let id: OverrideId = id.parse().map_err(|_| missing())?;
    let kept = {
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        state.overrides(name.as_str()).find(|one| one.id == id).cloned()
    };
    let kept = kept.ok_or_else(missing)?;
    if kept.terms.until <= (context.operator.clock)() {
        return Err(Trouble::conflict("This override is over.", "What has passed cannot be changed."));
    }
    context.submit(by, Action::RemoveOverride(id)).await
}

fn schedule_of(context: &Context, schedule: &str) -> Result<(ScheduleName, Schedule), Trouble> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let found = state.landscape().schedules.get_key_value(schedule);
    let found = found.map(|(name, schedule)| (name.clone(), schedule.clone()));
    found.ok_or_else(|| {
        Trouble::nothing("There is no such schedule.", "The schedules are listed under On call.")
    })
}

fn terms(context: &Context, schedule: &Schedule, form: StandIn) -> Result<Override, Trouble> {
    let time = |what: &str, text: &str| {
        moment(text, &schedule.timezone).ok_or_else(|| {
            Trouble::unusable(
                format!("{what} is no time."),
                "Write it on the clock of the schedule, such as 2026-08-01T09:00, or with its offset, such as \
                 2026-08-01T09:00:00Z.",
            )
        })
    };
    let instead_of = form.instead_of.as_deref().map(str::trim).filter(|name| !name.is_empty());
    Ok(Override {
        from: time("The beginning", &form.from)?,
        until: time("The end", &form.until)?,
        person: person(context, form.person.trim())?,
        instead_of: instead_of.map(|name| person(context, name)).transpose()?,
        by: None,
        reason: form.reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
    })
}

fn person(context: &Context, name: &str) -> Result<PersonName, Trouble> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let people = &state.landscape().people;
    if let Some((known, _)) = people.get_key_value(name) {
        return Ok(known.clone());
    }
    let shown: String = name.chars().take(100).collect();
    let advice = match nearest(&shown, people.keys().map(PersonName::as_str)) {
        Some(near) => format!("Did you mean {near}?"),
        None => "People are named by their keys under `people` in the configuration.".into(),
    };
    let happened =
        if shown.is_empty() { "Nobody was named.".into() } else { format!("There is no person {shown}.") };
    Err(Trouble::unusable(happened, advice))
}

fn refusal(fault: OverrideFault) -> Trouble {
    let mut words = fault.to_string();
    if let Some(first) = words.get(..1).map(str::to_uppercase) {
        words.replace_range(..1, &first);
    }
    let status = match fault {
        OverrideFault::NoSchedule(_) => StatusCode::NOT_FOUND,
        OverrideFault::TooMany => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Trouble::new(status, format!("{words}."), "Nothing was changed. Correct it and send it again.")
}
