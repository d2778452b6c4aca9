use jiff::Timestamp;
use mainstay_engine::waiver_end;
use mainstay_model::{DependencyName, Waiver, WaiverId, WaiverState, in_words};

use super::place;
use crate::operator::known::{Known, Waived};
use crate::show::{Sign, When, clock_time, plural};

/// What every page says of a waiver that is in force, or waits for a second person.
pub(in crate::operator) struct Banner {
    pub(in crate::operator) id: WaiverId,
    pub(in crate::operator) dependency: DependencyName,
    /// Where more is told of it.
    pub(in crate::operator) address: String,
    /// Whether it only waits to be granted.
    pub(in crate::operator) asked: bool,
    pub(in crate::operator) by: String,
    pub(in crate::operator) reason: String,
    /// Its end, or the end of waiting.
    pub(in crate::operator) until: Timestamp,
    /// How long that is from now.
    pub(in crate::operator) left: String,
    pub(in crate::operator) at: String,
    pub(in crate::operator) uses: String,
}

impl Banner {
    /// One for each waiver that is not over, those in force first.
    pub(in crate::operator) fn all(known: &Known) -> Vec<Banner> {
        let mut all: Vec<Banner> =
            known.waivers.iter().filter_map(|one| Banner::of(one, known.now)).collect();
        all.sort_by_key(|one| (one.asked, one.until));
        all
    }

    fn of(waived: &Waived, now: Timestamp) -> Option<Banner> {
        let waiver = &waived.waiver;
        let (asked, by, until) = match &waiver.state {
            WaiverState::Active { granted, ends_at } if now < *ends_at => (false, &granted.by, *ends_at),
            WaiverState::Requested => (true, &waiver.requested.by, waiver.lapses_at()),
            WaiverState::Active { .. } | WaiverState::Ended { .. } => return None,
        };
        Some(Banner {
            id: waiver.id,
            dependency: waiver.dependency.clone(),
            address: place(waived.incident, &waiver.dependency),
            asked,
            by: by.clone(),
            reason: waiver.reason.trim_end_matches('.').to_owned(),
            until,
            left: in_words(until.duration_since(now)),
            at: clock_time(until, now),
            uses: uses(waiver),
        })
    }
}

fn uses(waiver: &Waiver) -> String {
    if waiver.uses.count == 0 {
        "No relay has told of a connection under it yet.".into()
    } else {
        admitted(waiver.uses.count)
    }
}

fn admitted(count: u64) -> String {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    format!("{} admitted under it.", plural(count, "connection was", "connections were"))
}

/// A line of a list of waivers, present and past.
pub(in crate::operator) struct Row {
    pub(in crate::operator) id: WaiverId,
    /// None for one that is over, which is no state of anything any more.
    pub(in crate::operator) sign: Option<Sign>,
    pub(in crate::operator) state: &'static str,
    /// When it was asked for.
    pub(in crate::operator) at: When,
    pub(in crate::operator) who: String,
    pub(in crate::operator) reason: String,
    /// How it stands or how it ended.
    pub(in crate::operator) end: String,
}

impl Row {
    pub(in crate::operator) fn of(waiver: &Waiver, now: Timestamp) -> Row {
        let (sign, state, end) = standing(waiver, now);
        let asked = &waiver.requested.by;
        let who = match waiver.granted() {
            Some(granted) if granted.by != *asked => format!("{asked}, agreed by {}", granted.by),
            _ => asked.clone(),
        };
        Row {
            id: waiver.id,
            sign,
            state,
            at: When::clock(waiver.requested.at, now),
            who: format!("{who}, for {}", waiver.lasts),
            reason: waiver.reason.clone(),
            end,
        }
    }
}

fn standing(waiver: &Waiver, now: Timestamp) -> (Option<Sign>, &'static str, String) {
    match &waiver.state {
        WaiverState::Requested => {
            (Some(Sign::Unknown), "asked for", "It waits for somebody else to agree.".into())
        }
        WaiverState::Active { ends_at, .. } => {
            let ends = format!("It ends at {}. {}", clock_time(*ends_at, now), uses(waiver));
            (Some(Sign::Degraded), "in force", ends)
        }
        WaiverState::Ended { granted, at, end } => {
            let used = match (granted, waiver.uses.count) {
                (None, _) => "It was never in force.".to_owned(),
                (Some(_), 0) => "No relay told of a connection under it.".into(),
                (Some(_), count) => admitted(count),
            };
            (None, "over", format!("Over since {}: {}. {used}", clock_time(*at, now), waiver_end(end)))
        }
    }
}
