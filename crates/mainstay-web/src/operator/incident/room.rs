//! What people do around an incident, as a page or a program asks for it.

use std::str::FromStr;

use jiff::SignedDuration;
use mainstay_engine::Action;
use mainstay_model::{Incident, IncidentState, Match, PersonName, nearest};
use serde::Deserialize;

use super::act::{Matter, over, required, text};
use super::{Known, Trouble};
use crate::operator::moment::moment;

/// What waits for longer than this is not snoozed or promised, but forgotten.
const A_WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A silence that is needed for longer belongs into the configuration, where others see it.
const LONGEST_SILENCE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// No task and no reason needs more characters.
const LONGEST_LINE: usize = 500;

/// No name needs more characters.
const LONGEST_NAME: usize = 100;

/// Until when somebody takes it up.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Snooze {
    until: String,
}

/// To whom it is handed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Assign {
    to: String,
}

/// How urgent it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choose {
    severity: String,
}

/// Who does what.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Give {
    role: String,
    who: Option<String>,
}

/// What there is to do.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Add {
    text: String,
}

/// When the next update is promised.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Promise {
    at: Option<String>,
}

/// Which incident goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Merge {
    into: String,
}

/// Which alert goes on by itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Split {
    alert: String,
}

/// For how long nobody wants to hear of its dependencies, and why.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Hush {
    until: String,
    reason: String,
}

/// Takes it up for a while.
pub(crate) fn snoozing(matter: &Matter<'_>, form: Snooze) -> Result<Action, Trouble> {
    let incident = open(matter)?;
    if let IncidentState::Acknowledged { by, until: None, .. } = &incident.state {
        let advice = "Hand it over instead: it then waits for whoever it is handed to.";
        return Err(Trouble::conflict(format!("It is taken up already, by {by}."), advice));
    }
    let zone = &matter.known.landscape.digest_at.timezone;
    let until = moment(&form.until, matter.known.now, zone, A_WEEK)?;
    Ok(Action::Snooze { incident: incident.id, until })
}

/// Hands it to somebody.
pub(crate) fn assigning(matter: &Matter<'_>, form: Assign) -> Result<Action, Trouble> {
    let incident = open(matter)?;
    let people = &matter.known.landscape.people;
    if people.is_empty() {
        let advice = "Name the people, and by what they are told, under people in the configuration.";
        return Err(Trouble::unusable("The configuration names nobody to hand it to.", advice));
    }
    let known = form.to.parse::<PersonName>().ok().filter(|name| people.contains_key(name));
    let to = known.ok_or_else(|| {
        let names = || people.keys().map(PersonName::as_str);
        let advice = match nearest(&form.to, names()) {
            Some(name) => format!("Did you mean {name}?"),
            None => format!("It is one of {}.", names().collect::<Vec<_>>().join(", ")),
        };
        Trouble::unusable(format!("Nobody is called {}.", shown(&form.to)), advice)
    })?;
    Ok(Action::Assign { incident: incident.id, to })
}

/// Gives it another severity.
pub(crate) fn choosing_severity(matter: &Matter<'_>, form: Choose) -> Result<Action, Trouble> {
    let incident = open(matter)?;
    let words = mainstay_model::Severity::ALL.map(mainstay_model::Severity::as_str);
    Ok(Action::SetSeverity { incident: incident.id, severity: one_of("severity", &form.severity, &words)? })
}

/// Says who does what; an empty name says that nobody does any more.
pub(crate) fn giving_role(matter: &Matter<'_>, form: Give) -> Result<Action, Trouble> {
    let incident = open(matter)?;
    let words: Vec<&str> = mainstay_model::Role::ALL.iter().map(|role| role.as_str()).collect();
    let role = one_of("role", &form.role, &words)?;
    let who = text("name", form.who.unwrap_or_default(), LONGEST_NAME)?;
    Ok(Action::SetRole { incident: incident.id, role, who })
}

/// Writes down what there is to do.
pub(crate) fn adding_task(matter: &Matter<'_>, form: Add) -> Result<Action, Trouble> {
    let incident = open(matter)?;
    Ok(Action::AddTask { incident: incident.id, text: required(form.text, LONGEST_LINE)? })
}

