use std::collections::BTreeSet;

use mainstay_model::{Call, DeliveryId, DrillStep, EscalationName, Fate, IncidentId, MessageKind, Rehearsal};

use crate::audience::Address;
use crate::turn::Turn;

impl Turn<'_> {
    /// A message of a drill was decided. That it is over is no part of what is measured.
    pub(crate) fn called(&mut self, id: IncidentId, delivery: DeliveryId, to: &Address, kind: MessageKind) {
        let decided_at = self.now;
        let Some(rehearsal) = self.rehearsal_mut(id) else { return };
        let counts = kind != MessageKind::Resolved && rehearsal.end.is_none();
        if counts && rehearsal.messages.len() < Rehearsal::MESSAGES {
            let (channel, person) = (to.channel.clone(), to.person.clone());
            let call = Call { channel, person, step: None, decided_at, fate: Fate::UnderWay };
            rehearsal.messages.insert(delivery, call);
        }
    }

    /// These messages were a step's.
    pub(crate) fn called_by_step(
        &mut self,
        id: IncidentId,
        escalation: &EscalationName,
        number: u32,
        messages: &BTreeSet<DeliveryId>,
    ) {
        let Some(rehearsal) = self.rehearsal_mut(id) else { return };
        for delivery in messages {
            if let Some(call) = rehearsal.messages.get_mut(delivery) {
                let escalation = escalation.clone();
                call.step.get_or_insert(DrillStep { escalation, number });
            }
        }
    }

    /// It became known what came of a message, perhaps after the drill.
    pub(crate) fn call_ended(&mut self, incident: Option<IncidentId>, delivery: DeliveryId, fate: Fate) {
        let Some(id) = incident else { return };
        if let Some(call) = self.rehearsal_mut(id).and_then(|one| one.messages.get_mut(&delivery)) {
            call.fate = fate;
        }
    }
}
