use std::collections::VecDeque;

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

use super::{DayOf, End, Frequency, Recurrence};

/// So many periods without an occurrence in a row, and there will be none: 29 February is eight years away at most, which is
/// 2,922 days (from 1896 to 1904 and from 2096 to 2104).
const EMPTY_PERIODS: u32 = 3_000;

/// The days of a recurrence, in order.
#[derive(Debug, Clone)]
pub struct Dates<'a> {
    rule: &'a Recurrence,
    start: Date,
    not_before: Date,
    /// The number of the next period; the first one is 0, and holds the start.
    pub(super) period: i64,
    /// What is left of the period before.
    waiting: VecDeque<Date>,
    /// How many occurrences there were.
    count: u32,
}

impl<'a> Dates<'a> {
    pub(super) fn new(rule: &'a Recurrence, start: Date, not_before: Date) -> Dates<'a> {
        // What is counted must be seen from the first one on.
        let counted = matches!(rule.end, End::Count(_));
        let period = if counted || not_before <= start { 0 } else { period_before(rule, start, not_before) };
        Dates { rule, start, not_before, period, waiting: VecDeque::new(), count: 0 }
    }

    /// See [`Recurrence::numbered`].
    pub(super) fn numbered(
        rule: &'a Recurrence,
        start: Date,
        near: Date,
    ) -> impl Iterator<Item = (u32, Date)> + 'a {
        let mut dates = Dates::new(rule, start, start);
        // The period before the one that is near, as that may have nothing yet.
        let period = if near > start { period_before(rule, start, near) - 1 } else { 0 };
        if let Some(each) = in_every_period(rule, start)
            && period > 0
        {
            let first = period_start(rule, start, 0).map_or(0, |first| in_period(rule, start, first).len());
            let before = i64::try_from(first).unwrap_or(0) + (period - 1) * i64::from(each);
            dates.count = u32::try_from(before).unwrap_or(u32::MAX);
            dates.period = period;
        }
        std::iter::from_fn(move || dates.next().map(|date| (dates.count.saturating_sub(1), date)))
    }

    fn next_of_all(&mut self) -> Option<Date> {
        for _ in 0..EMPTY_PERIODS {
            if let Some(date) = self.waiting.pop_front() {
                return Some(date);
            }
            let first = period_start(self.rule, self.start, self.period)?;
            self.period += 1;
            self.waiting.extend(in_period(self.rule, self.start, first));
        }
        None
    }
}

impl Iterator for Dates<'_> {
    type Item = Date;

    fn next(&mut self) -> Option<Date> {
        loop {
            let date = self.next_of_all()?;
            self.count = self.count.saturating_add(1);
            let over = match self.rule.end {
                End::Count(count) => self.count > count,
                End::Date(last) => date > last,
                End::Local(last) => date > last.date(),
                End::Never | End::Moment(_) => false,
            };
            if over {
                return None;
            }
            if date >= self.not_before {
                return Some(date);
            }
        }
    }
}

/// How many occurrences every period has, the first one apart, where all have equally many.
fn in_every_period(rule: &Recurrence, start: Date) -> Option<u32> {
    let Recurrence { by_day, by_month_day, by_month, .. } = rule;
    if !by_month.is_empty() {
        return None;
    }
    match (rule.frequency, by_day.as_slice(), by_month_day.as_slice()) {
        (Frequency::Daily, [], []) => Some(1),
        (Frequency::Weekly, days, []) => u32::try_from(days.len().max(1)).ok(),
        // The days that the shortest month has as well, and the weekdays that stand in each at least four times.
        (Frequency::Monthly, [], []) if start.day() <= 28 => Some(1),
        (Frequency::Monthly, [], [day]) if day.unsigned_abs() <= 28 => Some(1),
        (Frequency::Monthly, [DayOf { nth: Some(nth), .. }], []) if nth.unsigned_abs() <= 4 => Some(1),
        _ => None,
    }
}

/// The number of a period that begins on or before the day.
fn period_before(rule: &Recurrence, start: Date, day: Date) -> i64 {
    let units = match rule.frequency {
        Frequency::Daily => days_between(start, day),
        Frequency::Weekly => days_between(week_of(start, rule.week_start), day) / 7,
        Frequency::Monthly => months(day) - months(start),
        Frequency::Yearly => i64::from(day.year() - start.year()),
    };
    units / i64::from(rule.interval.get())
}

