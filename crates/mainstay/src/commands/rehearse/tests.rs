use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use mainstay_model::Cover;
use unicode_width::UnicodeWidthStr as _;

use super::*;

fn testdata(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/rehearse").join(name)
}

fn load(path: &Path) -> Loaded {
    let secret = |_: &str| Some("https://hooks.elsewhere.example/x".to_owned());
    config::load(path, &secret).unwrap_or_else(|problems| panic!("{}: {problems}", path.display()))
}

/// As a running Mainstay would: every channel works but those that are called `never`.
fn known(loaded: &Loaded) -> Known {
    let names = loaded.landscape.channels.keys().filter(|name| !name.as_str().starts_with("never"));
    Known { proven: names.map(|name| (name.clone(), from())).collect(), ..Known::default() }
}

fn from() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn played(loaded: &Loaded) -> Coverage {
    let known = known(loaded);
    let until = from() + SignedDuration::from_hours(28 * 24);
    let landscape = &loaded.landscape;
    Rehearsal { landscape, known: Some(&known), from: from(), until, resolved: None, require_proven: false }
        .play(&mut |_, _| {})
}

/// All ten together: played once for all tests.
static TEN: LazyLock<(Loaded, Coverage)> = LazyLock::new(|| {
    let loaded = load(&testdata("ten-holes.yaml"));
    let coverage = played(&loaded);
    (loaded, coverage)
});

fn found(coverage: &Coverage) -> Vec<(&'static str, &str)> {
    let mut found: Vec<_> =
        coverage.holes.iter().map(|hole| (hole.code.as_str(), hole.place.as_str())).collect();
    found.sort_unstable();
    found
}

/// All together: each is found, and nothing else.
#[test]
fn ten_planted_holes_are_found_and_no_other() {
    let (_, coverage) = &*TEN;
    assert_eq!(
        found(coverage),
        [
            ("channel-never-proven", "channels.never"),
            ("empty-rotation", "schedules.empty"),
            ("muted", "routes.0"),
            ("no-route", "routes"),
            ("rule-fires-too-late", "rules.ending"),
            ("rule-switched-off", "rules.too-slow"),
            ("shared-fate", "channels.acme-chat"),
            ("silence-without-end", "silences.0"),
            ("unstaffed-shift", "schedules.weekdays"),
            ("wrong-tag", "routes.5.tags"),
        ],
        "{:#?}",
        coverage.holes
    );
    assert!(coverage.holes.iter().all(mainstay_model::Hole::is_one));
    let names = |code| {
        let hole = coverage.holes.iter().find(|hole| hole.code == code).unwrap();
        hole.dependencies.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(HoleCode::NoRoute), ["forgotten-db"]);
    assert_eq!(names(HoleCode::RuleSwitchedOff).len(), 8, "nobody is told of any that is slow");
    insta::assert_snapshot!("ten-holes", text::whole(coverage, false));
}

/// Each alone: it is found, by its own code, and nothing else.
#[test]
fn each_planted_hole_is_found_alone() {
    let folder = testdata("alone");
    let mut seen = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let loaded = load(&path);
        let coverage = played(&loaded);
        let expected = path.file_stem().unwrap().to_str().unwrap();
        let codes: Vec<&str> = coverage.holes.iter().map(|hole| hole.code.as_str()).collect();
        assert_eq!(codes, [expected], "{:#?}", coverage.holes);
        assert!(coverage.has_holes(), "{expected}");
        seen.insert(expected.to_owned());
    }
    assert_eq!(seen.len(), 10);
}

#[test]
fn the_examples_are_sound() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let coverage = played(&load(&path));
        assert!(!coverage.has_holes(), "{}: {:#?}", path.display(), coverage.holes);
        assert_eq!(coverage.at_least(Cover::Late), 0, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 4, "{seen}");
}

#[test]
fn text_fits_a_narrow_terminal() {
    let (_, coverage) = &*TEN;
    for text in [text::whole(coverage, false), text::each(coverage, false)] {
        let longest = text.lines().max_by_key(|line| line.width()).unwrap();
        assert!(longest.width() <= 80, "{longest}");
    }
}

#[test]
fn one_dependency_is_told_as_a_timeline() {
    let loaded = load(&testdata("alone/unstaffed-shift.yaml"));
    insta::assert_snapshot!("timeline", text::each(&played(&loaded), false));
}