/// Says that a task is done; tasks are counted from 0.
pub(crate) fn finishing_task(matter: &Matter<'_>, task: &str) -> Result<Action, Trouble> {
    let incident = open(matter)?;
    let place = task.parse().ok().filter(|place: &usize| *place < incident.room.tasks.len());
    let advice = "Tasks are counted from 0, in the order in which they were written down.";
    let task = place.ok_or_else(|| Trouble::nothing("This incident has no such task.", advice))?;
    Ok(Action::FinishTask { incident: incident.id, task })
}

/// Promises the next update, or none.
pub(crate) fn promising(matter: &Matter<'_>, form: Promise) -> Result<Action, Trouble> {
    let incident = open(matter)?;
    let zone = &matter.known.landscape.digest_at.timezone;
    let wanted = form.at.filter(|at| !at.trim().is_empty() && at != "none");
    let at = wanted.map(|at| moment(&at, matter.known.now, zone, A_WEEK)).transpose()?;
    Ok(Action::Remind { incident: incident.id, at })
}

/// Lets it go on as a part of another.
pub(crate) fn merging(matter: &Matter<'_>, form: Merge) -> Result<Action, Trouble> {
    let incident = open(matter)?;
    let other = matter.known.open.iter().find(|one| one.id.to_string() == form.into.trim());
    let other = other.filter(|one| one.id != incident.id).ok_or_else(|| {
        Trouble::unusable(
            "There is no other open incident with that identifier.",
            "Send the identifier of the open incident that goes on; it stands in the address of its page.",
        )
    })?;
    if incident.is_drill() || other.is_drill() {
        let advice = "A drill has its own incident, so that its score is its own.";
        return Err(Trouble::conflict("A drill and what is in earnest cannot be merged.", advice));
    }
    if incident.publication.is_some() {
        return Err(Trouble::conflict(
            "Customers see this incident, so it has to be the one that goes on.",
            "Go to the other incident and merge that one into this.",
        ));
    }
    Ok(Action::Merge { incident: incident.id, into: other.id })
}

/// Lets one of its alerts go on as an incident of its own.
pub(crate) fn splitting(matter: &Matter<'_>, form: Split) -> Result<Action, Trouble> {
    let incident = open(matter)?;
    if incident.alerts.len() < 2 {
        let advice = "There is nothing to be told apart.";
        return Err(Trouble::conflict("It has no other alert.", advice));
    }
    if !incident.alerts.contains_key(form.alert.trim()) {
        let keys: Vec<&str> = incident.alerts.keys().map(String::as_str).collect();
        let advice = format!("Its alerts are {}.", keys.join(", "));
        return Err(Trouble::unusable("It has no such alert.", advice));
    }
    Ok(Action::Split { incident: incident.id, alert: form.alert.trim().to_owned() })
}

/// Has nobody told of its dependencies for a while.
pub(crate) fn silencing(matter: &Matter<'_>, form: Hush) -> Result<Action, Trouble> {
    let incident = open(matter)?;
    if incident.dependencies.is_empty() {
        let advice = "Snooze it instead.";
        return Err(Trouble::conflict(
            "It is about no dependency, and such things are never silent.",
            advice,
        ));
    }
    let what = Match { dependency: incident.dependencies.clone(), ..Match::default() };
    silence(matter.known, what, &form.until, form.reason)
}

/// A silence with the reason and the end that every silence needs.
pub(in crate::operator) fn silence(
    known: &Known,
    what: Match,
    until: &str,
    reason: String,
) -> Result<Action, Trouble> {
    let zone = &known.landscape.digest_at.timezone;
    let until = moment(until, known.now, zone, LONGEST_SILENCE)?;
    let reason = text("reason", reason, LONGEST_LINE)?.ok_or_else(|| {
        let advice = "Write why: whoever wonders at three in the morning why nobody is told reads it.";
        Trouble::unusable("A silence needs a reason.", advice)
    })?;
    Ok(Action::Silence { reason, what, until })
}

fn open<'a>(matter: &Matter<'a>) -> Result<&'a Incident, Trouble> {
    if matter.incident.is_open() { Ok(matter.incident) } else { Err(over()) }
}

/// A word of a short list.
pub(in crate::operator) fn one_of<T: FromStr>(what: &str, word: &str, words: &[&str]) -> Result<T, Trouble> {
    word.trim().parse().map_err(|_| {
        Trouble::unusable(
            format!("The {what} is missing or unknown."),
            format!("It is one of {}.", words.join(", ")),
        )
    })
}

fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(50).collect()
}
