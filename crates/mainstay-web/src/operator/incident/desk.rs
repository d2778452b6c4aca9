use jiff::Timestamp;
use mainstay_engine::waiver_line;
use mainstay_model::{Incident, IncidentId, IncidentState, Role, Severity};

use super::escalation::{OnCall, sentences};
use crate::operator::known::Known;
use crate::show::{When, clock_time};

/// The people around an incident and their work, and what can be chosen.
pub(super) struct Desk {
    /// Who is being told or not, and what is due, a sentence each.
    pub(super) standing: Vec<String>,
    pub(super) roles: Vec<(&'static str, String)>,
    pub(super) tasks: Vec<Task>,
    pub(super) promised: bool,
    /// Who it can be handed to: the name and its title.
    pub(super) people: Vec<(String, String)>,
    pub(super) severities: Vec<(&'static str, bool)>,
    /// Other open incidents, by identifier and title.
    pub(super) others: Vec<(IncidentId, String)>,
    /// What can be split off, by its key.
    pub(super) alerts: Vec<String>,
    pub(super) may_be_silenced: bool,
    /// Whose wall clock times are read by.
    pub(super) zone: String,
    pub(super) morning: String,
}

/// What it can be merged into.
fn others(incident: &Incident, known: &Known) -> Vec<(IncidentId, String)> {
    if incident.is_drill() {
        return Vec::new();
    }
    let others = known.open.iter().filter(|one| one.id != incident.id && !one.is_drill());
    others.map(|one| (one.id, one.title.clone())).collect()
}

/// Something to do, or done.
pub(super) struct Task {
    pub(super) place: usize,
    pub(super) text: String,
    /// When, and by whom.
    pub(super) done: Option<(When, String)>,
}

impl Desk {
    pub(super) fn of(incident: &Incident, known: &Known, on_call: OnCall<'_>) -> Desk {
        let (now, landscape) = (known.now, &known.landscape);
        let title = |role: &Role| incident.room.roles.get(role).cloned().unwrap_or_default();
        let several = incident.alerts.len() > 1;
        Desk {
            standing: standing(incident, known, on_call),
            roles: Role::ALL.iter().map(|role| (role.as_str(), title(role))).collect(),
            tasks: tasks(incident, now),
            promised: incident.room.update_due_at.is_some(),
            people: landscape
                .people
                .iter()
                .map(|(name, one)| (name.to_string(), one.title.clone()))
                .collect(),
            severities: Severity::ALL
                .into_iter()
                .map(|one| (one.as_str(), one == incident.severity))
                .collect(),
            others: others(incident, known),
            alerts: if several { incident.alerts.keys().cloned().collect() } else { Vec::new() },
            may_be_silenced: !incident.dependencies.is_empty(),
            zone: landscape.digest_at.timezone.iana_name().unwrap_or("UTC").to_owned(),
            morning: landscape.digest_at.at.strftime("%H:%M").to_string(),
        }
    }
}

fn tasks(incident: &Incident, now: Timestamp) -> Vec<Task> {
    let task = |(place, one): (usize, &mainstay_model::Task)| Task {
        place,
        text: one.text.clone(),
        done: one.done.as_ref().map(|(at, by)| (When::clock(*at, now), by.clone())),
    };
    incident.room.tasks.iter().enumerate().map(task).collect()
}

fn standing(incident: &Incident, known: &Known, on_call: OnCall<'_>) -> Vec<String> {
    let now = known.now;
    if !incident.is_open() {
        return Vec::new();
    }
    let handed = incident.room.assignee.as_ref().filter(|_| incident.state == IncidentState::Open);
    let handed = handed.map(|name| format!("It was handed to {name}, who has not taken it up yet."));
    let snoozed = match &incident.state {
        IncidentState::Acknowledged { until: Some(until), by, .. } => {
            Some(format!("{by} took it up until {}; then it is told again.", clock_time(*until, now)))
        }
        _ => None,
    };
    let due = incident.room.update_due_at.map(|at| promise(at, now));
    let told = sentences(incident, &known.landscape, on_call, now);
    let quiet = incident.hushed.as_ref().map(|hushed| {
        let until = hushed.until.map(|at| format!(" until {}", clock_time(at, now))).unwrap_or_default();
        format!("Nobody is told{until}: {}, {}.", hushed.kind, hushed.reason.trim_end_matches('.'))
    });
    let waived = known.waivers.iter().filter(|one| one.incident == Some(incident.id));
    let waived = waived.filter_map(|one| waiver_line(&one.waiver));
    waived.chain(quiet).chain(handed).chain(snoozed).chain(told).chain(due).collect()
}

fn promise(at: Timestamp, now: Timestamp) -> String {
    match at > now {
        true => {
            format!("The next update is due {}, at {}.", When::relative(at, now).text(), clock_time(at, now))
        }
        false => "An update is due: say what is known, and when the next one comes.".into(),
    }
}
