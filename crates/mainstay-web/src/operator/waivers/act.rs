use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use jiff::Timestamp;
use mainstay_engine::{Action, WaiverGrounds, WaiverRefusal, WaiverWish};
use mainstay_model::{DependencyName, HumanDuration, Waiver, WaiverEnd, WaiverId, WaiverState, nearest};
use serde::Deserialize;

use super::home;
use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::trouble::Trouble;

/// What is asked for, as people and programs write it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::operator) struct Wish {
    pub(in crate::operator) dependency: String,
    pub(in crate::operator) reason: String,
    /// Empty: as long as is usual.
    pub(in crate::operator) lasts: String,
    /// Who asks, where nothing else says so.
    pub(in crate::operator) name: String,
    /// To one that was asked for: it does not stand in its own way.
    pub(in crate::operator) agreeing: bool,
}

/// What somebody decides about a waiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::operator) enum Decision {
    Grant,
    Refuse,
    End,
}

/// What a waiver would rest on now, and what it would give up.
pub(in crate::operator) struct Grounds {
    pub(in crate::operator) dependency: DependencyName,
    pub(in crate::operator) found: Result<WaiverGrounds, WaiverRefusal>,
    pub(in crate::operator) risks: Vec<String>,
    /// How long it would last, and until when.
    pub(in crate::operator) lasts: Duration,
    pub(in crate::operator) until: Timestamp,
    pub(in crate::operator) longest: Duration,
    pub(in crate::operator) second_person: bool,
}

/// What speaks for a waiver now, and what against.
pub(in crate::operator) fn grounds(context: &Context, wish: &Wish) -> Result<Grounds, Trouble> {
    let dependency = named(context, &wish.dependency)?;
    let now = (context.operator.clock)();
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let (terms, longest) = (state.landscape().waivers, state.longest_waiver());
    let wanted = length(&wish.lasts)?;
    let lasts = wanted.unwrap_or(terms.usual.min(longest));
    let ahead = jiff::SignedDuration::try_from(lasts).unwrap_or_default();
    Ok(Grounds {
        found: match wish.agreeing {
            true => state.waiver_grounds(&dependency, now),
            false => state.check_waiver_for(&dependency, wanted, now),
        },
        risks: state.waiver_risks(&dependency, lasts, now),
        dependency,
        lasts,
        until: now.saturating_add(ahead).unwrap_or(now),
        longest,
        second_person: terms.second_person,
    })
}

/// Asks for a waiver, and returns it as it stands then: in force, or waiting for a second person.
pub(in crate::operator) async fn ask(context: &Context, by: By, wish: Wish) -> Result<Waiver, Trouble> {
    let by = by.or(&wish.name);
    let wish = WaiverWish {
        dependency: named(context, &wish.dependency)?,
        reason: wish.reason.replace("\r\n", "\n"),
        lasts: length(&wish.lasts)?,
    };
    let now = (context.operator.clock)();
    let check = || {
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        state.check_waiver(&wish, now).map(drop).map_err(refused)
    };
    check()?;
    context.submit(by, Action::RequestWaiver(wish.clone())).await?;
    let made = {
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        let of_it = state.waivers().filter(|one| one.dependency == wish.dependency);
        let same = |one: &&Arc<Waiver>| one.requested.at >= now && one.reason == wish.reason.trim();
        of_it.filter(same).max_by_key(|one| one.requested.at).map(|one| Waiver::clone(one))
    };
    // That there is none means that something changed in between, and the engine refused it.
    made.ok_or_else(|| check().err().unwrap_or_else(|| meanwhile(&wish.dependency)))
}

fn meanwhile(dependency: &DependencyName) -> Trouble {
    Trouble::conflict(
        format!("It was not granted, because something about {dependency} changed just now."),
        "Look at its page, and ask again if it is still needed.",
    )
}

/// Grants, refuses or ends a waiver, and returns it as it stands then.
pub(in crate::operator) async fn decide(
    context: &Context,
    by: By,
    id: &str,
    decision: Decision,
) -> Result<Waiver, Trouble> {
    let before = decidable(context, &by, id, decision)?;
    let action = match decision {
        Decision::Grant => Action::GrantWaiver(before.id),
        Decision::Refuse => Action::RefuseWaiver(before.id),
        Decision::End => Action::EndWaiver(before.id),
    };
    context.submit(by, action).await?;
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    match state.waiver(before.id) {
        Some(after) if is_done(decision, after) => Ok(Waiver::clone(after)),
        _ => Err(meanwhile(&before.dependency).leading_to(home(&before), "Where it was asked for")),
    }
}

/// Whether it stands as somebody wanted it to. Of two who decide at once, one comes second.
fn is_done(decision: Decision, waiver: &Waiver) -> bool {
    match (decision, &waiver.state) {
        (Decision::Grant, state) => matches!(state, WaiverState::Active { .. }),
        (Decision::Refuse, WaiverState::Ended { end, .. }) => matches!(end, WaiverEnd::Refused { .. }),
        (Decision::End, state) => matches!(state, WaiverState::Ended { .. }),
        (Decision::Refuse, _) => false,
    }
}

/// The waiver, if that can be decided about it now.
fn decidable(context: &Context, by: &By, id: &str, decision: Decision) -> Result<Arc<Waiver>, Trouble> {
    let id: WaiverId = id.trim().parse().map_err(|_| refused(WaiverRefusal::NoSuchWaiver))?;
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let waiver = state.waiver(id).cloned().ok_or_else(|| refused(WaiverRefusal::NoSuchWaiver))?;
    let stands_against = match decision {
        Decision::Grant => state.check_grant(id, &by.0, (context.operator.clock)()).err(),
        Decision::Refuse => state.waiver_to_answer(id).err(),
        Decision::End => state.waiver_to_end(id).err(),
    };
    match stands_against {
        Some(refusal) => Err(refused(refusal).leading_to(home(&waiver), "Where it was asked for")),
        None => Ok(waiver),
    }
}

fn named(context: &Context, name: &str) -> Result<DependencyName, Trouble> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let known = &state.landscape().dependencies;
    if let Some((name, _)) = known.get_key_value(name.trim()) {
        return Ok(name.clone());
    }
    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(100).collect();
    let advice = match nearest(&shown, known.keys().map(DependencyName::as_str)) {
        Some(near) => format!("Did you mean {near}?"),
        None => "Name one of the configured dependencies.".into(),
    };
    let happened = match shown.trim() {
        "" => "No dependency was named.".into(),
        shown => format!("No dependency is called {shown}."),
    };
    Err(Trouble::nothing(happened, advice))
}

fn length(text: &str) -> Result<Option<Duration>, Trouble> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(|HumanDuration(length)| Some(length)).map_err(|error| {
            Trouble::unusable(format!("The length cannot be read: {error}."), "Write for example 4h.")
        }),
    }
}

/// What cannot be used, what does not exist, and what does not fit what is so now.
fn refused(refusal: WaiverRefusal) -> Trouble {
    use WaiverRefusal::*;
    let status = match &refusal {
        Unknown(_) | NoSuchWaiver => StatusCode::NOT_FOUND,
        NoReason | ReasonTooLong { .. } | NoTime | TooLong { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::CONFLICT,
    };
    Trouble::new(status, refusal.happened(), refusal.advice())
}
