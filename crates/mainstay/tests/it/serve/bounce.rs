use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use mainstay_testkit::servers::{Postfix, PostfixOptions, require};
use mainstay_testkit::{Mailbox, wait_for};

use super::hook::Hook;
use crate::instance::{Home, PATIENCE};

const TOKEN: &str = "s3cret";

/// As whom Postfix runs commands of /etc/aliases.
const NOBODY: u32 = 65_534;

/// Runs a command with this on its standard input; how it ended, and everything that it said.
pub(super) fn piped(command: &mut Command, input: &str) -> (ExitStatus, String) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program was built with the test");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A command that was called wrongly does not read it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("the child is ours");
    let said = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8(said).expect("it speaks UTF-8"))
}

/// A directory that other users can walk through, with the program and a token for them; neither the program's own directory nor the
/// data of the server need be open to them.
struct Elsewhere(PathBuf);

impl Elsewhere {
    fn new() -> Elsewhere {
        let directory = std::env::temp_dir().join(format!("mainstay-bounce-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("the temporary directory is writable");
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).expect("it is ours");
        let program = directory.join("mainstay");
        let built = Path::new(env!("CARGO_BIN_EXE_mainstay"));
        // The temporary directory may be another file system.
        if fs::hard_link(built, &program).is_err() {
            fs::copy(built, &program).expect("there is room for the program");
        }
        let token = directory.join("token");
        fs::write(&token, format!("{TOKEN}\n")).expect("it is ours");
        fs::set_permissions(&token, Permissions::from_mode(0o400)).expect("it is ours");
        chown(&token, Some(NOBODY), None).expect("the test runs as root, because Postfix does");
        Elsewhere(directory)
    }

    /// The command of an alias.
    fn command(&self, port: u16) -> String {
        let here = self.0.display();
        format!("{here}/mainstay bounce --server http://127.0.0.1:{port} --token-file {here}/token")
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn automatic(to: &str) -> String {
    format!("From: anna@away.test\nTo: {to}\nAuto-Submitted: auto-replied\n\nI am away.\n")
}

/// Nobody stands between the mail server that gives a mail up and the message that counts as one that nobody got.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_postfix_hands_in_what_comes_back_and_keeps_it_while_nobody_takes_it() {
    if !require(Postfix::available()) {
        return;
    }
    let gone = Mailbox::refusing_recipients(&[("anna@away.test", "550 5.1.1 no such user")]).await;
    let (home, elsewhere, hook) = (Home::new(), Elsewhere::new(), Hook::start().await);
    let command = elsewhere.command(home.operator_port());
    let postfix = Postfix::start(PostfixOptions {
        away: Some(gone.address().port()),
        pipe: Some(&command),
        ..PostfixOptions::default()
    });
    home.configure(&configuration(&hook, postfix.smtp_port()));
    let instance = home.serve().await;

    let bounced = "/api/v1/deliveries?channel=anna-mail&state=bounced";
    let lost = home
        .api_until("the mail to come back", bounced, |list| list["deliveries"].as_array()?.first().cloned())
        .await;
    assert!(lost["state"]["reason"].as_str().unwrap().contains("550 5.1.1 no such user"), "{lost:#}");
    let about = lost["message"]["incident"]["id"].clone();
    hook.wait("the next step", |told| told.incident()["id"] == about).await;

    instance.kill();
    let to = "bounces+0197f0a1-2b3c-7d4e-8f50-112233445566@returned.test";
    postfix.hand_in(to, &automatic(to));
    let logged = async |text: &str| {
        wait_for(text, PATIENCE, async || postfix.log().contains(text).then_some(())).await;
    };
    logged("status=deferred (temporary failure. Command output: mainstay: no Mainstay answers at http://127")
        .await;
    let _instance = home.serve().await;
    wait_for("what is no bounce to be done with", PATIENCE, async || {
        postfix.log().lines().any(|line| line.contains(to) && line.contains("status=sent")).then_some(())
    })
    .await;
    assert!(!postfix.log().contains("status=bounced (Command died"), "{}", postfix.log());
}

fn configuration(hook: &Hook, smtp: u16) -> String {
    format!(
        r#"dependencies:
  db: {{ url: "tcp://127.0.0.1:9", every: 1s, criticality: critical, confirm: {{ failures: 1, of: 1, recoveries: 1 }} }}
mail: {{ smtp: "smtp://127.0.0.1:{smtp}", from: status@example.test, bounce_address: "bounces+{{id}}@returned.test" }}
receive: {{ bounce_token: {TOKEN} }}
channels:
  anna-mail: {{ email: anna@away.test }}
{}escalations:
  team: {{ steps: [{{ to: anna-mail, wait: 1h }}, {{ to: bot, wait: 1h }}] }}
routes: [{{ escalate: team }}]
fallback: bot
"#,
        hook.channel_line("bot")
    )
}

#[tokio::test]
async fn what_cannot_be_handed_in_now_is_kept_by_the_mail_server_and_what_is_no_bounce_is_not() {
    let home = Home::new();
    home.configure("receive: { bounce_token: s3cret }\n");
    let check = |arguments: &[&str], input: &str, code: i32, expected: &str| {
        let mut command = home.command("bounce");
        let (status, said) = piped(command.args(arguments).env_remove("MAINSTAY_TOKEN"), input);
        assert!(status.code() == Some(code) && said.contains(expected), "{arguments:?}: {status}: {said}");
    };
    let mail = automatic("bounces@returned.test");
    check(&[], &mail, 75, "no Mainstay runs with this configuration");
    check(&["--sever", "http://127.0.0.1"], &mail, 75, "unexpected argument");
    check(&["--token-file", "nowhere"], &mail, 75, "it cannot be read");
    let _instance = home.serve().await;
    let here = format!("http://127.0.0.1:{}", home.operator_port());
    check(&["--server", &here], &mail, 75, "The token is missing, or is another one.");
    let public = format!("http://127.0.0.1:{}", home.public_port());
    check(&["--server", &public, "--token", TOKEN], &mail, 75, "mainstay: ");
    check(&[], "", 75, "there is no mail on standard input");
    // The owner of the socket needs no token.
    let nothing = "Nothing was done: This says of no message of Mainstay's that it did not arrive.";
    check(&[], &mail, 0, nothing);
    check(&["--server", &here, "--token", TOKEN], &"x".repeat(3 << 20), 0, nothing);
    let unknown =
        "To: bounces+0197f0a1-2b3c-7d4e-8f50-112233445566@returned.test\n\nAction: failed\nStatus: 5.1.1\n";
    check(&[], unknown, 0, "There is no message 0197f0a1-2b3c-7d4e-8f50-112233445566 any more");
}
