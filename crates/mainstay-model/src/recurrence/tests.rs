use super::*;

/// The first days of a rule, from a start.
#[track_caller]
fn days(rule: &str, start: &str, expected: &[&str]) {
    let rule: Recurrence = rule.parse().unwrap();
    let dates = rule.dates(start.parse().unwrap()).take(expected.len());
    assert_eq!(dates.map(|date| date.to_string()).collect::<Vec<_>>(), expected, "{rule}");
}

/// Every day of a rule that ends.
#[track_caller]
fn all(rule: &str, start: &str, expected: &[&str]) {
    let rule: Recurrence = rule.parse().unwrap();
    assert!(rule.ends());
    let dates: Vec<String> = rule.dates(start.parse().unwrap()).map(|date| date.to_string()).collect();
    assert_eq!(dates, expected, "{rule}");
}

#[track_caller]
fn refuses(text: &str, message: &str) {
    assert_eq!(text.parse::<Recurrence>().unwrap_err().to_string(), message);
}

#[test]
fn every_second_week_on_two_days() {
    days("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", "2026-01-06", &["2026-01-06", "2026-01-08", "2026-01-20"]);
}

#[test]
fn the_first_day_of_the_week_decides_which_weeks_are_left_out() {
    // The two examples of RFC 5545, section 3.8.5.3, for WKST.
    let days = ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"];
    all("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08-05", &days);
    let days = ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"];
    all("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08-05", &days);
}