/// The attributes of the element that a text begins with.
fn attributes(element: &str) -> BTreeMap<&str, &str> {
    let tag = element.split_once('>').unwrap().0.trim_end_matches('/');
    let pairs = tag.split("\" ").filter_map(|pair| pair.rsplit_once("=\""));
    pairs.map(|(name, value)| (name.rsplit(' ').next().unwrap(), value.trim_end_matches('"'))).collect()
}

/// As the schema of Jenkins has it: every suite says how many tests, failures and errors it has.
#[test]
fn junit_counts_what_it_lists() {
    let (_, coverage) = &*TEN;
    let xml = junit::render(coverage);
    let check = |element: &str| {
        let (said, count) = (attributes(element), |needle: &str| element.matches(needle).count().to_string());
        assert_eq!(said.keys().copied().collect::<Vec<_>>(), ["errors", "failures", "name", "tests"]);
        assert_eq!(
            [said["tests"], said["failures"], said["errors"]],
            [&count("<testcase "), &count("<failure "), "0"]
        );
        let names: Vec<&str> =
            element.split("<testcase ").skip(1).map(|case| attributes(case)["name"]).collect();
        (names.len(), names.into_iter().collect::<BTreeSet<_>>().len())
    };
    let (head, whole) = xml.split_once('\n').unwrap();
    assert_eq!(head, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    check(whole.strip_prefix("<testsuites ").unwrap().strip_suffix("</testsuites>\n").unwrap());
    let suites: Vec<&str> = whole.split("  <testsuite ").skip(1).collect();
    assert_eq!(suites.len(), coverage.dependencies.len() + 1, "{xml}");
    for suite in suites {
        let (cases, names) = check(suite);
        assert_eq!(cases, names, "a case is known by its name: {suite}");
    }
    assert!(xml.contains(
        "<testcase name=\"connect-refused\" classname=\"forgotten-db\"><failure type=\"fallback\""
    ));
    assert_eq!(
        junit::escaped("<a & \"b\">\u{1}\u{ffff}\n"),
        "&lt;a &amp; &quot;b&quot;&gt;\u{fffd}\u{fffd}\n"
    );
}

#[test]
fn sarif_points_at_lines() {
    let path = testdata("ten-holes.yaml");
    let (loaded, coverage) = &*TEN;
    let text = sarif::render(coverage, &loaded.places, Path::new("a b/ten-holes.yaml"));
    let sarif: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 10);
    let source = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = source.lines().collect();
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        for text in ["fullDescription", "help"].map(|key| rule[key]["text"].as_str().unwrap()) {
            assert!(text.ends_with('.'), "GitHub shows it: {text}");
        }
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/ten-holes.yaml");
        let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
        let expected = match result["ruleId"].as_str().unwrap() {
            "muted" => "mute: true",
            "wrong-tag" => "paymnts",
            "silence-without-end" => "until somebody looks",
            "rule-switched-off" => "too-slow:",
            "rule-fires-too-late" => "ending:",
            "unstaffed-shift" => "weekdays:",
            "empty-rotation" => "empty:",
            "shared-fate" => "acme-chat:",
            "channel-never-proven" => "never:",
            "no-route" => "routes:",
            other => panic!("{other}"),
        };
        assert!(lines[line - 1].contains(expected), "{expected}: {}", lines[line - 1]);
    }
    let absolute = sarif::render(coverage, &loaded.places, Path::new("/etc/a b/mainstay.yaml"));
    assert!(
        absolute.contains("\"uri\": \"file:///etc/a%20b/mainstay.yaml\""),
        "only what is relative may have no scheme"
    );
}

#[test]
fn without_a_store_a_channel_is_not_known_to_work_and_that_is_refused_on_demand() {
    let loaded = load(&testdata("alone/channel-never-proven.yaml"));
    let until = from() + SignedDuration::from_hours(24);
    let codes = |require_proven| {
        let landscape = &loaded.landscape;
        let rehearsal =
            Rehearsal { landscape, known: None, from: from(), until, resolved: None, require_proven };
        rehearsal.play(&mut |_, _| {}).holes.iter().map(|hole| (hole.code, hole.is_one())).collect::<Vec<_>>()
    };
    assert_eq!(codes(false), [(HoleCode::ProofUnknown, false)]);
    assert_eq!(codes(true), [(HoleCode::ChannelNeverProven, true)]);
}
