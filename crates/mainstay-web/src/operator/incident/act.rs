use std::sync::PoisonError;

use mainstay_engine::Action;
use mainstay_model::{Incident, IncidentId, IncidentState, PublicStatus};
use serde::Deserialize;

use super::{Context, Known, Trouble, find};
use crate::operator::by::By;

/// No title for customers needs more characters.
const LONGEST_TITLE: usize = 200;

/// No text needs more characters.
const LONGEST_TEXT: usize = 10_000;

/// A note is shown by so many lines at most, each of so many characters: what is longer belongs behind a link.
const MOST_EVIDENCE: usize = 20;
const LONGEST_EVIDENCE: usize = 2_000;

/// What is made public. What is left out is worded by Mainstay.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Publish {
    title: String,
    body: String,
}

/// More for customers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Update {
    status: String,
    body: String,
}

/// Something for the team, and what shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NoteText {
    text: String,
    evidence: Lines,
}

/// A list, as programs send it, or one text with a line for each, as a form does.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Lines {
    List(Vec<String>),
    Text(String),
}

impl Default for Lines {
    fn default() -> Lines {
        Lines::List(Vec::new())
    }
}

impl Lines {
    fn into_list(self) -> Vec<String> {
        let list = match self {
            Lines::List(list) => list,
            Lines::Text(text) => text.lines().map(str::to_owned).collect(),
        };
        list.into_iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    }
}

/// An incident that something is to be done about, and what is known around it.
pub(crate) struct Matter<'a> {
    pub(crate) incident: &'a Incident,
    pub(crate) known: &'a Known,
}

/// Does what a person asked for, and says about which incident it was once it is committed.
pub(crate) async fn perform(
    context: &Context,
    by: By,
    id: &str,
    action: impl FnOnce(&Matter<'_>) -> Result<Action, Trouble>,
) -> Result<IncidentId, Trouble> {
    let known = Known::read(context);
    let incident = find(context, &known, id).await?;
    let id = incident.id;
    let matter = Matter { incident: &incident, known: &known };
    let done = async {
        at_hand(context, id)?;
        context.submit(by, action(&matter)?).await
    };
    let back = |trouble: Trouble| trouble.leading_to(format!("/incidents/{id}"), "Back to the incident");
    done.await.map(|()| id).map_err(back)
}

/// The engine forgets incidents some time after they ended, and would take nothing more about them.
fn at_hand(context: &Context, id: IncidentId) -> Result<(), Trouble> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let happened = "This incident ended too long ago to be added to.";
    let advice =
        "What is known of it stays on its page. When its cause shows up anew, another incident opens.";
    state.incident(id).map(drop).ok_or_else(|| Trouble::conflict(happened, advice))
}

/// Where an incident may stand for customers: it is over for them when it is over, and not before.
pub(super) fn statuses(incident: &Incident) -> impl Iterator<Item = PublicStatus> {
    let open = incident.is_open();
    PublicStatus::ALL.iter().copied().filter(move |status| (*status == PublicStatus::Resolved) != open)
}

/// Takes an incident up.
pub(crate) fn acknowledging(Matter { incident, .. }: &Matter<'_>) -> Result<Action, Trouble> {
    match &incident.state {
        IncidentState::Acknowledged { by, until: None, .. } => Err(Trouble::conflict(
            format!("It is taken up already, by {by}."),
            "There is nothing more to do here.",
        )),
        IncidentState::Resolved { .. } => Err(over()),
        _ => Ok(Action::Acknowledge(incident.id)),
    }
}

/// Whether nobody has taken it up for good.
pub(crate) fn is_for_taking(state: &IncidentState) -> bool {
    matches!(state, IncidentState::Open | IncidentState::Acknowledged { until: Some(_), .. })
}

