use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

/// The CPU time that a process's living threads have used so far, in user and kernel mode together.
///
/// `/proc/PID/stat` counts in hundredths of a second; the scheduler's own figures (proc(5), `schedstat`) are in
/// nanoseconds, which is worth losing the threads that have ended: nothing measured here ends threads.
pub(crate) fn used_by(pid: u32) -> anyhow::Result<Duration> {
    let threads = Path::new("/proc").join(pid.to_string()).join("task");
    let threads = fs::read_dir(&threads).with_context(|| format!("cannot read {}", threads.display()))?;
    let mut nanoseconds = 0;
    for thread in threads {
        // A thread may end between being listed and being read.
        let Ok(figures) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        let first = figures.split(' ').next().context("schedstat has a first figure")?;
        nanoseconds += first.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// The same with the threads that have ended, in hundredths of a second: for programs that make a thread for each connection.
pub(crate) fn used_with_ended_threads(pid: u32) -> anyhow::Result<Duration> {
    /// `USER_HZ`, which Linux has the same on every architecture that runs this.
    const TICK_MS: u64 = 10;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may have blanks; fields are counted from behind it. proc(5): utime is the 14th, stime the 15th.
    let (_, fields) = stat.rsplit_once(')').context("stat has a name in brackets")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.collect::<Result<Vec<_>, _>>()?.into_iter().sum::<u64>();
    Ok(Duration::from_millis(ticks * TICK_MS))
}
