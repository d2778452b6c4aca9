use jiff::Timestamp;
use mainstay_model::{
    Component, ComponentName, Impact, Incident, IncidentId, Landscape, PublicStatus, PublicUpdate,
};

use super::bars::Bars;

/// What customers are shown, worked out once for all pages and documents.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) title: String,
    pub(super) url: String,
    pub(super) contacts: Vec<(String, String)>,
    pub(super) now: Timestamp,
    /// Components under their heading, in the order of first appearance; those without a heading come first.
    pub(super) groups: Vec<Group>,
    /// Newest first.
    pub(super) incidents: Vec<PublicIncident>,
}

/// Components under one heading.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) title: Option<String>,
    pub(super) components: Vec<PublicComponent>,
}

/// A component as customers see it.
#[derive(Debug)]
pub(super) struct PublicComponent {
    pub(super) name: ComponentName,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) condition: Condition,
    pub(super) bars: Bars,
    /// When its condition changed last, as far as customers were told; when it was first watched, if it never did.
    pub(super) changed_at: Timestamp,
}

/// An incident as customers see it: nothing of hosts, causes or blame but what was written for them.
#[derive(Debug)]
pub(super) struct PublicIncident {
    pub(super) id: IncidentId,
    pub(super) title: String,
    pub(super) impact: Impact,
    pub(super) status: PublicStatus,
    pub(super) published_at: Timestamp,
    pub(super) started_at: Timestamp,
    pub(super) monitoring_at: Option<Timestamp>,
    pub(super) resolved_at: Option<Timestamp>,
    pub(super) components: Vec<ComponentName>,
    /// Newest first.
    pub(super) updates: Vec<PublicUpdate>,
}

/// The condition of a component in Statuspage's words; later ones are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Condition {
    Operational,
    Degraded,
    PartialOutage,
    MajorOutage,
}

impl Condition {
    pub(super) fn of(impact: Impact) -> Condition {
        match impact {
            Impact::None => Condition::Operational,
            Impact::Minor => Condition::Degraded,
            Impact::Major => Condition::PartialOutage,
            Impact::Critical => Condition::MajorOutage,
        }
    }

    pub(super) fn statuspage(self) -> &'static str {
        match self {
            Condition::Operational => "operational",
            Condition::Degraded => "degraded_performance",
            Condition::PartialOutage => "partial_outage",
            Condition::MajorOutage => "major_outage",
        }
    }
}

impl Figures {
    pub(super) fn of(
        landscape: &Landscape,
        incidents: &[Incident],
        watched_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Figures {
        let mut incidents: Vec<PublicIncident> = incidents.iter().filter_map(PublicIncident::of).collect();
        incidents.sort_by_key(|incident| std::cmp::Reverse(incident.published_at));
        let mut groups: Vec<Group> = Vec::new();
        for (name, component) in &landscape.components {
            let shown = PublicComponent::of(name, component, &incidents, watched_since, now);
            match groups.iter_mut().find(|group| group.title == component.group) {
                Some(group) => group.components.push(shown),
                None => groups.push(Group { title: component.group.clone(), components: vec![shown] }),
            }
        }
        groups.sort_by_key(|group| group.title.is_some());
        let page = &landscape.status_page;
        Figures {
            title: page.title.clone(),
            url: page.public_url.clone(),
            contacts: page.contacts.clone(),
            now,
            groups,
            incidents,
        }
    }

    pub(super) fn open_incidents(&self) -> impl Iterator<Item = &PublicIncident> {
        self.incidents.iter().filter(|incident| incident.is_open())
    }

    pub(super) fn components(&self) -> impl Iterator<Item = &PublicComponent> {
        self.groups.iter().flat_map(|group| &group.components)
    }

    /// When anything that customers see changed last.
    pub(super) fn changed_at(&self) -> Timestamp {
        let components = self.components().map(|component| component.changed_at);
        let incidents = self.incidents.iter().map(PublicIncident::changed_at);
        components.chain(incidents).max().unwrap_or(self.now)
    }

    /// The worst of what is going on.
    pub(super) fn impact(&self) -> Impact {
        self.open_incidents().map(PublicIncident::felt_now).max().unwrap_or(Impact::None)
    }

    /// The state of everything in one sentence for customers.
    pub(super) fn sentence(&self) -> String {
        let affected: Vec<&PublicComponent> =
            self.components().filter(|component| component.condition > Condition::Operational).collect();
        let worst = affected.iter().map(|component| component.condition).max();
        let names = names(&affected.iter().map(|component| component.title.as_str()).collect::<Vec<_>>());
        let (is, have) = if affected.len() == 1 { ("is", "has") } else { ("are", "have") };
        match worst {
            None if self.open_incidents().next().is_some() => {
                "We are looking into something; every service works.".into()
            }
            None => "All services work normally.".into(),
            Some(Condition::MajorOutage) => format!("{names} {is} not available."),
            Some(Condition::PartialOutage) => format!("{names} {is} partly not available."),
            Some(_) => format!("{names} {have} trouble and may be slow."),
        }
    }

    pub(super) fn title_of(&self, name: &ComponentName) -> String {
        let found = self.components().find(|component| component.name == *name);
        found.map_or_else(|| name.to_string(), |component| component.title.clone())
    }
}

fn names(titles: &[&str]) -> String {
    match titles {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if titles.len() <= 3 => format!("{} and {last}", first.join(", ")),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more services", rest.len()),
    }
}

impl PublicComponent {
    fn of(
        name: &ComponentName,
        component: &Component,
        incidents: &[PublicIncident],
        watched_since: Option<Timestamp>,
        now: Timestamp,
    ) -> PublicComponent {
        let own: Vec<&PublicIncident> =
            incidents.iter().filter(|incident| incident.components.contains(name)).collect();
        let open = own.iter().filter(|incident| incident.is_open());
        let condition =
            open.map(|incident| Condition::of(incident.felt_now())).max().unwrap_or(Condition::Operational);
        PublicComponent {
            name: name.clone(),
            title: component.title.clone(),
            description: component.description.clone(),
            condition,
            bars: Bars::of(&own, watched_since, now),
            changed_at: own
                .iter()
                .map(|one| one.resolved_at.unwrap_or(one.published_at))
                .max()
                .or(watched_since)
                .unwrap_or(now),
        }
    }
}

impl PublicIncident {
    /// `None` for an incident that is not public.
    fn of(incident: &Incident) -> Option<PublicIncident> {
        let publication = incident.publication.as_ref()?;
        let mut updates = publication.updates.clone();
        updates.reverse();
        let resolved_at = incident.resolved_at();
        let monitoring = publication.updates.iter().find(|update| update.status == PublicStatus::Monitoring);
        Some(PublicIncident {
            id: incident.id,
            title: publication.title.clone(),
            impact: incident.impact,
            status: if resolved_at.is_some() { PublicStatus::Resolved } else { publication.status() },
            published_at: publication.at,
            started_at: incident.broke_at.unwrap_or(publication.at),
            monitoring_at: monitoring.map(|update| update.at),
            resolved_at,
            components: incident.components.clone(),
            updates,
        })
    }

    pub(super) fn is_open(&self) -> bool {
        self.resolved_at.is_none()
    }

    pub(super) fn changed_at(&self) -> Timestamp {
        let told = self.updates.first().map_or(self.published_at, |update| update.at);
        self.resolved_at.map_or(told, |resolved| resolved.max(told))
    }
}