/// Closes it by hand.
pub(crate) fn resolving(Matter { incident, known }: &Matter<'_>) -> Result<Action, Trouble> {
    let mut waived = known.waivers.iter().filter(|one| one.incident == Some(incident.id));
    if let Some(one) = waived.find(|one| one.waiver.is_in_force(known.now)) {
        let name = &one.waiver.dependency;
        let happened =
            format!("A waiver is in force for {name}, and its incident stays open until that is over.");
        return Err(Trouble::conflict(happened, "End the waiver first."));
    }
    if incident.is_open() { Ok(Action::Resolve(incident.id)) } else { Err(over()) }
}

/// Makes it public.
pub(crate) fn publishing(Matter { incident, .. }: &Matter<'_>, form: Publish) -> Result<Action, Trouble> {
    if incident.is_drill() {
        return Err(Trouble::conflict(
            "It is a drill, of which customers see nothing.",
            "Publish what is real.",
        ));
    }
    if incident.publication.is_some() {
        return Err(Trouble::conflict("It is public already.", "Send customers an update instead."));
    }
    if !incident.is_open() {
        return Err(over());
    }
    let title = text("title", form.title, LONGEST_TITLE)?;
    Ok(Action::Publish { incident: incident.id, title, body: text("text", form.body, LONGEST_TEXT)? })
}

/// Tells customers more.
pub(crate) fn updating(Matter { incident, .. }: &Matter<'_>, form: Update) -> Result<Action, Trouble> {
    if incident.publication.is_none() {
        return Err(Trouble::conflict("Customers do not see this incident.", "Publish it first."));
    }
    let known: Vec<&str> = PublicStatus::ALL.iter().map(|status| status.as_str()).collect();
    let advice = format!("It is one of {}.", known.join(", "));
    let status: PublicStatus = form
        .status
        .parse()
        .map_err(|()| Trouble::unusable("Where the incident stands is missing or unknown.", advice))?;
    if !statuses(incident).any(|one| one == status) {
        return Err(ahead_of_itself(incident));
    }
    Ok(Action::Update { incident: incident.id, status, body: required(form.body, LONGEST_TEXT)? })
}

fn ahead_of_itself(incident: &Incident) -> Trouble {
    match incident.is_open() {
        true => Trouble::conflict(
            "This incident is still open, so customers cannot be told that it is resolved.",
            "Say that it is monitoring. Customers are told by themselves when it ends, and when you close it by hand.",
        ),
        false => Trouble::conflict(
            "This incident is over, so it cannot stand anywhere else for customers.",
            "Send the update as resolved. It opens again by itself when its cause shows up anew.",
        ),
    }
}

/// Writes something down.
pub(crate) fn noting(Matter { incident, .. }: &Matter<'_>, form: NoteText) -> Result<Action, Trouble> {
    let evidence = form.evidence.into_list();
    if evidence.len() > MOST_EVIDENCE || evidence.iter().any(|one| one.chars().count() > LONGEST_EVIDENCE) {
        return Err(Trouble::unusable(
            format!(
                "What shows it has more than {MOST_EVIDENCE} lines, or one with more than {LONGEST_EVIDENCE} characters."
            ),
            "Write down the lines that matter, and link to the rest.",
        ));
    }
    Ok(Action::Note { incident: incident.id, text: required(form.text, LONGEST_TEXT)?, evidence })
}

pub(super) fn over() -> Trouble {
    Trouble::conflict("This incident is over.", "It opens again by itself when its cause shows up anew.")
}

pub(super) fn required(body: String, longest: usize) -> Result<String, Trouble> {
    text("text", body, longest)?
        .ok_or_else(|| Trouble::unusable("The text is empty.", "Go back and write what is to be said."))
}

/// A text without white space around it; `None` when nothing is left.
pub(super) fn text(what: &str, text: String, longest: usize) -> Result<Option<String>, Trouble> {
    let length = text.chars().count();
    if length > longest {
        let advice = "Go back and shorten it.";
        return Err(Trouble::unusable(
            format!("The {what} has {length} characters; {longest} are allowed."),
            advice,
        ));
    }
    // Browsers send line ends as CR LF.
    Ok(Some(text.replace("\r\n", "\n").trim().to_owned()).filter(|text| !text.is_empty()))
}
