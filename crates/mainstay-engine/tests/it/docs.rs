//! The page about rules says what is.

use mainstay_engine::expr::{Fact, Kind, Presence, Program};

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rules.md")).unwrap()
}

/// The row of the table that stands for a fact.
fn row(fact: Fact) -> String {
    let about = fact.about();
    let maybe = if about.presence == Presence::Sometimes { " ?" } else { "" };
    let words = match about.kind {
        Kind::Choice(words) => {
            let words: Vec<_> = words().into_iter().map(|word| format!("`{word}`")).collect();
            format!(" One of {}.", words.join(", "))
        }
        _ => String::new(),
    };
    format!("| `{}`{maybe} | {} | {}{words} |", about.name, about.kind.cel_type(), about.doc.trim())
}

#[test]
fn every_condition_of_the_page_can_be_compiled() {
    let page = page();
    let block = page.split("```cel\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(block.lines().count() > 10);
    for line in block.lines() {
        Program::compile(line).unwrap_or_else(|faults| panic!("{line}: {faults:?}"));
    }
}

#[test]
fn the_table_has_every_fact_and_nothing_else() {
    let page = page();
    let table = page.split("|---|---|---|\n").last().unwrap();
    let expected: Vec<_> = Fact::ALL.iter().map(|fact| row(*fact)).collect();
    let expected = expected.join("\n");
    assert_eq!(table.trim_end(), expected, "the table of docs/rules.md should be:\n{expected}");
}
