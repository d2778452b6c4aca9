//! That a rehearsal found a hole is an alert of Mainstay's own.

use mainstay_model::{Alert, AlertKey, Coverage, Diagnosis, Hole, HoleCode, Rule, Severity, Subject};

use crate::turn::Turn;

/// More holes are not listed in one message.
const LISTED: usize = 10;

impl Turn<'_> {
    /// It was rehearsed who would be told: what is new about its holes is told, and that there is none any more.
    pub(crate) fn rehearsed(&mut self, coverage: &Coverage) {
        let key = AlertKey { subject: Subject::Mainstay, rule: Rule::CoverageHole.into() };
        let holes: Vec<&Hole> = coverage.holes.iter().filter(|hole| is_told(hole)).collect();
        let Some(worst) = holes.first() else { return self.ended(&key, "") };
        let text = key.to_string();
        let incident = self.state.index.of_alert(&text).and_then(|id| self.state.incidents.get(&id));
        let before = incident.and_then(|incident| incident.alerts.get(&text)).cloned();
        let alert = Alert {
            key,
            severity: holes.iter().map(|hole| hole.severity).max().unwrap_or(Severity::Warn),
            since: before.as_ref().map_or(self.now, |before| before.since),
            failure: None,
            diagnosis: diagnosis(&holes, worst, &self.state.landscape.operator_url),
            breaks_at: None,
            external: None,
        };
        let Some(before) = before else { return self.raised(&alert, &[]) };
        let said = |hole: &&&Hole| {
            before.diagnosis.cause != hole.what && !before.diagnosis.evidence.contains(&hole.what)
        };
        let new: Vec<String> = holes.iter().filter(said).take(LISTED).map(|hole| hole.what.clone()).collect();
        if before == alert {
            return;
        }
        self.changed(&alert);
        if let Some(id) = self.state.index.of_alert(&text) {
            self.news(id).lines.extend(new);
        }
    }
}

/// Advice is no alert; and whether channels work has an alert of its own, which knows more.
fn is_told(hole: &Hole) -> bool {
    hole.is_one() && hole.code != HoleCode::ChannelNeverProven
}

fn diagnosis(holes: &[&Hole], worst: &Hole, operator_url: &str) -> Diagnosis {
    let others = holes.iter().skip(1).take(LISTED).map(|hole| hole.what.clone());
    let left = holes.len().saturating_sub(1 + LISTED);
    let more = (left > 0).then(|| format!("And {left} more holes."));
    Diagnosis {
        cause: worst.what.clone(),
        evidence: others.chain(more).collect(),
        actions: vec![worst.mend.clone(), format!("See all of them: {operator_url}/coverage")],
    }
}
