use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, AlertKey, ChannelName, DeliveryId, DeliveryOutcome, Diagnosis, EntryKind, Fate, IncidentId, Rule,
    Severity, Subject,
};

use crate::time::{clock, since};
use crate::turn::{About, Turn};
use crate::{Delay, Remedy};

/// A message that will have waited for so long before its next attempt is held up. By the waits between attempts that is known about
/// three minutes after the first one, and at once when the service asks for as long a pause.
const HELD_UP: SignedDuration = SignedDuration::from_mins(5);

impl Turn<'_> {
    /// A channel accepted a message.
    pub(crate) fn delivered(
        &mut self,
        id: DeliveryId,
        channel: ChannelName,
        incident: Option<IncidentId>,
        receipt: Option<String>,
    ) {
        self.accepted(id, &channel, incident, receipt);
        self.ended(&failing(&channel), "");
    }

    /// A channel accepted a message for some of its recipients, and never will for the others.
    pub(crate) fn delivered_in_part(
        &mut self,
        id: DeliveryId,
        channel: &ChannelName,
        incident: Option<IncidentId>,
        receipt: Option<String>,
        refused: Vec<String>,
    ) {
        self.accepted(id, channel, incident, receipt);
        let is_known =
            self.state.failure_of(channel).is_some_and(|alert| alert.diagnosis.evidence == refused);
        if self.state.landscape.channels.contains_key(channel) && !is_known {
            let alert = in_part(channel, refused, &self.state.landscape.operator_url, self.now);
            self.raised(&alert, &[]);
        }
    }

    fn accepted(
        &mut self,
        id: DeliveryId,
        channel: &ChannelName,
        incident: Option<IncidentId>,
        receipt: Option<String>,
    ) {
        let evidence = receipt.iter().map(|receipt| format!("Receipt: {receipt}")).collect();
        self.effects.commit.outcomes.push(DeliveryOutcome::Delivered { id, at: self.now, receipt });
        self.call_ended(incident, id, Fate::Accepted { at: self.now });
        self.step_outcome(incident, id, None);
        if incident.is_some() {
            let about = About { incident, evidence, ..About::default() };
            self.write(EntryKind::Told, about, format!("{channel} was told."));
        }
        self.proven(channel);
    }

    /// Nobody was told, and where there was nothing to change not even the service was asked: that shows nothing of the channel.
    pub(crate) fn shown(&mut self, id: DeliveryId, receipt: Option<String>) {
        self.effects.commit.outcomes.push(DeliveryOutcome::Delivered { id, at: self.now, receipt });
    }

    /// A quiet trial went well. That is no message that arrived, so a channel that lost one still fails.
    pub(crate) fn probed(&mut self, id: DeliveryId, channel: &ChannelName) {
        let outcome = DeliveryOutcome::Delivered { id, at: self.now, receipt: None };
        self.effects.commit.outcomes.push(outcome);
        self.proven(channel);
    }

    /// An attempt failed and is repeated. That is no news until it is plain that it takes long: then it counts as not told, although
    /// it may still arrive.
    pub(crate) fn delivery_delayed(
        &mut self,
        id: DeliveryId,
        channel: ChannelName,
        incident: Option<IncidentId>,
        delay: Delay,
    ) {
        let Delay { created_at, next_attempt_at, remedy, error } = delay;
        let outcome = DeliveryOutcome::Retry { id, at: self.now, next_attempt_at, error: error.clone() };
        self.effects.commit.outcomes.push(outcome);
        let cause = match remedy {
            Remedy::Hands => format!(
                "{channel} does not let Mainstay in: whoever reads only {channel} is told nothing until that is mended."
            ),
            Remedy::Time if since(created_at, next_attempt_at) < HELD_UP => return,
            Remedy::Time => format!(
                "{channel} has not taken a message that waits since {}: whoever reads only {channel} is not told.",
                clock(created_at)
            ),
        };
        self.step_outcome(incident, id, Some(&error));
        // While our own network is gone, that is what there is to be told.
        if remedy == Remedy::Hands || self.state.offline_since().is_none() {
            self.failed(&channel, incident, cause, error);
        }
    }

    /// Somebody was not told, which somebody else must know.
    pub(crate) fn delivery_given_up(
        &mut self,
        id: DeliveryId,
        channel: ChannelName,
        incident: Option<IncidentId>,
        reason: String,
    ) {
        self.effects.commit.outcomes.push(DeliveryOutcome::GivenUp {
            id,
            at: self.now,
            reason: reason.clone(),
        });
        let said = format!("{channel} could not be told; the message was given up.");
        self.not_told(id, incident, &reason, said);
        let cause = format!(
            "{channel} did not take a message, and it was given up: whoever reads only {channel} was not told."
        );
        self.failed(&channel, incident, cause, reason);
    }

    /// Somebody was not told although their service had said so.
    pub(crate) fn delivery_bounced(
        &mut self,
        id: DeliveryId,
        channel: ChannelName,
        incident: Option<IncidentId>,
        reason: String,
    ) {
        self.effects.commit.outcomes.push(DeliveryOutcome::Bounced {
            id,
            at: self.now,
            reason: reason.clone(),
        });
        let said = format!("{channel} was not told: the message was accepted and came back.");
        self.not_told(id, incident, &reason, said);
        let cause =
            format!("A message to {channel} was accepted and came back: somebody who reads it was not told.");
        self.failed(&channel, incident, cause, reason);
    }

    /// That a service is still trying is no news yet; it says so once more when it gives up.
    pub(crate) fn delivery_still_tried(&mut self, id: DeliveryId, reason: String) {
        self.effects.commit.outcomes.push(DeliveryOutcome::StillTrying { id, at: self.now, reason });
    }

    fn not_told(&mut self, id: DeliveryId, incident: Option<IncidentId>, reason: &str, said: String) {
        self.call_ended(incident, id, Fate::Failed { at: self.now, reason: reason.to_owned() });
        self.step_outcome(incident, id, Some(reason));
        let about = About { incident, evidence: vec![reason.to_owned()], ..About::default() };
        self.write(EntryKind::NotTold, about, said);
    }

    fn failed(&mut self, channel: &ChannelName, incident: Option<IncidentId>, cause: String, reason: String) {
        if self.state.landscape.channels.contains_key(channel) && !self.is_failing(channel) {
            let url = self.state.landscape.operator_url.clone();
            self.raised(&alert(channel, incident, cause, reason, &url, self.now), &[]);
        }
    }

    /// Whether a channel lost or held up a message and has not taken one since.
    pub(crate) fn is_failing(&self, channel: &ChannelName) -> bool {
        self.state.channel_fails(channel)
    }
}

