use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Dependency, DependencyName, IncidentId, PolicyWaiver, RelayPolicy, Waiver, WaiverState,
};

use crate::State;
use crate::time::earlier;

/// Clocks of relays and programs may be behind by as much. The policy is made after the grant, so that nothing is accepted before it.
const SPREAD: SignedDuration = SignedDuration::from_mins(5);

impl State {
    /// What relays and applications go by: every waiver that is in force now, and what was ever seen revoked.
    pub fn policy(&self, now: Timestamp) -> RelayPolicy {
        RelayPolicy {
            issued_at: now,
            waivers: self.waivers.values().filter_map(|one| self.rule_for_relays(one, now)).collect(),
            links: self.links(),
            revoked: self.revoked.iter().copied().collect(),
        }
    }

    fn rule_for_relays(&self, waiver: &Waiver, now: Timestamp) -> Option<PolicyWaiver> {
        let WaiverState::Active { granted, ends_at } = &waiver.state else { return None };
        if !waiver.is_in_force(now) {
            return None;
        }
        // Between a new configuration and the end of the waivers that it makes pointless there is nothing; this only makes sure.
        let dependency = self.landscape.dependencies.get(&waiver.dependency)?;
        if dependency.endpoint() != waiver.endpoint {
            return None;
        }
        let name = dependency.tls.server_name.as_ref().unwrap_or(&dependency.target.host);
        let page = match self.home_of_waiver(waiver) {
            Some(id) => self.page_of(id),
            None => format!("{}/dependencies/{}", self.landscape.operator_url, waiver.dependency),
        };
        Some(PolicyWaiver {
            id: waiver.id,
            dependency: waiver.dependency.clone(),
            server_name: name.clone(),
            pin: waiver.pin,
            not_after: waiver.expired_at,
            // A clock that was ahead when it was granted and was set right must not put it off.
            from: earlier(granted.at.min(now), SPREAD),
            until: *ends_at,
            url: Some(page),
        })
    }

    /// The incident of each dependency that is down. Only relays tell of it, so that those without one are left out.
    fn links(&self) -> BTreeMap<DependencyName, String> {
        let relayed = self.landscape.dependencies.values().filter(|one| one.relay.is_some());
        let link =
            |one: &Dependency| Some((one.name.clone(), self.page_of(self.incident_of_trouble(&one.name)?)));
        relayed.filter_map(link).collect()
    }

    fn page_of(&self, incident: IncidentId) -> String {
        format!("{}/incidents/{incident}", self.landscape.operator_url)
    }
}
