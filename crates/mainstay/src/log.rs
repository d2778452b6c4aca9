use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

/// Bytes of lines that wait for whoever reads the log: some thousands of lines. As much again may be on its way.
const MOST_WAITING: usize = 1024 * 1024;
/// At the end so long is waited for whoever reads the log. One that has stopped for good must not keep the program.
const FAREWELL: Duration = Duration::from_secs(2);

/// Starts the log on standard error with everything from `least` on. `MAINSTAY_LOG` chooses otherwise, as in
/// `info,mainstay=debug`. What is still to be written is written when the answer is dropped.
pub(crate) fn start(least: LevelFilter) -> Log {
    let filter = EnvFilter::builder()
        .with_env_var("MAINSTAY_LOG")
        .with_default_directive(least.into())
        .from_env_lossy();
    let colour = crate::terminal::colours(&io::stderr());
    let log = Log::to(io::stderr());
    let queue = log.queue.clone();
    let lines = fmt::layer().with_writer(move || Line(queue.clone())).with_ansi(colour).with_target(false);
    // A second start, as in a test, keeps the first.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    log
}

/// Writes lines on a thread of its own. Whoever logs never waits: a reader that stalls, such as a terminal that was stopped or the
/// pipe of a service manager that is busy, would otherwise hold up checks and connections. What finds no room is counted and dropped.
#[derive(Debug)]
pub(crate) struct Log {
    queue: Arc<Queue>,
}

impl Log {
    fn to(output: impl Write + Send + 'static) -> Log {
        let queue = Arc::new(Queue::default());
        std::thread::spawn({
            let queue = queue.clone();
            move || queue.write_to(output)
        });
        Log { queue }
    }

    /// Waits until everything is written, or for as long as a reader may take.
    pub(crate) fn flush(&self) {
        let is_busy = |waiting: &mut Waiting| waiting.is_on_its_way || !waiting.is_empty();
        // What is left after that is not worth more of anybody's time.
        let _ = self.queue.changed.wait_timeout_while(self.queue.waiting(), FAREWELL, is_busy);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
    }
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// There is something to write, or nothing any more.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    left_out: u64,
    is_on_its_way: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.left_out == 0
    }

    /// All of it, for the way.
    fn take(&mut self) -> Vec<u8> {
        let (mut lines, left_out) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.left_out));
        if left_out > 0 {
            let told = format!(
                "{left_out} lines of the log were left out here: they were not read as fast as they came\n"
            );
            lines.extend(told.as_bytes());
        }
        self.is_on_its_way = true;
        lines
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut waiting = self.waiting();
        // Nothing follows what was left out before that was told.
        if waiting.left_out > 0 || waiting.lines.len() + line.len() > MOST_WAITING {
            waiting.left_out += 1;
        } else {
            waiting.lines.extend(line);
        }
        self.changed.notify_all();
    }

    fn write_to(&self, mut output: impl Write) {
        loop {
            let empty = self.changed.wait_while(self.waiting(), |waiting| waiting.is_empty());
            let lines = empty.unwrap_or_else(PoisonError::into_inner).take();
            // Where nobody can read it, nobody can be told either.
            let _ = output.write_all(&lines).and_then(|()| output.flush());
            self.waiting().is_on_its_way = false;
            self.changed.notify_all();
        }
    }
}

/// One line of the log, which the subscriber writes at once.
struct Line(Arc<Queue>);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};

    use super::*;

    #[test]
    fn whoever_logs_does_not_wait_for_a_reader_that_stalls() {
        let (reader, writer) = io::pipe().unwrap();
        let log = Log::to(writer);
        let number = 40_000;
        // More than a pipe and all that may wait have room for, while nobody reads.
        for n in 0..number {
            Line(log.queue.clone()).write_all(format!("{n:0100}\n").as_bytes()).unwrap();
        }
        let reading = std::thread::spawn(move || {
            let (mut read, mut left_out) = (0, 0);
            for line in BufReader::new(reader).lines() {
                match line.unwrap().split_once(" lines of the log were left out") {
                    Some((count, _)) => left_out += count.parse::<u64>().unwrap(),
                    None => read += 1,
                }
                if read + left_out == number {
                    break;
                }
            }
            (read, left_out)
        });
        drop(log);
        let (read, left_out) = reading.join().unwrap();
        assert!(left_out > 0 && read >= MOST_WAITING as u64 / 101, "{read} read, {left_out} left out");
        assert_eq!(read + left_out, number);
    }

    #[test]
    fn the_end_waits_for_what_is_still_to_be_written() {
        #[derive(Clone, Default)]
        struct Slow(Arc<Mutex<Vec<u8>>>);
        impl Write for Slow {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                std::thread::yield_now();
                self.0.lock().unwrap().push(bytes[0]);
                Ok(1)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let output = Slow::default();
        let log = Log::to(output.clone());
        Line(log.queue.clone()).write_all(&[b'x'; 10_000]).unwrap();
        drop(log);
        assert_eq!(output.0.lock().unwrap().len(), 10_000);
    }
}
