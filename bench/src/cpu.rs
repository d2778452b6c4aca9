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
