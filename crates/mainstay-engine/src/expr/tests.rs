//! Expressions and what comes of them, a line each.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

/// Facts by name: those that are named are known, `None` is known not to be there, the others are unknown.
#[derive(Default)]
struct Facts(BTreeMap<Fact, Option<Value<'static>>>);

impl Source for Facts {
    fn find(&self, fact: Fact) -> Found<'_> {
        match self.0.get(&fact) {
            Some(value) => Found::or_none(value.clone()),
            None => Found::Unknown,
        }
    }
}

fn text(text: &'static str) -> Option<Value<'static>> {
    Some(Value::from(text))
}

/// A critical MySQL dependency with 20 days left, healthy, without a failure, without a query phase.
fn facts() -> Facts {
    static NAMES: std::sync::LazyLock<Vec<String>> =
        std::sync::LazyLock::new(|| vec!["db.example.com".into(), "www.example.com".into()]);
    Facts(BTreeMap::from([
        (Fact::DependencyName, text("orders-db")),
        (Fact::Criticality, text("critical")),
        (Fact::Verdict, text("healthy")),
        (Fact::FailureKind, None),
        (Fact::TlsDaysLeft, Some(Value::Int(20))),
        (Fact::TlsLifetimeLeft, Some(Value::Double(0.25))),
        (Fact::TlsNames, Some(Value::Texts(Texts::Plain(&NAMES)))),
        (Fact::TlsVerified, Some(Value::Bool(true))),
        (Fact::TlsEndsAt, Some(Value::Timestamp("2026-06-30T00:00:00Z".parse().unwrap()))),
        (Fact::Now, Some(Value::Timestamp("2026-06-10T00:00:00Z".parse().unwrap()))),
        (Fact::DownFor, Some(Value::Duration(SignedDuration::ZERO))),
        (Fact::QueryMs, None),
        (Fact::Hour, Some(Value::Int(22))),
        (Fact::UsedBy, Some(Value::Texts(Texts::Plain(&[])))),
    ]))
}

fn judge(text: &str) -> Answer {
    Program::compile(text).unwrap_or_else(|faults| panic!("{text}: {faults:?}")).judge(&facts())
}

#[track_caller]
fn holds(all: &[&str]) {
    all.iter().for_each(|text| assert_eq!(judge(text), Answer::Holds, "{text}"));
}

#[track_caller]
fn fails(all: &[&str]) {
    all.iter().for_each(|text| assert_eq!(judge(text), Answer::Fails, "{text}"));
}

#[track_caller]
fn untold(all: &[&str]) {
    all.iter().for_each(|text| assert!(matches!(judge(text), Answer::Untold(_)), "{text}"));
}

/// The text with its faulty characters marked, what is wrong, and the hint.
fn refusal(text: &str) -> String {
    let faults = Program::compile(text).expect_err(text);
    shown(text, &faults)
}

fn shown(text: &str, faults: &[Fault]) -> String {
    let one = |fault: &Fault| {
        let marks = |(at, _): (usize, char)| if fault.at.contains(&at) { '^' } else { ' ' };
        let line: String = text.chars().enumerate().map(marks).collect();
        format!("{text}\n{}\n{} / {}", line.trim_end(), fault.message, fault.hint)
    };
    faults.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn refuses(text: &str, marked: &str, message: &str) {
    let faults = Program::compile(text).expect_err(text);
    let found = faults.iter().any(|fault| {
        let characters: String = text.chars().skip(fault.at.start).take(fault.at.len()).collect();
        characters == marked && format!("{} / {}", fault.message, fault.hint).contains(message)
    });
    assert!(found, "{}", shown(text, &faults));
}

#[test]
fn literals_and_operators_are_those_of_cel() {
    holds(&[
        "true",
        "!false",
        "!!true",
        "1 + 2 * 3 == 7",
        "(1 + 2) * 3 == 9",
        "10 - 2 - 3 == 5",
        "-7 / 2 == -3",
        "-7 % 2 == -1",
        "7 % -2 == 1",
        "--1 == 1",
        "1 -1 == 0",
        "0x1F == 31",
        "-9223372036854775808 < 0",
        "1.5 + .5 == 2.0",
        "1e3 == 1000.0",
        "1.0 / 0.0 > 1e308",
        "'a' + \"b\" == 'ab'",
        "r'\\n' == '\\\\n'",
        "'\\x41\\u00e9\\U0001F600\\101' == 'Aé😀A'",
        "'b' > 'a' && 'é' > 'z'",
        "size('日本') == 2 && 'abc'.size() == 3",
        "'abc'.contains('b') && 'abc'.startsWith('ab') && 'abc'.endsWith('bc')",
        "1 < 2 == true",
        "false || true && true",
        "true ? true : false",
        "false ? false : true ? true : false",
        "2 in [1, 2, 3,]",
        "!('x' in ['a'])",
        "!(1 in [])",
        "double(3) == 3.0 && int(2.9) == 2 && int(-2.9) == -2",
        "true // and a comment",
        "1 <\n\t2",
    ]);
}

#[test]
fn ints_and_doubles_are_ordered_on_one_line() {
    holds(&[
        "1 < 1.5",
        "1.5 > 1",
        "1 <= 1.0 && 1 >= 1.0",
        "-1 > -1.5",
        "9007199254740993 > 9007199254740992.0",
        "9223372036854775807 < 9223372036854775808.0",
        "-9223372036854775808 >= -9223372036854775808.0",
        "9223372036854775807 < 1.0 / 0.0",
    ]);
    fails(&["1 < 0.0 / 0.0", "1 >= 0.0 / 0.0", "0 < -0.0", "0 > -0.0"]);
    refuses("1 == 1.0", "1 == 1.0", "`==` cannot take an int and a double / write 1.0");
    refuses("phase.tls_ms + 1 > 2.0", "phase.tls_ms + 1", "write 1.0");
    refuses("phase.tls_ms * hour > 2.0", "phase.tls_ms * hour", "write double(…) around the int");
}

#[test]
fn times_and_lengths() {
    holds(&[
        "duration('1h30m') == duration('90m')",
        "duration('-1.5h') < duration('0')",
        "duration('1.5s') == duration('1s500ms') && duration('1us') == duration('1000ns')",
        "timestamp('2026-01-01T00:00:00Z') + duration('24h') == timestamp('2026-01-02T00:00:00Z')",
        "duration('1s') + timestamp('2026-01-01T00:00:00+01:00') == timestamp('2025-12-31T23:00:01Z')",
        "timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z') == duration('24h')",
        "tls.ends_at - now <= duration('480h')",
        "down_for == duration('0s')",
    ]);
    untold(&[
        "duration('80000000h') + duration('80000000h') > duration('0')",
        "timestamp('9999-12-01T00:00:00Z') + duration('2400h') > now",
        "timestamp('0001-01-01T00:00:00Z') - duration('1s') < now",
    ]);
    refuses("down_for > duration('2d')", "'2d'", "\"2d\" is no length of time / write hours");
    refuses("down_for > 5m", "5m", "`5m` is no number / a length of time is written duration(\"5m\")");
    refuses("down_for > 300", "down_for > 300", "write a length of time as duration(\"5m\")");
    refuses("now > timestamp('tomorrow')", "'tomorrow'", "is no moment");
    refuses("down_for > duration(verdict)", "verdict", "`duration` takes a text in quotes");
    for bad in ["", "s", "1", "1.s2", "1..5s", "5m ", "1h-1m", "99999999999h", "٣s", "5µs"] {
        refuses(&format!("down_for > duration('{bad}')"), &format!("'{bad}'"), "is no length of time");
    }
    for bad in ["2026-01-01", "2026-01-01T00:00:00", "0000-12-31T00:00:00Z", "2026-01-01T00:00:00[UTC]"] {
        refuses(&format!("now > timestamp('{bad}')"), &format!("'{bad}'"), "is no moment");
    }
}

#[test]
fn facts_of_every_type() {
    holds(&[
        "tls.days_left <= 20 && dependency.criticality == 'critical'",
        "tls.days_left < 20.5",
        "tls.lifetime_left <= 0.25",
        "'www.example.com' in tls.names && size(tls.names) == 2",
        "tls.verified",
        "verdict in ['healthy', 'degraded']",
        "hour >= 22 || hour < 6",
        "dependency.name.startsWith('orders')",
        "has(dependency.name) && has(tls.days_left)",
    ]);
}

#[test]
fn what_is_known_not_to_be_there() {
    holds(&[
        "!has(failure.kind)",
        "failure.kind == ''",
        "failure.kind != 'login-rejected'",
        "!has(phase.query_ms)",
    ]);
    untold(&["phase.query_ms > 5.0", "phase.query_ms == phase.query_ms"]);
    fails(&["has(phase.query_ms) && phase.query_ms > 5.0", "failure.kind in ['certificate-expired']"]);
}

#[test]
fn what_is_not_known_is_absorbed_in_either_order_or_remains_an_error() {
    fails(&["false && tls.cipher == 'x'", "tls.cipher == 'x' && false", "!(true || tls.cipher == 'x')"]);
    holds(&[
        "true || tls.cipher == 'x'",
        "tls.cipher == 'x' || true",
        "tls.cipher == 'x' || tls.key == '' || true",
    ]);
    untold(&[
        "tls.cipher == 'x'",
        "true && tls.cipher == 'x'",
        "tls.cipher == 'x' || false",
        "!(tls.cipher == 'x')",
        "has(tls.cipher)",
        "tls.cipher == 'x' ? true : true",
        "'a' in ['a', tls.cipher]",
        "1 / (hour - 22) == 0",
        "1 % (hour - 22) == 0",
        "9223372036854775807 + hour > 0",
        "-(-9223372036854775808 + hour - 22) > 0",
        "int(1e30) > 0",
        "int(0.0 / 0.0) > 0",
    ]);
    holds(&["true ? true : tls.cipher == 'x'"]);
    assert_eq!(judge("tls.cipher == 'x'"), Answer::Untold(Untold::Missing(Fact::TlsCipher)));
    assert_eq!(judge("1 / (hour - 22) == 0"), Answer::Untold(Untold::Arithmetic));
}

#[test]
fn names_and_words_that_do_not_exist() {
    refuses(
        "tls.days_lft < 20",
        "tls.days_lft",
        "there is no fact `tls.days_lft` / did you mean `tls.days_left`?",
    );
    refuses("days_left < 20", "days_left", "did you mean `tls.days_left`?");
    refuses("tls < 20", "tls", "`tls` is a group of facts / they are tls.verified");
    refuses("tls.colour == 'red'", "tls.colour", "known are tls.verified");
    refuses("weather == 'fine'", "weather", "docs/rules.md lists the facts");
    refuses(
        "dependency.criticality == \"critcal\"",
        "\"critcal\"",
        "is never \"critcal\" / did you mean `critical`?",
    );
    refuses("'dwn' != verdict", "'dwn'", "did you mean `down`?");
    refuses("verdict in ['down', 'sick']", "'sick'", "known are healthy, degraded, down, inconclusive");
    refuses("verdict == ''", "''", "verdict is never \"\"");
    refuses("verdict > 'degraded'", "verdict > 'degraded'", "the words of verdict have no order");
    refuses("lenght(tls.names) > 1", "lenght", "there is no function `lenght`");
    refuses(
        "verdict.startWith('d')",
        "startWith",
        "there is no method `startWith` / did you mean `startsWith`?",
    );
    refuses("tls.names.exists(n, n == 'x')", "exists", "is a part of CEL that is not taken here");
    refuses("verdict.matches('d.*')", "matches", "regular expressions are not taken here / use contains");
    refuses("size(1, 2) == 1", "size(1, 2)", "`size` is not called so / write size(x)");
    refuses("has(down_for)", "down_for", "`down_for` is always there");
    refuses("has(1)", "1", "only facts have fields");
}

#[test]
fn types_that_do_not_fit() {
    refuses(
        "tls.days_left",
        "tls.days_left",
        "a rule asks a question, and this is an int / compare it with something",
    );
    refuses("!hour", "hour", "`!` turns a bool around, and this is an int");
    refuses("tls.verified && hour", "hour", "`&&` joins bools, and this is an int");
    refuses("hour == '22'", "hour == '22'", "`==` cannot take an int and a string");
    refuses("hour in ['a']", "'a'", "this is a string, and it is looked for an int");
    refuses("'a' in verdict", "'a' in verdict", "for a part of a string write x.contains");
    refuses("-verdict == 'a'", "verdict", "`-` takes a number");
    refuses("[1] == [1]", "[1]", "a list can stand only behind `in`");
    refuses(
        "tls.verified ? 1 : 'a'",
        "tls.verified ? 1 : 'a'",
        "the two sides of `:` are an int and a string",
    );
    refuses("5.0 % 2.0 == 1.0", "5.0 % 2.0", "`%` cannot take a double and a double");
    let all = refusal("tls.days_lft < 20 && verdict == 'dwn' || hour");
    insta::assert_snapshot!(all, @r#"
    tls.days_lft < 20 && verdict == 'dwn' || hour
    ^^^^^^^^^^^^
    there is no fact `tls.days_lft` / did you mean `tls.days_left`?
    tls.days_lft < 20 && verdict == 'dwn' || hour
                                    ^^^^^
    verdict is never "dwn" / did you mean `down`?
    tls.days_lft < 20 && verdict == 'dwn' || hour
                                             ^^^^
    `||` joins bools, and this is an int / compare it with something
    "#);
}

#[test]
fn what_is_no_expression() {
    refuses("", "", "the expression ends where a fact, a value or `(` is missing");
    refuses("hour >", ">", "the expression ends where a fact, a value or `(` is missing");
    refuses("(hour > 1", "1", "the expression ends where `)` is missing");
    refuses("hour > 1)", ")", "here is `)`, where an operator is expected");
    refuses("hour = 1", "=", "write == to compare");
    refuses("tls.verified & true", "&", "write && for \"and\"");
    refuses("tls.verified and true", "and", "write &&");
    refuses("not tls.verified", "tls", "here is `tls`");
    refuses("hour > 1 hour", "hour", "where an operator is expected");
    refuses("verdict == 'down", "'down", "this text has no end / close it with '");
    refuses("verdict == 'do\\wn'", "\\w", "`\\w` is no escape");
    refuses("'\\u12' == ''", "\\u", "`\\u` is no escape");
    refuses("'\\ud83d\\ude00' == ''", "\\u", "is no escape");
    refuses("b'a' == 'a'", "b'a'", "bytes are not taken here");
    refuses("1u == 1", "1u", "leave out the u");
    refuses("hour == 9223372036854775808", "9223372036854775808", "larger than an int can be");
    refuses("hour == 99999999999999999999", "99999999999999999999", "larger than an int can be");
    refuses("hour > 1e999", "1e999", "larger than a double can be");
    refuses("hour == null", "null", "no fact is ever null");
    refuses("tls.names[0] == 'a'", "[", "elements of lists and maps are not taken here");
    refuses("{} == {}", "{", "here is `{`");
    refuses("tls.if == 1", "if", "where the name of a fact or a function is expected");
    refuses("'日本' == hour §", "§", "the character '§' cannot stand here");
    refuses("a \u{1F600}", "\u{1F600}", "cannot stand here");
}

#[test]
fn cel_asks_for_32_levels_and_terms() {
    let nested = |levels: usize| format!("{}true{}", "(".repeat(levels), ")".repeat(levels));
    holds(&[&nested(32), &nested(DEEPEST - 1)]);
    refuses(&nested(DEEPEST), "true", "nested too deeply");
    refuses(&format!("{}true", "!".repeat(1_000)), &format!("{}true", "!".repeat(64)), "nested too deeply");
    holds(&[&vec!["true"; 200].join(" && "), &format!("{} == 33", vec!["1"; 33].join(" + "))]);
    let many = vec!["hour == 22"; 171].join(" && ");
    assert!(refusal(&many).contains("too many parts"));
    assert!(refusal(&format!("true{}", " ".repeat(LONGEST))).contains("too long"));
    let choices = format!("{}true", "false ? false : ".repeat(100));
    assert!(refusal(&choices).contains("nested too deeply"));
}

#[test]
fn messages() {
    let filled = |text: &str| Template::compile(text).unwrap().fill(&facts());
    assert_eq!(
        filled("{dependency.name} has {tls.days_left} days ({ tls.lifetime_left }), {{ok}}"),
        "orders-db has 20 days (0.25), {ok}"
    );
    assert_eq!(
        filled("{tls.names}; {tls.ends_at}"),
        "db.example.com and www.example.com; 2026-06-30 00:00 UTC"
    );
    assert_eq!(filled("{failure.kind} {tls.cipher} {down_for}"), "none unknown 0 s");
    let faults = |text: &str| shown(text, &Template::compile(text).unwrap_err());
    insta::assert_snapshot!(faults("é {tls.days_lft} of {} {"), @r"
    é {tls.days_lft} of {} {
       ^^^^^^^^^^^^
    there is no fact `tls.days_lft` / did you mean `tls.days_left`?
    é {tls.days_lft} of {} {
                         ^
    there is no fact `` / docs/rules.md lists the facts
    é {tls.days_lft} of {} {
                           ^
    this `{` has no `}` / close it with `}`, or write `{{` for a brace
    ");
    assert!(faults("a } b").contains("this `}` has no `{`"));
}

#[test]
fn programs_know_their_facts() {
    let program = |text: &str| Program::compile(text).unwrap();
    assert_eq!(program("hour > 1 && (has(tls.key) || hour < 3)").facts(), [Fact::TlsKey, Fact::Hour]);
    assert!(program("tls.days_left < 3").follows_time() && program("tls.days_left < 3").is_of_the_endpoint());
    assert!(
        !program("verdict == 'down'").follows_time() && !program("verdict == 'down'").is_of_the_endpoint()
    );
}

#[test]
fn every_fact_is_documented_in_sentences_and_found_by_its_name() {
    for fact in Fact::ALL {
        let about = fact.about();
        assert_eq!(Fact::named(about.name), Some(*fact));
        assert!(about.doc.trim().ends_with('.'), "{}", about.name);
        // CEL's `has` takes only a selection, so what may be absent needs a dot.
        assert!(about.presence == Presence::Always || about.name.contains('.'), "{}", about.name);
    }
}

/// Texts that are nearly expressions.
fn scraps() -> impl Strategy<Value = String> {
    let scrap = prop::sample::select(vec![
        "true",
        "1",
        "-",
        "9223372036854775808",
        "1.5",
        "'a'",
        "\"",
        "\\",
        "(",
        ")",
        "[",
        "]",
        "?",
        ":",
        ",",
        ".",
        "!",
        "&&",
        "||",
        "==",
        "<",
        "in",
        "+",
        "*",
        "/",
        "%",
        "tls.days_left",
        "verdict",
        "has",
        "size",
        "duration",
        "'5m'",
        " ",
        "\n",
        "//",
        "é",
        "r'",
        "0x",
        "1e",
    ]);
    prop::collection::vec(scrap, 0..40).prop_map(|scraps| scraps.concat())
}

fn check_anything(text: &str) {
    match Program::compile(text) {
        Ok(program) => drop(program.judge(&facts())),
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                assert!(fault.at.end <= text.chars().count() && fault.at.start <= fault.at.end, "{fault:?}");
                assert!(text.is_empty() || !fault.at.is_empty(), "{fault:?}");
            }
        }
    }
    let _ = Template::compile(text).map(|template| template.fill(&facts()));
}

/// Conditions over two ints, as text and as what they should be: sums of CEL are those of Rust as long as nothing overflows.
fn sums() -> impl Strategy<Value = (String, Option<i64>)> {
    let number = (-1_000_i64..1_000).prop_map(|number| (number.to_string(), Some(number)));
    number.prop_recursive(4, 32, 2, |inner| {
        (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner).prop_map(
            |(a, sign, b)| {
                let value = a.1.zip(b.1).and_then(|(x, y)| match sign {
                    "+" => x.checked_add(y),
                    "-" => x.checked_sub(y),
                    "*" => x.checked_mul(y),
                    "/" => x.checked_div(y),
                    _ => x.checked_rem(y),
                });
                (format!("({} {sign} {})", a.0, b.0), value)
            },
        )
    })
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        check_anything(&text);
    }

    #[test]
    fn no_near_miss_makes_it_panic(text in scraps()) {
        check_anything(&text);
    }

    #[test]
    fn sums_are_right_or_untold((text, value) in sums()) {
        let answer = judge(&format!("{text} == {}", value.unwrap_or(0)));
        match value {
            Some(_) => prop_assert_eq!(answer, Answer::Holds),
            None => prop_assert_eq!(answer, Answer::Untold(Untold::Arithmetic)),
        }
    }

    #[test]
    fn order_is_total_over_ints_and_doubles(int: i64, double in -1e19_f64..1e19) {
        let answers = ["<", "==", ">"].map(|sign| {
            let text = match sign {
                "==" => format!("!({int} < {double:.1}) && !({int} > {double:.1})"),
                sign => format!("{int} {sign} {double:.1}"),
            };
            judge(&text) == Answer::Holds
        });
        prop_assert_eq!(answers.iter().filter(|holds| **holds).count(), 1, "{} {}", int, double);
    }

    #[test]
    fn the_first_moment_of_the_second_is_the_same(second in -62_135_596_800_i64..253_402_200_000) {
        let at = Timestamp::from_second(second).unwrap();
        prop_assert_eq!(judge(&format!("timestamp('{at}') == timestamp('{at}')")), Answer::Holds);
    }
}
