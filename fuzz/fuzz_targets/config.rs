//! A configuration is text that people write and programs generate: it is refused or taken, and never brings Mainstay down.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the module is included whole, and only its reading is exercised")]

use std::io;
use std::path::Path;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/mainstay/src"]
mod outer {
    pub mod config;
}

use outer::config::{Rendering, Surroundings, parse};

fuzz_target!(|text: &str| {
    let env = |name: &str| (name != "UNSET").then(|| format!("value of {name}"));
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let file = Path::new("mainstay.yaml");
    if let Err(problems) = parse(text, &Surroundings { file, env: &env, read: &read }) {
        assert!(!problems.0.is_empty());
        let _ = Rendering { problems: &problems.0, colour: false }.to_string();
    }
});
