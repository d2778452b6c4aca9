use super::*;

/// The first days of a rule, from a start.
#[track_caller]
fn days(rule: &str, start: &str, expected: &[&str]) {
    let rule: Recurrence = rule.parse().unwrap();
    let start: Date = start.parse().unwrap();
    let dates: Vec<String> = rule.dates(start).take(expected.len()).map(|date| date.to_string()).collect();
    assert_eq!(dates, expected, "{rule}");
}

#[test]
fn every_second_week_on_two_days() {
    days("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", "2026-01-06", &["2026-01-06", "2026-01-08", "2026-01-20"]);
}
