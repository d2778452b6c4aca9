//! What people do about single messages and channels.

use mainstay_model::{
    ChannelName, Delivery, DeliveryId, DeliveryOutcome, EntryKind, Message, MessageIncident, MessageKind,
};

use crate::Action;
use crate::turn::{About, Turn};

impl Turn<'_> {
    /// A waiting message is tried now.
    pub(crate) fn hurry(&mut self, id: DeliveryId) {
        self.effects.commit.outcomes.push(DeliveryOutcome::Hurried { id, at: self.now });
    }

    /// A message that did not arrive goes again, as another one: the identifier of the first stands for what became of that. It says
    /// how the incident stands now, because it comes after whatever was told since.
    pub(crate) fn send_again(&mut self, by: &str, delivery: Delivery) {
        if !self.state.landscape.channels.contains_key(&delivery.channel) {
            let why = "its channel is no longer in the configuration";
            return self.refuse(by, &Action::SendAgain(Box::new(delivery)), why);
        }
        let Delivery { id, channel, sequence, message, .. } = delivery;
        let message = self.as_it_stands(message);
        let incident = message.incident.id;
        let told =
            self.incident_mut(incident).map(|one| one.told.channels.entry(channel.clone()).or_default());
        let sequence = match told {
            Some(latest) => {
                *latest = (*latest).max(sequence).saturating_add(1);
                *latest
            }
            None => sequence.saturating_add(1),
        };
        self.queue_again(incident, channel.clone(), sequence, message, Some(id));
        let about = self.state.incidents.contains_key(&incident).then_some(incident);
        let about = About { incident: about, ..About::default() }.by(by);
        self.write(EntryKind::Note, about, format!("{by} had a message to {channel} sent again."));
    }

    fn as_it_stands(&self, old: Message) -> Message {
        if matches!(old.kind, MessageKind::Digest | MessageKind::Probe | MessageKind::Test) {
            return old;
        }
        let Some(incident) = self.state.incidents.get(&old.incident.id) else {
            // Those that are over for long are no longer at hand.
            let incident = MessageIncident { state: "resolved".into(), breaks_at: None, ..old.incident };
            return Message { kind: MessageKind::Resolved, incident, at: self.now, change: None, ..old };
        };
        let kind = match old.kind {
            _ if !incident.is_open() => MessageKind::Resolved,
            MessageKind::Resolved => MessageKind::Updated,
            kind => kind,
        };
        let change = old.change.filter(|_| kind == old.kind);
        let message = self.message(incident, kind, change, &self.state.landscape);
        Message { person: old.person, ..message }
    }

    /// A trial that somebody asks for.
    pub(crate) fn try_channel(&mut self, by: &str, channel: ChannelName, loudly: bool) {
        if !self.state.landscape.channels.contains_key(&channel) {
            let why = "there is no such channel in the configuration";
            return self.refuse(by, &Action::TryChannel { channel, loudly }, why);
        }
        self.send_trial(channel, if loudly { MessageKind::Test } else { MessageKind::Probe });
    }
}
