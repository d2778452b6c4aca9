use std::path::Path;

use super::*;
use crate::config::{self, Surroundings};

fn written(targets: &[&str]) -> String {
    let targets: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
    template::render(&plan(&targets).unwrap())
}

fn loads(text: &str) -> config::Loaded {
    let env = |name: &str| name.ends_with("_PASSWORD").then(|| "p@ss/word%".to_owned());
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let surroundings = Surroundings { file: Path::new("mainstay.yaml"), env: &env, read: &read };
    config::parse(text, &surroundings).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

#[test]
fn a_first_file_is_valid_at_once() {
    let loaded = loads(&written(&[]));
    assert_eq!(loaded.landscape.dependencies.len(), 1);
}

#[test]
fn everything_in_its_comments_is_valid_too() {
    let uncommented: String = written(&[])
        .lines()
        .map(|line| match line.trim_start().strip_prefix("# ") {
            // Keys that are commented out begin in lower case and have a colon, or are entries of a list.
            Some(rest) if rest.split(' ').next().is_some_and(|word| word.ends_with(':') || word == "-") => {
                format!("{}{rest}\n", &line[..line.len() - line.trim_start().len()])
            }
            Some(rest) if rest.starts_with("  ") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert!(uncommented.contains("\nroutes:\n") && uncommented.contains("\nmail:"), "{uncommented}");
    let env = |_: &str| Some("https://hooks.example.com/x".to_owned());
    let read = |_: &Path| Ok(include_bytes!("../../../tests/testdata/config/ca.pem").to_vec());
    let surroundings = Surroundings { file: Path::new("mainstay.yaml"), env: &env, read: &read };
    let loaded = config::parse(&uncommented, &surroundings).unwrap_or_else(|p| panic!("{p}\n{uncommented}"));
    assert_eq!(loaded.landscape.channels.len(), 4);
}

#[test]
fn passwords_become_variables() {
    let text = written(&[
        "mysql://monitor:hunter2@eu-west.acme.example:3306/orders",
        "postgres://app:hun%40ter2@db.acme.example/orders?sslmode=verify-full",
        "rediss://:hunter2@cache.example.org",
        "postgres://u:${MINE}@db.example.org/x$y",
        "https://api.stripe.com",
    ]);
    assert!(!text.contains("hunter2") && !text.contains("ter2"), "{text}");
    let landscape = loads(&text.replace("${MINE}", "${MINE_PASSWORD}")).landscape;
    let password = |name: &str| {
        let dependency = landscape.dependencies.get(name).unwrap_or_else(|| panic!("{name} in {text}"));
        dependency.target.credentials.clone().unwrap().password.unwrap().expose().to_owned()
    };
    assert_eq!(password("orders-db"), "p@ss/word%");
    assert_eq!(password("orders-db-2"), "p@ss/word%");
    assert_eq!(password("cache-redis"), "p@ss/word%");
    assert_eq!(landscape.dependencies["x-y-db"].target.database.as_deref(), Some("x$y"));
    assert_eq!(landscape.providers.len(), 3);
}

#[test]
fn only_the_password_of_a_url_is_left_out() {
    for (text, url) in [
        ("https://example.com:8443/@scope/pkg", "https://example.com:8443/@scope/pkg"),
        ("https://u:pw@h/a@b", "https://u:${V}@h/a@b"),
        ("https://u@h:8443/a@b:c", "https://u@h:8443/a@b:c"),
        ("postgres://u:p@ss@h/db", "postgres://u:${V}@h/db"),
        ("https://h/x?access_token=abc&sig=def&page=2#a", "https://h/x?access_token=${V}&sig=${V}&page=2#a"),
        ("mysql://u:${MINE}@h/db", "mysql://u:${MINE}@h/db"),
    ] {
        assert_eq!(without_password(text, "V"), (url.to_owned(), url.contains("${V}")), "{text}");
        let host = |text: &str| Target::parse(text).unwrap().host;
        assert_eq!(host(text), host(&url.replace("${V}", "x").replace("${MINE}", "x")));
    }
}

#[test]
fn the_next_steps_name_the_variables_and_no_password() {
    let plan = plan(&["mysql://monitor:hunter2@eu-west.acme.example/orders".to_owned()]).unwrap();
    let steps = next_steps(Path::new("mainstay.yaml"), &plan);
    assert!(
        steps.contains("ORDERS_DB_PASSWORD   the password of monitor at eu-west.acme.example"),
        "{steps}"
    );
    assert!(!steps.contains("hunter2"));
}

#[test]
fn every_wrong_target_is_told() {
    let targets = ["mysqll://h", "nonsense"].map(str::to_owned);
    let faults = plan(&targets).err().unwrap();
    assert_eq!(faults.len(), 2);
    assert!(faults[0].contains("did you mean mysql://"), "{faults:?}");
}
