//! Moments to come, as people name them.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mainstay_model::HumanDuration;

use super::trouble::Trouble;

/// When, after now and at most `longest` ahead: a length of time (`15m`, `4h`), a time of day or a date and time on the wall clock of
/// that zone (`09:00`, `2026-11-23T09:00`), or a moment as RFC 3339 has it (`2026-11-23T09:00:00Z`).
pub(super) fn moment(
    text: &str,
    now: Timestamp,
    zone: &TimeZone,
    longest: SignedDuration,
) -> Result<Timestamp, Trouble> {
    let text = text.trim();
    let at = read(text, now, zone).ok_or_else(|| {
        let shown: String = text.chars().take(50).collect();
        Trouble::unusable(
            format!("{shown:?} is no time."),
            "Write a length of time such as 15m or 4h, a time of day such as 09:00, or a moment such as 2026-11-23T09:00:00Z.",
        )
    })?;
    if at <= now {
        return Err(Trouble::unusable("That time has passed.", "Choose one that is still to come."));
    }
    if at.duration_since(now) > longest {
        let days = longest.as_hours() / 24;
        return Err(Trouble::unusable(
            format!("That is more than {days} days ahead."),
            "Choose a nearer time; it can be chosen again when it has come.",
        ));
    }
    Ok(at)
}

fn read(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let length = text.parse::<HumanDuration>().ok().map(|HumanDuration(length)| length);
    let ahead = length.and_then(|length| now.checked_add(SignedDuration::try_from(length).ok()?).ok());
    ahead
        .or_else(|| text.parse::<Timestamp>().ok())
        // A time of day is read out of a date and time as well, so these come first.
        .or_else(|| zone.to_timestamp(text.parse::<DateTime>().ok()?).ok())
        .or_else(|| next(text.parse::<Time>().ok()?, now, zone))
}

/// The next such time of day.
pub(super) fn next(time: Time, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let today = now.to_zoned(zone.clone()).date();
    let on = |date: jiff::civil::Date| zone.to_timestamp(date.to_datetime(time)).ok();
    on(today).filter(|at| *at > now).or_else(|| on(today.tomorrow().ok()?))
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let now = "2026-11-22T22:41:00Z".parse().unwrap();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = moment(text, now, &berlin, SignedDuration::from_hours(7 * 24));
        match at {
            Ok(at) => assert_eq!(at.to_string(), expected, "{text}"),
            Err(trouble) => {
                assert_eq!(expected, "refused", "{text}");
                assert_eq!(trouble.into_response().status(), 422);
            }
        }
    }

    #[test]
    fn lengths_times_of_day_and_moments() {
        check("15m", "2026-11-22T22:56:00Z");
        check(" 4h ", "2026-11-23T02:41:00Z");
        check("09:00", "2026-11-23T08:00:00Z");
        check("23:45", "2026-11-22T22:45:00Z");
        check("2026-11-23T09:00", "2026-11-23T08:00:00Z");
        check("2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z");
    }

    #[test]
    fn what_is_no_time_or_has_passed_or_is_too_far_is_refused() {
        for text in ["", "soon", "0s", "2026-11-22T09:00:00Z", "8d", "2027-11-22T09:00", "25:00", "99999999w"]
        {
            check(text, "refused");
        }
    }
}
