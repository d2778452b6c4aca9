//! A condition is text that people write: it is refused at a place of that text or can be judged, and never brings Mainstay down.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_engine::expr::{Fact, Fault, Found, Kind, Program, Source, Template, Texts, Value};

/// Every fact is there, not there or unknown, as the byte says.
struct Facts<'a>(&'a [u8], Vec<String>);

impl Source for Facts<'_> {
    fn find(&self, fact: Fact) -> Found<'_> {
        match self.0.get(fact as usize % self.0.len().max(1)).copied().unwrap_or(0) {
            0..64 => Found::Unknown,
            64..128 => Found::None,
            byte => Found::Known(self.value(fact, i64::from(byte))),
        }
    }
}

impl Facts<'_> {
    fn value(&self, fact: Fact, number: i64) -> Value<'_> {
        match fact.about().kind {
            Kind::Bool => Value::Bool(number % 2 == 0),
            Kind::Int => Value::Int(number - 190),
            Kind::Double => Value::Double(number as f64 / 3.0),
            Kind::Text => "db.example.com".into(),
            Kind::Choice(words) => words().first().copied().unwrap_or("").into(),
            Kind::Duration => Value::Duration(jiff::SignedDuration::from_secs(number)),
            Kind::Timestamp => Value::Timestamp(jiff::Timestamp::from_second(number).unwrap_or_default()),
            Kind::Texts => Value::Texts(Texts::Plain(&self.1)),
        }
    }
}

fuzz_target!(|input: (&str, &[u8])| {
    let (text, bytes) = input;
    let facts = Facts(bytes, vec!["db.example.com".to_owned()]);
    match Program::compile(text) {
        Ok(program) => drop(program.judge(&facts)),
        Err(faults) => are_within(&faults, text),
    }
    match Template::compile(text) {
        Ok(template) => drop(template.fill(&facts)),
        Err(faults) => are_within(&faults, text),
    }
});

fn are_within(faults: &[Fault], text: &str) {
    assert!(!faults.is_empty());
    for fault in faults {
        assert!(fault.at.start <= fault.at.end && fault.at.end <= text.chars().count());
    }
}
