//! What happened before: the last time of the same cause, and what else there was with the same provider or dependency.

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{EntryKind, Incident, IncidentId, TimelineEntry};
use mainstay_store::{IncidentFilter, Store, TimelineFilter};

use super::MOMENTS;
use crate::operator::trouble::Trouble;
use crate::operator::words::broke;
use crate::show::When;

/// So many of the latest incidents are looked through.
const LOOKED_THROUGH: u32 = 500;

/// Older ones say little about today.
const RELATED: SignedDuration = SignedDuration::from_hours(90 * 24);

/// So many are shown, the latest.
const SHOWN: usize = 5;

/// What happened before.
pub(super) struct Before {
    pub(super) last_time: Option<LastTime>,
    pub(super) related: Vec<Earlier>,
}

/// The latest incident of the same cause that is over.
pub(super) struct LastTime {
    pub(super) earlier: Earlier,
    /// Who took it up, or closed it.
    pub(super) who: Option<String>,
    /// What people wrote down, oldest first.
    pub(super) notes: Vec<String>,
}

/// An incident that is over.
pub(super) struct Earlier {
    pub(super) id: IncidentId,
    pub(super) title: String,
    pub(super) when: When,
    pub(super) lasted: String,
}

impl Before {
    pub(super) async fn of(incident: &Incident, store: &Store, now: Timestamp) -> Result<Before, Trouble> {
        let filter = IncidentFilter { open: Some(false), limit: LOOKED_THROUGH, ..IncidentFilter::default() };
        let mut past = store.incidents(&filter).await?;
        // What was played says nothing of what is so, nor the other way round.
        past.retain(|one| {
            one.id != incident.id
                && one.opened_at <= incident.opened_at
                && one.is_drill() == incident.is_drill()
        });
        let same = past.iter().position(|one| one.cause_key == incident.cause_key);
        let last_time = match same.map(|place| past.remove(place)) {
            Some(earlier) => Some(LastTime::of(&earlier, store, now).await?),
            None => None,
        };
        let related = past.iter().filter(|one| is_related(one, incident)).take(SHOWN);
        Ok(Before { related: related.map(|one| Earlier::of(one, now)).collect(), last_time })
    }
}

fn is_related(one: &Incident, to: &Incident) -> bool {
    let lately = to.opened_at.duration_since(one.opened_at) <= RELATED;
    let shares = one.providers.iter().any(|name| to.providers.contains(name))
        || one.dependencies.iter().any(|name| to.dependencies.contains(name));
    lately && shares
}

impl LastTime {
    async fn of(incident: &Incident, store: &Store, now: Timestamp) -> Result<LastTime, Trouble> {
        let filter =
            TimelineFilter { incident: Some(incident.id), limit: MOMENTS, ..TimelineFilter::default() };
        let timeline = store.timeline(&filter).await?;
        let by =
            |kind: EntryKind| timeline.iter().find(|entry| entry.kind == kind).and_then(|one| one.by.clone());
        let is_note = |entry: &&TimelineEntry| entry.kind == EntryKind::Note && entry.by.is_some();
        let notes = timeline.iter().filter(is_note).take(SHOWN).map(|entry| entry.text.clone());
        let mut notes: Vec<String> = notes.collect();
        notes.reverse();
        let who = by(EntryKind::Acknowledged).or_else(|| by(EntryKind::Resolved));
        Ok(LastTime { earlier: Earlier::of(incident, now), who, notes })
    }
}

impl Earlier {
    fn of(incident: &Incident, now: Timestamp) -> Earlier {
        let over = incident.resolved_at().unwrap_or(now);
        Earlier {
            id: incident.id,
            title: incident.title.clone(),
            when: When::relative(over, now),
            lasted: When::length(over, broke(incident)).text(),
        }
    }
}
