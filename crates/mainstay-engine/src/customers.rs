use mainstay_model::{
    EntryKind, Impact, Incident, IncidentId, Landscape, PublicStatus, PublicUpdate, Publication, Severity,
    UpdateId,
};

use crate::refresh::is_broken;
use crate::turn::{About, Turn};
use crate::wording::list;

impl Turn<'_> {
    /// Makes an incident public.
    pub(crate) fn publish(
        &mut self,
        id: IncidentId,
        by: Option<&str>,
        title: Option<String>,
        body: Option<String>,
    ) {
        let landscape = self.state.landscape.clone();
        let now = self.now;
        let update_id = UpdateId::new(now, self.random);
        let Some(incident) = self.incident_mut(id) else { return };
        let status = status_of(incident);
        let body = body.unwrap_or_else(|| body_for(status, incident, &landscape));
        let title = title.unwrap_or_else(|| public_title(incident, &landscape));
        let update = PublicUpdate { id: update_id, at: now, status, body: body.clone() };
        let by_whom = by.map(str::to_owned);
        if by_whom.is_some() {
            incident.room.update_due_at = None;
        }
        incident.publication = Some(Publication {
            at: now,
            by: by_whom.clone(),
            title: title.clone(),
            updates: vec![update],
            eased: false,
            by_hand: false,
        });
        let about = About { by: by_whom, ..About::incident(id) }.shown_by(vec![body]);
        self.write(EntryKind::Published, about, format!("Customers see: {title}."));
        self.effects.publish = true;
    }

    /// Tells customers more about a public incident.
    pub(crate) fn update_customers(
        &mut self,
        id: IncidentId,
        by: Option<&str>,
        status: PublicStatus,
        body: String,
    ) {
        let now = self.now;
        let update_id = UpdateId::new(now, self.random);
        let Some(incident) = self.incident_mut(id) else { return };
        let Some(publication) = incident.publication.as_mut() else { return };
        if by.is_some() {
            // What was promised is given.
            incident.room.update_due_at = None;
        }
        (publication.eased, publication.by_hand) = (false, by.is_some());
        publication.updates.push(PublicUpdate { id: update_id, at: now, status, body: body.clone() });
        let about = About { by: by.map(str::to_owned), ..About::incident(id) };
        self.write(EntryKind::PublicUpdate, about, format!("Customers were told ({status}): {body}"));
        self.effects.publish = true;
    }

    /// Publishes by policy, says when the cause is known, and when it works all the same under a waiver, or does not any more.
    pub(crate) fn customers_hear_by_policy(&mut self, id: IncidentId) {
        let landscape = self.state.landscape.clone();
        let Some(incident) = self.state.incidents.get(&id) else { return };
        if incident.publication.is_none() && landscape.status_page.auto_publish && is_felt(incident) {
            self.publish(id, None, None, None);
        }
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let Some(publication) = incident.publication.as_ref().filter(|one| one.by.is_none()) else { return };
        let eased = self.state.is_eased(incident, self.now);
        let worked = matches!(publication.status(), PublicStatus::Monitoring | PublicStatus::Resolved);
        let next = if eased && !worked && !publication.by_hand {
            PublicStatus::Monitoring
        } else if publication.eased && !eased {
            status_of(incident)
        } else if becomes_known(incident, publication) {
            PublicStatus::Identified
        } else {
            return;
        };
        self.update_customers(id, None, next, body_for(next, incident, &landscape));
        if let Some(publication) = self.incident_mut(id).and_then(|one| one.publication.as_mut()) {
            publication.eased = eased;
        }
    }

    /// A public incident is over for customers when it is over.
    pub(crate) fn customers_hear_of_end(&mut self, id: IncidentId) {
        self.customers_hear(id, PublicStatus::Resolved);
    }

    /// A public incident came back.
    pub(crate) fn customers_hear_of_return(&mut self, id: IncidentId) {
        self.customers_hear(id, PublicStatus::Investigating);
    }

    fn customers_hear(&mut self, id: IncidentId, status: PublicStatus) {
        let landscape = self.state.landscape.clone();
        let Some(incident) = self.state.incidents.get(&id) else { return };
        if incident.publication.as_ref().is_some_and(|publication| publication.status() != status) {
            let body = body_for(status, incident, &landscape);
            self.update_customers(id, None, status, body);
        }
    }
}

/// Whether customers see an incident of which something is broken still: closing it tells them that it is over.
pub fn is_still_felt(incident: &Incident) -> bool {
    incident.is_open() && incident.publication.is_some() && incident.alerts.values().any(is_broken)
}

/// Whether customers may notice it.
fn is_felt(incident: &Incident) -> bool {
    !incident.is_drill()
        && incident.severity >= Severity::High
        && !incident.components.is_empty()
        && incident.alerts.values().any(is_broken)
}

/// The title and the first text for customers that Mainstay would choose: no hosts, no blame. A person may write it better.
pub fn customer_wording(incident: &Incident, landscape: &Landscape) -> (String, String) {
    (public_title(incident, landscape), body_for(status_of(incident), incident, landscape))
}

/// A certificate or a refused log-in is a cause; that nothing answers is only what it looks like.
fn status_of(incident: &Incident) -> PublicStatus {
    use mainstay_model::FailureKind::LoginRejected;
    let known = |kind: mainstay_model::FailureKind| kind.is_certificate() || kind == LoginRejected;
    match &incident.failure {
        Some(failure) if known(failure.kind) => PublicStatus::Identified,
        _ => PublicStatus::Investigating,
    }
}

fn becomes_known(incident: &Incident, publication: &Publication) -> bool {
    publication.status() == PublicStatus::Investigating && status_of(incident) == PublicStatus::Identified
}

fn public_title(incident: &Incident, landscape: &Landscape) -> String {
    let what = components(incident, landscape);
    match incident.impact {
        Impact::Critical | Impact::Major => format!("{what} may be unavailable"),
        Impact::Minor | Impact::None => format!("{what} may be slow or fail at times"),
    }
}

/// No hosts, no blame: what customers need to know.
fn body_for(status: PublicStatus, incident: &Incident, landscape: &Landscape) -> String {
    let what = components(incident, landscape);
    match status {
        PublicStatus::Investigating => {
            format!("We have noticed a problem that affects {what}, and are looking into it.")
        }
        PublicStatus::Identified => {
            format!("We have found the cause of the problem that affects {what}, and are working on it.")
        }
        PublicStatus::Monitoring => {
            format!("The problem that affected {what} is mended. We are watching it.")
        }
        PublicStatus::Resolved => format!("The problem that affected {what} is over."),
    }
}

/// The parts of the service by their titles. A part that is no longer configured has none, and its key is not for customers.
fn components(incident: &Incident, landscape: &Landscape) -> String {
    let titles = incident.components.iter().filter_map(|name| landscape.components.get(name));
    let titles = list(titles.map(|component| &component.title));
    if titles.is_empty() { "Our service".into() } else { titles }
}
