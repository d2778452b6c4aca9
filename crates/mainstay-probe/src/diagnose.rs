mod actions;
mod cause;
mod evidence;

use jiff::Timestamp;
use mainstay_model::{CheckReport, Diagnosis, Target};

/// Why a report is not healthy: the cause in one sentence, what shows it, and what to do next. Pure.
///
/// `provider` is whoever runs the target, as people call it; without it, they are called after the host.
pub fn diagnose(target: &Target, provider: Option<&str>, report: &CheckReport) -> Diagnosis {
    let case = Case { target, provider, report };
    Diagnosis { cause: cause::of(&case), evidence: evidence::of(&case), actions: actions::of(&case) }
}

/// What a diagnosis is made from.
struct Case<'a> {
    target: &'a Target,
    provider: Option<&'a str>,
    report: &'a CheckReport,
}

impl Case<'_> {
    /// What is called by name in sentences: the host, or the path of a file.
    fn subject(&self) -> String {
        match &self.target.file {
            Some(path) => path.display().to_string(),
            None => self.target.host.clone(),
        }
    }

    /// Who runs it, as the object of a sentence: `Acme`, or `whoever runs db.example.com`.
    fn provider(&self) -> String {
        match self.provider {
            Some(provider) => provider.to_owned(),
            None => format!("whoever runs {}", self.subject()),
        }
    }
}

/// A point in time to the minute, which is as fine as people act.
fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The common name of a distinguished name, else all of it.
fn short(subject: &str) -> &str {
    subject.split(',').find_map(|part| part.trim().strip_prefix("CN=")).unwrap_or(subject)
}

/// A sentence with its full stop.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests;
