use std::process::Command;

use mainstay_testkit::servers::{Nginx, require};
use mainstay_testkit::{Pki, Scenario};

use crate::instance::{Home, now};

/// A mail that says nothing, for commands that only are to get through.
const NO_BOUNCE: &str = "To: somebody@example.test\n\nhello\n";

/// What a command said, and with what code it ended.
fn ran(command: &mut Command, input: &str) -> (i32, String) {
    let (status, said) = super::bounce::piped(command, input);
    (status.code().expect("it ended by itself"), said)
}

/// Commands on another machine, with a TLS server before the operator's listener.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_https_only_the_right_server_is_spoken_to() {
    if !require(Nginx::available()) {
        return;
    }
    let pki = Pki::new(now());
    let fine = pki.identity(Scenario::Fine, "localhost");
    let home = Home::new();
    home.configure("receive: { bounce_token: s3cret }\n");
    let root = pki.write_root(home.directory());
    let _instance = home.serve().await;
    let nginx = Nginx::in_front_of(home.operator_port(), &fine);
    let url = format!("https://localhost:{}", nginx.https_port());
    let with = |trust: &[&str]| {
        let mut command = home.command("incident");
        command.args(["list", "--server", &url]).args(trust).env_remove("SSL_CERT_FILE");
        command
    };
    let root = root.to_str().expect("a path of text");
    let check = |trust: &[&str], code: i32, expected: &str| {
        let (ended, said) = ran(&mut with(trust), "");
        assert!(ended == code && said.contains(expected), "{ended}: {said}");
    };
    check(&["--ca-file", root], 0, "No incident is open.\n");
    let (code, said) = ran(with(&[]).env("SSL_CERT_FILE", root), "");
    assert_eq!((code, said.as_str()), (0, "No incident is open.\n"));
    check(&[], 1, "If that is your own CA, name its file with --ca-file");
    check(&["--ca-file", "nowhere.pem"], 3, "nowhere.pem cannot be read; check that the file exists");

    let bounce = |token: &str| {
        let mut command = home.command("bounce");
        command.args(["--server", &url, "--ca-file", root]).env("MAINSTAY_TOKEN", token);
        ran(&mut command, NO_BOUNCE)
    };
    let (code, said) = bounce("another");
    assert_eq!(code, 75, "{said}");
    assert!(said.contains("The token is missing, or is another one."), "{said}");
    assert!(said.contains("--token-file, or in $MAINSTAY_TOKEN"), "{said}");
    let (code, said) = bounce("s3cret");
    assert_eq!(code, 0, "{said}");

    let trusted = ["--ca-file", root];
    nginx.reload_identity(&pki.identity(Scenario::Expired, "localhost"));
    check(&trusted, 1, "expired");
    nginx.reload_identity(&pki.identity(Scenario::Fine, "elsewhere.example"));
    check(&trusted, 1, "localhost");
}
