use std::path::Path;
use std::time::{Duration, Instant};

use mainstay_model::{ChannelKind, Program};
use mainstay_notify::{Receipt, Refusal};
use mainstay_testkit::wait_for;

use crate::house::{courier, samples, send, spoken};

fn shell(script: &str) -> Program {
    let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    Program { command, timeout: Duration::from_secs(20) }
}

async fn run(program: Program) -> Result<Receipt, Refusal> {
    send(&courier(), &ChannelKind::Program(program), &samples()["opened"], None).await
}

async fn refusal(script: &str) -> String {
    spoken(&run(shell(script)).await.unwrap_err())
}

#[tokio::test]
async fn a_program_gets_the_message_and_says_what_became_of_it() {
    let receipt =
        run(shell("cat >/dev/null; echo \"$MAINSTAY_TYPE $MAINSTAY_SEVERITY $MAINSTAY_DRILL\"")).await;
    assert_eq!(receipt, Ok(Receipt::of(Some("incident.opened page false".into()))));
    let receipt = run(shell("head -c 9; cat >/dev/null")).await.unwrap();
    assert_eq!(receipt.id.as_deref(), Some("{\"data\":{"), "JSON on standard input");
    assert_eq!(run(shell("exit 0")).await, Ok(Receipt::of(None)), "one that reads nothing");
}

#[tokio::test]
async fn exit_codes_are_told_apart() {
    assert_eq!(
        refusal("echo wrong number >&2; exit 1").await,
        "never: the program ended with exit code 1: wrong number"
    );
    assert_eq!(refusal("echo busy; exit 75").await, "later: the program asked to be run again later: busy");
    assert_eq!(refusal("kill -9 $$").await, "later: the program was ended by a signal");
    let missing = Program { command: vec!["/nonexistent/tell".into()], timeout: Duration::from_secs(1) };
    let said = spoken(&run(missing).await.unwrap_err());
    assert!(said.starts_with("never: /nonexistent/tell cannot be started: "), "{said}");
}

#[tokio::test]
async fn a_program_that_does_not_end_is_killed_with_everything_that_it_started() {
    let mark = std::env::temp_dir().join(format!("mainstay-program-{}", std::process::id()));
    let script = format!("sleep 600 & echo $! > {}; wait", mark.display());
    let started = Instant::now();
    let program = Program { timeout: Duration::from_millis(500), ..shell(&script) };
    let said = spoken(&run(program).await.unwrap_err());
    assert_eq!(said, "later: the program did not end within 0.5 s and was killed");
    assert!(started.elapsed() < Duration::from_secs(10));
    let child = std::fs::read_to_string(&mark).unwrap();
    std::fs::remove_file(&mark).unwrap();
    let status = Path::new("/proc").join(child.trim()).join("stat");
    wait_for("the child to be gone", Duration::from_secs(10), async || {
        // A zombie that nobody waits for is dead too.
        let stat = std::fs::read_to_string(&status).unwrap_or_else(|_| ") Z ".into());
        stat.contains(") Z ").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_program_that_leaves_somebody_behind_with_its_output_is_not_waited_for() {
    let started = Instant::now();
    run(shell("sleep 600 & exit 0")).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn much_output_is_read_and_little_kept() {
    let said = refusal("yes complaint | head -c 3000000; exit 2").await;
    assert!(said.len() < 400 && said.contains("exit code 2: complaint complaint"), "{said}");
}

#[tokio::test]
async fn nothing_of_our_environment_is_passed_on() {
    let receipt =
        run(shell("env | grep -v -e ^MAINSTAY_ -e ^PATH= -e ^PWD= -e ^_= -e ^SHLVL=; exit 0")).await;
    assert_eq!(receipt, Ok(Receipt::of(None)));
}
