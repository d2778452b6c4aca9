use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use mainstay_model::Program;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::http::excerpt;
use crate::courier::{Outgoing, Receipt, Refusal};
use crate::render;

/// More of what a program says is not kept, but read and forgotten, so that it is not held up.
const LONGEST_OUTPUT: usize = 64 * 1024;

/// `EX_TEMPFAIL` of sysexits.h: try again later.
const TRY_LATER: i32 = 75;

/// Where programs are looked for. Nothing else of this process's environment is passed on, because it may hold the secrets of
/// other channels.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a program, without a shell, in a process group of its own, which is killed when the time is over.
///
/// Exit code 0 means accepted, 75 and an end by a signal mean later, and any other code never.
pub(crate) async fn send(outgoing: Outgoing<'_>, program: &Program) -> Result<Receipt, Refusal> {
    let (input, variables) = render::program(outgoing.delivery);
    let mut command = command(program, variables)?;
    let mut child = command.spawn().map_err(|error| not_started(program, &error))?;
    let group = Group::of(&child);
    let ended = tokio::time::timeout(program.timeout, talk(&mut child, input)).await;
    // Also when it ended by itself: what it left behind must not pile up with each message.
    drop(group);
    match ended {
        Ok(Ok((status, output))) => outcome(status, &output),
        Ok(Err(error)) => Err(Refusal::later(format!("the program could not be talked to: {error}"))),
        Err(_) => Err(Refusal::later(format!(
            "the program did not end within {} s and was killed",
            program.timeout.as_secs_f64()
        ))),
    }
}

fn command(program: &Program, variables: Vec<(&'static str, String)>) -> Result<Command, Refusal> {
    let [name, arguments @ ..] = program.command.as_slice() else {
        return Err(Refusal::never("the channel names no program; mend it in the configuration"));
    };
    let mut command = Command::new(name);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

/// A lack of memory or processes passes; a program that is not there does not.
fn not_started(program: &Program, error: &std::io::Error) -> Refusal {
    use std::io::ErrorKind::{InvalidInput, NotFound, PermissionDenied};
    let name = program.command.first().map_or("", String::as_str);
    let reason = format!("{name} cannot be started: {error}");
    match error.kind() {
        NotFound | PermissionDenied | InvalidInput => Refusal::never(reason),
        _ => Refusal::later(reason),
    }
}

/// The process group of a child, killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Group {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Group(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Usually nobody of it is left, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn talk(child: &mut Child, input: String) -> std::io::Result<(ExitStatus, String)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program need not read what it does not want.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let end = async {
        let (_, said, complained) = tokio::join!(write, read(stdout), read(stderr));
        format!("{complained} {said}")
    };
    // A process that it left behind may hold its output open: its own end is what counts.
    let mut output = String::new();
    tokio::pin!(end);
    let status = tokio::select! {
        said = &mut end => { output = said; child.wait().await? }
        status = child.wait() => status?,
    };
    if output.is_empty() {
        output = tokio::time::timeout(LAST_WORDS, end).await.unwrap_or_default();
    }
    Ok((status, output))
}

/// How long the output is waited for once the program has ended: it is in the pipe already.
const LAST_WORDS: Duration = Duration::from_millis(500);

async fn read(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    let mut head = stream.take(LONGEST_OUTPUT as u64);
    // What cannot be read was not said.
    let _ = head.read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut head.into_inner(), &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}

fn outcome(status: ExitStatus, output: &str) -> Result<Receipt, Refusal> {
    let said = excerpt(output);
    let reason = |ended: String| if said.is_empty() { ended } else { format!("{ended}: {said}") };
    match status.code() {
        Some(0) => Ok(Receipt::of((!said.is_empty()).then_some(said))),
        Some(TRY_LATER) => Err(Refusal::later(reason("the program asked to be run again later".into()))),
        Some(code) => Err(Refusal::never(reason(format!("the program ended with exit code {code}")))),
        None => Err(Refusal::later(reason("the program was ended by a signal".into()))),
    }
}