pub(crate) fn failing(channel: &ChannelName) -> AlertKey {
    AlertKey { subject: Subject::Channel(channel.clone()), rule: Rule::ChannelFailing.into() }
}

fn alert(
    channel: &ChannelName,
    incident: Option<IncidentId>,
    cause: String,
    reason: String,
    operator_url: &str,
    now: Timestamp,
) -> Alert {
    let about = incident.map(|id| format!("The message was about incident {id}."));
    let diagnosis = Diagnosis {
        cause,
        evidence: std::iter::once(reason).chain(about).collect(),
        actions: vec![
            format!("Tell those who rely on {channel} in another way."),
            format!(
                "Mend the settings of {channel}; its next delivered message ends this, or a trial (not a quiet one) from {operator_url}/channels."
            ),
        ],
    };
    of(channel, Severity::High, diagnosis, now)
}

/// One that takes messages, but not for everybody.
fn in_part(channel: &ChannelName, refused: Vec<String>, operator_url: &str, now: Timestamp) -> Alert {
    let diagnosis = Diagnosis {
        cause: format!("A message to {channel} was refused for some of its recipients: they were not told."),
        evidence: refused,
        actions: vec![format!(
            "Mend the addresses of {channel}; its next message that everybody gets ends this, or a trial from {operator_url}/channels."
        )],
    };
    of(channel, Severity::Warn, diagnosis, now)
}

/// Whether an alert says that a channel takes messages, but not for everybody.
pub(crate) fn is_in_part(alert: &Alert) -> bool {
    alert.key.rule == Rule::ChannelFailing && alert.severity < Severity::High
}

fn of(channel: &ChannelName, severity: Severity, diagnosis: Diagnosis, now: Timestamp) -> Alert {
    Alert {
        key: failing(channel),
        severity,
        since: now,
        failure: None,
        diagnosis,
        breaks_at: None,
        external: None,
    }
}
