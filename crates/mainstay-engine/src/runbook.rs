//! What the configuration says is to be done about an incident, with the values of that incident.

use mainstay_model::{Dependency, Incident, Landscape, Placeholder, RuleKey, Runbook, fill_in};

use crate::incident::dependency_of;

/// A message names so many links at most; an incident of many dependencies may have more, which its page shows.
const LINKS: usize = 5;

/// A runbook that is about an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Applicable<'a> {
    /// The text, with its placeholders.
    pub runbook: &'a Runbook,
    /// The dependency whose values it is filled in with.
    pub dependency: &'a Dependency,
    /// The rule that it belongs to; absent: it is the dependency's own.
    pub rule: Option<RuleKey>,
}

/// The runbooks of an incident's dependencies, and those of the rules by which its alerts were raised.
pub fn runbooks<'a>(incident: &Incident, landscape: &'a Landscape) -> Vec<Applicable<'a>> {
    let known = incident.dependencies.iter().filter_map(|name| landscape.dependencies.get(name));
    let of_dependencies = known.filter_map(|dependency| {
        Some(Applicable { runbook: dependency.runbook.as_ref()?, dependency, rule: None })
    });
    let of_rules = incident.alerts.values().filter_map(|alert| {
        let dependency = landscape.dependencies.get(dependency_of(alert)?)?;
        let rule = &alert.key.rule;
        Some(Applicable { runbook: landscape.rules.runbook(rule)?, dependency, rule: Some(rule.clone()) })
    });
    of_dependencies.chain(of_rules).collect()
}

impl Applicable<'_> {
    /// What a placeholder stands for in it.
    pub fn value(&self, placeholder: Placeholder, incident: &Incident, landscape: &Landscape) -> String {
        let dependency = self.dependency;
        let provider = dependency.provider.as_ref().and_then(|name| landscape.providers.get(name));
        let failure = incident.failure.as_ref();
        match placeholder {
            Placeholder::DependencyName => dependency.name.to_string(),
            Placeholder::DependencyHost => match &dependency.target.file {
                Some(file) => file.display().to_string(),
                None => dependency.target.host.clone(),
            },
            Placeholder::DependencyPort => dependency.target.port.to_string(),
            Placeholder::ProviderName => provider.map_or_else(String::new, |one| one.title.clone()),
            Placeholder::ProviderContacts => provider.map_or_else(String::new, |one| one.contacts.join(", ")),
            Placeholder::ProviderStatusPage => {
                provider.and_then(|one| one.status_page.clone()).unwrap_or_default()
            }
            Placeholder::FailureKind => failure.map_or_else(String::new, |one| one.kind.to_string()),
            Placeholder::FailureMessage => failure.map_or_else(String::new, |one| one.message.clone()),
            Placeholder::Components => {
                let title = |name| landscape.components.get(name).map(|one| one.title.as_str());
                dependency.used_by.iter().filter_map(title).collect::<Vec<_>>().join(", ")
            }
            Placeholder::IncidentTitle => incident.title.clone(),
            Placeholder::IncidentUrl => format!("{}/incidents/{}", landscape.operator_url, incident.id),
            Placeholder::IncidentSince => incident.since.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

/// Those that are links, as something to be done, each once.
pub(crate) fn links(incident: &Incident, landscape: &Landscape) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for one in runbooks(incident, landscape) {
        let Some(link) = one.runbook.link() else { continue };
        let link = fill_in(link, |placeholder| one.value(placeholder, incident, landscape));
        let action = format!("Follow the runbook: {link}");
        if links.len() < LINKS && !links.contains(&action) {
            links.push(action);
        }
    }
    links
}
