use jiff::Timestamp;
use mainstay_model::Override;

use super::{Duty, Shift, Source};

/// What is left of `below` where `above` is, which is laid over it. Both are in order and without overlaps, and `above` lies
/// within `below`.
pub(super) fn cover(below: Vec<Shift>, above: Vec<Shift>) -> Vec<Shift> {
    let mut whole = Vec::with_capacity(below.len() + 2 * above.len());
    let mut above = above.into_iter().peekable();
    for shift in below {
        let mut at = shift.from;
        while let Some(top) = above.peek().filter(|top| top.from < shift.until) {
            let (begin, end) = (top.from.max(at), top.until.min(shift.until));
            add(&mut whole, at, begin, &shift.duty);
            add(&mut whole, begin, end, &top.duty);
            at = end;
            if top.until > shift.until {
                break;
            }
            above.next();
        }
        add(&mut whole, at, shift.until, &shift.duty);
    }
    whole
}

/// Where somebody stands in.
pub(super) fn pieces(shifts: &[Shift], stand_in: &Override) -> Vec<Shift> {
    let duty = Duty { person: stand_in.person.clone(), source: Source::Override(Box::new(stand_in.clone())) };
    let duty = Some(duty);
    let mut pieces = Vec::new();
    for shift in shifts {
        if stand_in.instead_of.is_none() || stand_in.instead_of.as_ref() == shift.person() {
            add(&mut pieces, shift.from.max(stand_in.from), shift.until.min(stand_in.until), &duty);
        }
    }
    pieces
}

/// Adds a shift, unless it is empty; one that goes on with the same duty becomes part of the one before.
pub(super) fn add(shifts: &mut Vec<Shift>, from: Timestamp, until: Timestamp, duty: &Option<Duty>) {
    if until <= from {
        return;
    }
    match shifts.last_mut() {
        Some(last) if last.until == from && last.duty == *duty => last.until = until,
        _ => shifts.push(Shift { from, until, duty: duty.clone() }),
    }
}