#[test]
fn days_of_months_and_years() {
    days("FREQ=MONTHLY;BYDAY=2TU", "2026-01-13", &["2026-01-13", "2026-02-10", "2026-03-10"]);
    days("FREQ=MONTHLY;BYDAY=-1FR", "2026-01-01", &["2026-01-30", "2026-02-27", "2026-03-27"]);
    days("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-01", &["2026-01-31", "2026-02-28", "2026-03-31"]);
    days("monthly", "2026-01-31", &["2026-01-31", "2026-03-31", "2026-05-31"]);
    days("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "2026-01-01", &["2026-02-13", "2026-03-13", "2026-11-13"]);
    days("yearly", "2024-02-29", &["2024-02-29", "2028-02-29"]);
    days("FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3,10", "2026-01-01", &["2026-03-29", "2026-10-25", "2027-03-28"]);
    days("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", &["1997-05-19", "1998-05-18", "1999-05-17"]);
    days("FREQ=DAILY;BYMONTH=1;BYDAY=SA,SU", "2026-01-01", &["2026-01-03", "2026-01-04", "2026-01-10"]);
}

#[test]
fn a_leap_day_is_awaited_over_the_turn_of_a_century() {
    days("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29", "2096-02-29", &["2096-02-29", "2104-02-29"]);
}

#[test]
fn a_rule_of_no_day_comes_to_an_end() {
    let rule: Recurrence = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30".parse().unwrap();
    assert_eq!(rule.dates("2026-01-01".parse().unwrap()).next(), None);
}

#[test]
fn ends() {
    all("FREQ=DAILY;COUNT=2", "2026-01-01", &["2026-01-01", "2026-01-02"]);
    all("FREQ=DAILY;UNTIL=20260102", "2026-01-01", &["2026-01-01", "2026-01-02"]);
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    #[track_caller]
    fn last(zone: &TimeZone, rule: &str, expected: &str) {
        let rule: Recurrence = rule.parse().unwrap();
        let start: DateTime = "2026-01-01T09:00".parse().unwrap();
        let last = rule.occurrences(start, zone, Timestamp::MIN).last().unwrap();
        assert_eq!(last, expected.parse().unwrap(), "{rule}");
    }
    last(&zone, "FREQ=DAILY;UNTIL=20260103T080000Z", "2026-01-03T08:00:00Z");
    last(&zone, "FREQ=DAILY;UNTIL=20260103T075959Z", "2026-01-02T08:00:00Z");
    last(&zone, "FREQ=DAILY;UNTIL=20260103T090000", "2026-01-03T08:00:00Z");
    last(&zone, "FREQ=DAILY;UNTIL=20260103T085959", "2026-01-02T08:00:00Z");
    last(&zone, "FREQ=DAILY;COUNT=3", "2026-01-03T08:00:00Z");
}

#[test]
fn what_is_counted_is_counted_from_the_start() {
    let rule: Recurrence = "FREQ=DAILY;COUNT=5".parse().unwrap();
    let dates: Vec<Date> =
        rule.dates_from("2026-01-01".parse().unwrap(), "2026-01-04".parse().unwrap()).collect();
    assert_eq!(dates, ["2026-01-04".parse().unwrap(), "2026-01-05".parse().unwrap()]);
}

#[test]
fn a_late_look_costs_no_more_than_an_early_one() {
    let rule: Recurrence = "FREQ=DAILY;INTERVAL=2".parse().unwrap();
    let zone = TimeZone::UTC;
    let start: DateTime = "0001-01-01T00:00".parse().unwrap();
    let after: Timestamp = "9000-01-01T00:00:00Z".parse().unwrap();
    let mut dates = rule.dates_from(start.date(), "9000-01-01".parse().unwrap());
    assert!(dates.next().is_some() && dates.period > 1_000_000, "it began near the moment asked for");
    assert!(rule.next_after(start, &zone, after).unwrap() > after);
}

#[test]
fn words_and_texts() {
    let text = |text: &str| text.parse::<Recurrence>().unwrap().to_string();
    assert_eq!(text("daily"), "FREQ=DAILY");
    assert_eq!(text(" every 2 weeks "), "FREQ=WEEKLY;INTERVAL=2");
    assert_eq!(text("every month"), "FREQ=MONTHLY");
    assert_eq!(text("RRULE:freq=monthly;byday=mo,-1fr,mo;interval=1"), "FREQ=MONTHLY;BYDAY=MO,-1FR");
    assert_eq!(
        text("FREQ=DAILY;UNTIL=20261231T235959Z;WKST=SU"),
        "FREQ=DAILY;UNTIL=20261231T235959Z;WKST=SU"
    );
}

#[test]
fn refusals_name_the_part() {
    refuses(
        "now and then",
        "\"now and then\" is no recurrence; write daily, weekly, every 2 weeks, or a rule such as FREQ=MONTHLY;BYDAY=2TU",
    );
    refuses(
        "FREQ=DAILY;",
        "\"\" is no part of a rule; parts are NAME=VALUE with ; between them, such as FREQ=WEEKLY;INTERVAL=2",
    );
    refuses("INTERVAL=2", "FREQ is missing; write FREQ=DAILY, FREQ=WEEKLY, FREQ=MONTHLY or FREQ=YEARLY");
    refuses("FREQ=HOURLY", "FREQ=HOURLY: it is DAILY, WEEKLY, MONTHLY or YEARLY");
    refuses("FREQ=DAILY;INTERVAL=0", "INTERVAL=0: it is a whole number from 1 to 1000");
    refuses("FREQ=DAILY;BYHOUR=9", "BYHOUR is not understood here: the time of day is that of the start");
    refuses("FREQ=DAILY;BYDAYS=MO", "BYDAYS is not understood here; did you mean BYDAY?");
    refuses("FREQ=DAILY;FREQ=DAILY", "FREQ stands twice");
    refuses("FREQ=DAILY;COUNT=1;UNTIL=20260101", "COUNT and UNTIL exclude each other: keep one");
    refuses(
        "FREQ=WEEKLY;BYDAY=2TU",
        "BYDAY with a number, such as 2TU, goes only with FREQ=MONTHLY or FREQ=YEARLY",
    );
    refuses(
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "BYMONTHDAY does not go with FREQ=WEEKLY: use FREQ=MONTHLY, or BYDAY",
    );
    refuses(
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "BYMONTHDAY=32: it is a list of days from 1 to 31, or from the end of the month from -1 to -31",
    );
    refuses(
        "FREQ=DAILY;UNTIL=2026",
        "UNTIL=2026: it is a day such as 20261231, or a time such as 20261231T235959Z",
    );
    refuses("FREQ=DAILY;WKST=日本", "WKST=日本: it is one of MO, TU, WE, TH, FR, SA, SU");
    refuses(
        "FREQ=DAILY;BYDAY=本",
        "BYDAY=本: it is a list of days such as MO,TU, or with which one of the month, such as 2TU or -1FR",
    );
}
