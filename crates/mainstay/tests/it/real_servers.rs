//! `mainstay check` against real servers: every server with every fault of its certificates, right and wrong
//! passwords, and what the servers' logs say afterwards.

mod check;
mod forwarder;
mod row;
mod services;
mod table;

use mainstay_model::{Blame, CheckReport, FailureKind, Verdict};
use mainstay_testkit::servers::{
    Account, MariaDb, MariaDbOptions, Method, Nginx, Postgres, PostgresOptions, require,
};
use mainstay_testkit::{Identity, Pki, Scenario};

use check::new_pki;
use forwarder::Forwarder;
use services::Services;

#[test]
fn every_server_with_every_certificate_gets_the_right_verdict() {
    let (pki, checker) = new_pki();
    let services = Services::start(&fine(&pki));
    let table = table::fill(&pki, &checker, &services);
    table.print();
    let problems = table.problems();
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn a_wrong_password_is_our_fault_and_no_trouble_of_certificate_or_network() {
    let (pki, checker) = new_pki();
    let services = Services::start(&fine(&pki));
    for (name, url) in services.with_wrong_password() {
        let report = checker.check(&url);
        let failure = report.failure.as_ref().unwrap_or_else(|| panic!("{name}: {report:#?}"));
        assert_eq!(failure.kind, FailureKind::LoginRejected, "{name}: {}", failure.message);
        assert_eq!(failure.blame, Blame::Us, "{name}");
        assert_eq!(report.verdict, Verdict::Down, "{name}");
        assert_names_no_other_cause(name, &report);
    }
}

/// The certificate may be cleared by name, as what still works, and not otherwise.
fn assert_names_no_other_cause(name: &str, report: &CheckReport) {
    let failure = report.failure.iter().map(|failure| failure.message.as_str());
    let diagnosis = report.diagnosis.as_ref().unwrap_or_else(|| panic!("{name} has no diagnosis"));
    let cause = &diagnosis.cause;
    let actions = diagnosis.actions.iter().map(String::as_str);
    for sentence in failure.chain([cause.as_str()]).chain(actions) {
        for word in ["certificate", "network", "TLS", "wrong-password"] {
            assert!(!sentence.contains(word), "{name} speaks of {word}: {sentence}");
        }
    }
}

#[test]
fn postgres_logs_nothing_about_checks_without_credentials() {
    if !require(Postgres::available()) {
        return;
    }
    let (pki, checker) = new_pki();
    let identity = fine(&pki);
    let postgres = Postgres::start(PostgresOptions { identity: Some(&identity), ..Default::default() });
    let before = postgres.log();
    for scenario in [Scenario::Fine, Scenario::Expired] {
        postgres.reload_identity(&pki.identity(scenario, check::SERVER_NAME));
        for _ in 0..5 {
            checker.check(&format!("postgres://127.0.0.1:{}/postgres", postgres.port()));
        }
    }
    // A session of ours comes after the checks' ones, so whatever they left behind is logged by its end.
    postgres.execute("SELECT 1");
    let gained = postgres.log().split_off(before.len());
    let noise = gained.lines().filter(|line| !line.contains("reloading configuration files"));
    assert_eq!(noise.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn mariadb_neither_logs_errors_nor_blocks_us_for_checks_without_credentials() {
    if !require(MariaDb::available()) {
        return;
    }
    let (pki, checker) = new_pki();
    let identity = fine(&pki);
    // Without a user who may come from anywhere, the server would turn everybody away.
    let accounts = [Account::new("anybody", "secret", Method::MySqlNative)];
    let mariadb = MariaDb::start(MariaDbOptions { identity: Some(&identity), accounts: &accounts });
    // Servers that block clients for unfinished connections count them by address, after 100 of them, and never those
    // of 127.0.0.1. This one has become lenient; older ones and MySQL's have not.
    let url = format!("mysql://127.0.0.1:{}", Forwarder::start(mariadb.port(), 2).port());
    let before = mariadb.log();
    for report in checker.check_all(&vec![url.as_str(); 200]) {
        assert_eq!(report.verdict, Verdict::Healthy, "{:?}", report.failure);
    }
    let gained = mariadb.log().split_off(before.len());
    let errors: Vec<&str> = gained.lines().filter(|line| line.contains("[ERROR]")).collect();
    assert_eq!(errors, Vec::<&str>::new());
}

#[test]
fn an_unexpected_status_is_the_providers_fault() {
    if !require(Nginx::available()) {
        return;
    }
    let (pki, checker) = new_pki();
    let nginx = Nginx::start(&fine(&pki));
    let report = checker.check(&format!("https://127.0.0.1:{}/500", nginx.https_port()));
    let failure = report.failure.expect("a status of 500 is a failure");
    assert_eq!((failure.kind, failure.blame), (FailureKind::StatusUnexpected, Blame::Provider));
    assert!(failure.message.contains("500"), "{}", failure.message);
    assert!(report.addresses[0].tls.as_ref().is_some_and(|tls| tls.verified));
}

fn fine(pki: &Pki) -> Identity {
    pki.identity(Scenario::Fine, check::SERVER_NAME)
}
