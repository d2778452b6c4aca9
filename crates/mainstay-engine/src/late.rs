//! What a channel missed while it took nothing: of each incident it is told where it stands now, and not how it came there.

use mainstay_model::{Delivery, DeliveryOutcome, DeliveryState, Message, MessageKind};

use crate::time::clock;
use crate::turn::Turn;

impl Turn<'_> {
    /// Messages of one channel about one incident, in their order, that waited for long: the last one tells what all of them would have.
    pub(crate) fn deliveries_late(&mut self, mut waiting: Vec<Delivery>) {
        let Some(last) = waiting.pop() else { return };
        let Some(first) = waiting.first() else { return };
        let DeliveryState::Queued { attempts, .. } = first.state else { return };
        let message = Box::new(late(&waiting, &last));
        let (at, into) = (self.now, last.id);
        for one in &waiting {
            self.effects.commit.outcomes.push(DeliveryOutcome::Merged { id: one.id, at, into });
            self.step_passes_on(last.message.incident.id, one.id, into);
        }
        let reworded = DeliveryOutcome::Reworded { id: into, next_attempt_at: at, attempts, message };
        self.effects.commit.outcomes.push(reworded);
    }
}

/// The last message, with a word about those that it stands for.
fn late(earlier: &[Delivery], last: &Delivery) -> Message {
    let channel = &last.channel;
    let opened_at = clock(last.message.incident.opened_at);
    let is_first_word = earlier.iter().any(|one| one.message.kind == MessageKind::Opened);
    let is_over = last.message.kind == MessageKind::Resolved;
    let note = match (is_first_word, is_over) {
        (true, true) => format!(
            "It opened at {opened_at}, while {channel} took no messages, and is over: this is the only message about it."
        ),
        (true, false) => {
            format!("This comes late: it opened at {opened_at}, and {channel} took no messages.")
        }
        (false, _) => format!("{channel} took no messages for a while, so single changes are left out."),
    };
    let change = last.message.change.iter().fold(note, |note, change| format!("{note} {change}"));
    let kind = match last.message.kind {
        _ if is_first_word && !is_over => MessageKind::Opened,
        // The others have something to tell.
        MessageKind::TakenUp => MessageKind::Updated,
        kind => kind,
    };
    Message { kind, change: Some(change), ..last.message.clone() }
}
