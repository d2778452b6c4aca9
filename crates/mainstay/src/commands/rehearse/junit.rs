use std::fmt::Write as _;

use mainstay_model::{Cover, Coverage, Hole};

/// JUnit's XML as Jenkins reads it (junit-10.xsd of its xUnit plugin), the strictest of those that CI systems read: one suite for each
/// dependency with a case for each way to break, and one for the configuration as a whole.
pub(super) fn render(coverage: &Coverage) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let of_whole: Vec<&Hole> = coverage.holes.iter().filter(|hole| hole.ways == 0 && hole.is_one()).collect();
    let tests = coverage.ways() + of_whole.len();
    let failures = coverage.at_least(Cover::Late) + of_whole.len();
    let _ = writeln!(out, "<testsuites name=\"mainstay rehearse\" {}>", counts(tests, failures));
    for one in &coverage.dependencies {
        let failures = one.ways.iter().filter(|way| way.cover > Cover::Covered).count();
        let name = escaped(one.name.as_str());
        let _ = writeln!(out, "  <testsuite name=\"{name}\" {}>", counts(one.ways.len(), failures));
        for way in &one.ways {
            let case = format!("name=\"{}\" classname=\"{name}\"", way.breaking);
            match way.cover.in_words() {
                None => drop(writeln!(out, "    <testcase {case}/>")),
                Some(clause) => {
                    let why = because(coverage, one.name.as_str());
                    let _ = writeln!(
                        out,
                        "    <testcase {case}><failure type=\"{}\" message=\"{}\">{}</failure></testcase>",
                        way.cover,
                        escaped(clause),
                        escaped(&why)
                    );
                }
            }
        }
        out.push_str("  </testsuite>\n");
    }
    if !of_whole.is_empty() {
        let count = of_whole.len();
        let _ = writeln!(out, "  <testsuite name=\"configuration\" {}>", counts(count, count));
        for hole in of_whole {
            let (code, place) = (hole.code, escaped(&hole.place));
            let _ = writeln!(
                out,
                "    <testcase name=\"{place}\" classname=\"configuration\"><failure type=\"{code}\" message=\"{}\">{}</failure></testcase>",
                escaped(&hole.what),
                escaped(&hole.mend)
            );
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// That nothing went wrong with a test itself has to be said too.
fn counts(tests: usize, failures: usize) -> String {
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\"")
}

/// What is wrong with a dependency, a line each.
fn because(coverage: &Coverage, name: &str) -> String {
    let its = coverage.holes.iter().filter(|hole| hole.dependencies.iter().any(|one| one.as_str() == name));
    its.map(|hole| format!("{} {}", hole.what, hole.mend)).collect::<Vec<_>>().join("\n")
}

/// Text for XML 1.0, which has no way to write most control characters and two others at all (section 2.2).
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
