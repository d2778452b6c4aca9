use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use super::place::Place;

/// Guards a server from a process group of its own. It passes on signals, one name a line; when its standard input
/// ends, because it is dropped or because the test process died in whatever way, it stops the server and removes the
/// directory.
const GUARD: &str = r#"
directory=$1 stop=$2
shift 2
"$@" &
server=$!
echo "$server" > "$directory/server.pid"
while read -r signal; do kill -s "$signal" "$server"; done
kill -s "$stop" "$server"
( sleep 5; kill -s KILL "$server" ) &
wait "$server"
rm -rf "$directory"
kill -s KILL 0
"#;

/// The same for a directory without a server.
const GUARD_DIRECTORY: &str = r#"read -r _; rm -rf "$1""#;

const LONGEST_START: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// A running server and its directory; both are gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    guard: Child,
    /// Taken by `drop`: closing it is the order to stop.
    orders: Option<ChildStdin>,
    pub(crate) place: Place,
}

impl Keeper {
    /// Starts `server`, whose output becomes the log, and waits until the log says `ready`.
    /// `stop` is the signal that ends it at once and in good order.
    pub(crate) fn start(place: Place, server: &[String], stop: &str, ready: &str) -> Keeper {
        let mut command = place.command(Path::new("/bin/sh"));
        command.args(["-c", GUARD, "guard"]).arg(&place.directory).arg(stop).args(server);
        let log = File::create(place.path("log")).expect("the directory is there to write to");
        command.stdout(log.try_clone().expect("a file handle can be cloned")).stderr(log);
        let keeper = Keeper::spawn(command, place);
        // A quick server may log before the guard has written down who it is.
        let is_up = || keeper.pid().is_some() && keeper.log().contains(ready);
        keeper.wait_for("the server to start", is_up);
        keeper
    }

    /// Keeps a directory until this is dropped or the process ends.
    pub(crate) fn of_directory(place: Place) -> Keeper {
        let mut command = place.command(Path::new("/bin/sh"));
        command.args(["-c", GUARD_DIRECTORY, "guard"]).arg(&place.directory);
        Keeper::spawn(command, place)
    }

    fn spawn(mut command: Command, place: Place) -> Keeper {
        let mut guard = command
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let orders = guard.stdin.take();
        Keeper { guard, orders, place }
    }

    /// Everything that the server has written to its log.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.place.path("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends the server a signal such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let mut orders = self.orders.as_ref().expect("orders are taken only by drop");
        writeln!(orders, "{name}")
            .unwrap_or_else(|error| panic!("the guard is gone: {error}\n{}", self.log()));
    }

    /// Sends a signal and waits until what the server logs because of it contains `done`.
    pub(crate) fn signal_and_wait(&self, name: &str, done: &str) {
        let before = self.log().len();
        self.signal(name);
        self.wait_for(done, || self.log().get(before..).is_some_and(|new| new.contains(done)));
    }

    /// Waits for the condition; panics with the log when the server ends or the time is over.
    pub(crate) fn wait_for(&self, what: &str, condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            let ended = self.has_ended() && !condition();
            assert!(!ended, "the server ended while waiting for {what}; its log:\n{}", self.log());
            let late = start.elapsed() > LONGEST_START;
            assert!(!late, "waited {LONGEST_START:?} for {what}; the server's log:\n{}", self.log());
            std::thread::sleep(POLL);
        }
    }

    /// A server that ended is a zombie, or gone where the guard's shell has noticed already.
    fn has_ended(&self) -> bool {
        let Some(pid) = self.pid() else { return false };
        let status = fs::read_to_string(PathBuf::from("/proc").join(pid.to_string()).join("stat"));
        status.map_or(true, |status| status.contains(") Z "))
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.place.path("server.pid")).ok()?.trim().parse().ok()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The log goes with the directory, and the reader of a failed test wants it. Best effort: a second panic aborts.
            let log = last_lines(&self.log(), 8);
            let _ = writeln!(std::io::stderr(), "the log in {} ends:\n{log}", self.place.directory.display());
        }
        drop(self.orders.take());
        let _ = self.guard.wait();
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(name: &str, script: &str) -> Keeper {
        let server = ["/bin/sh", "-c", script].map(str::to_owned);
        Keeper::start(Place::new(name, &[]), &server, "TERM", "ready")
    }

    #[test]
    fn nothing_is_left_behind() {
        let keeper = start("keeper", "echo ready; sleep 600 & wait");
        let (directory, pid) = (keeper.place.directory.clone(), keeper.pid().unwrap());
        assert!(directory.is_dir() && PathBuf::from(format!("/proc/{pid}")).is_dir());
        drop(keeper);
        assert!(!directory.exists());
        assert!(!PathBuf::from(format!("/proc/{pid}")).is_dir());
    }

    #[test]
    fn signals_reach_the_server_and_its_log_is_read() {
        let keeper = start("signal", "trap 'echo got it' HUP; echo ready; while :; do sleep 0.01; done");
        keeper.signal_and_wait("HUP", "got it");
        assert_eq!(keeper.log(), "ready\ngot it\n");
    }

    #[test]
    #[should_panic(expected = "its log:\nno such table")]
    fn a_server_that_does_not_start_is_told_at_once() {
        start("broken", "echo no such table >&2; exit 1");
    }
}