/// The first day of a period; `None` after the last year that can be counted.
fn period_start(rule: &Recurrence, start: Date, period: i64) -> Option<Date> {
    let units = period.checked_mul(i64::from(rule.interval.get()))?;
    match rule.frequency {
        Frequency::Daily => start.checked_add(Span::new().try_days(units).ok()?).ok(),
        Frequency::Weekly => {
            let first = week_of(start, rule.week_start);
            first.checked_add(Span::new().try_weeks(units).ok()?).ok()
        }
        Frequency::Monthly => start.first_of_month().checked_add(Span::new().try_months(units).ok()?).ok(),
        Frequency::Yearly => start.first_of_year().checked_add(Span::new().try_years(units).ok()?).ok(),
    }
}

/// The occurrences in the period that begins on `first`, in order and none before the start.
fn in_period(rule: &Recurrence, start: Date, first: Date) -> Vec<Date> {
    let mut dates = match rule.frequency {
        Frequency::Daily => Some(first).filter(|date| suits(rule, *date)).into_iter().collect(),
        Frequency::Weekly => in_week(rule, start, first),
        Frequency::Monthly => in_month(rule, start, first),
        Frequency::Yearly => in_year(rule, start, first),
    };
    dates.retain(|date| *date >= start);
    dates
}

fn in_week(rule: &Recurrence, start: Date, first: Date) -> Vec<Date> {
    let weekday = |date: &Date| match rule.by_day.as_slice() {
        [] => date.weekday() == start.weekday(),
        days => days.iter().any(|day| day.weekday == date.weekday()),
    };
    days_from(first, 7).filter(|date| weekday(date) && in_its_month(rule, *date)).collect()
}

fn in_month(rule: &Recurrence, start: Date, first: Date) -> Vec<Date> {
    if !in_its_month(rule, first) {
        return Vec::new();
    }
    let length = i32::from(first.days_in_month());
    let chosen = |date: &Date| match (rule.by_month_day.as_slice(), rule.by_day.as_slice()) {
        ([], []) => date.day() == start.day(),
        (_, days) => {
            suits_month_day(rule, *date)
                && (days.is_empty() || days.iter().any(|day| is_nth(day, *date, date.day().into(), length)))
        }
    };
    days_from(first, length).filter(chosen).collect()
}

/// Without months, `BYDAY` counts through the year; with months or days of the month, through the month.
fn in_year(rule: &Recurrence, start: Date, first: Date) -> Vec<Date> {
    let through_the_year =
        !rule.by_day.is_empty() && rule.by_month.is_empty() && rule.by_month_day.is_empty();
    if through_the_year {
        let length = i32::from(first.days_in_year());
        let chosen =
            |date: &Date| rule.by_day.iter().any(|day| is_nth(day, *date, date.day_of_year().into(), length));
        return days_from(first, length).filter(chosen).collect();
    }
    let only_its_own = rule.by_month.is_empty() && rule.by_month_day.is_empty();
    (0..12)
        .filter_map(|month| first.checked_add(month.months()).ok())
        .filter(|month| !only_its_own || month.month() == start.month())
        .flat_map(|month| in_month(rule, start, month))
        .collect()
}

/// Whether the day is the one that is meant, being the `day`-th of `length` days.
fn is_nth(meant: &DayOf, date: Date, day: i32, length: i32) -> bool {
    let from_start = (day - 1) / 7 + 1;
    let from_end = -((length - day) / 7 + 1);
    let counted = meant.nth.is_none_or(|nth| i32::from(nth) == from_start || i32::from(nth) == from_end);
    date.weekday() == meant.weekday && counted
}

/// Whether a day of a daily rule is one of those it is limited to.
fn suits(rule: &Recurrence, date: Date) -> bool {
    let weekday = rule.by_day.is_empty() || rule.by_day.iter().any(|day| day.weekday == date.weekday());
    weekday && in_its_month(rule, date) && suits_month_day(rule, date)
}

fn in_its_month(rule: &Recurrence, date: Date) -> bool {
    rule.by_month.is_empty() || rule.by_month.contains(&date.month())
}

fn suits_month_day(rule: &Recurrence, date: Date) -> bool {
    let from_end = date.day() - date.days_in_month() - 1;
    rule.by_month_day.is_empty() || rule.by_month_day.iter().any(|day| *day == date.day() || *day == from_end)
}

fn days_from(first: Date, length: i32) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(usize::try_from(length).unwrap_or(0))
}

fn week_of(date: Date, week_start: Weekday) -> Date {
    date.saturating_sub(i32::from(date.weekday().since(week_start)).days())
}

fn days_between(from: Date, until: Date) -> i64 {
    until.duration_since(from).as_hours() / 24
}

fn months(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month())
}
