mod chain;
mod paint;
mod phases;

use mainstay_model::{CheckReport, Failure, TlsFacts, Verdict, in_words};

pub(super) use crate::terminal::wrap::wrapped;
use crate::terminal::wrap::{WIDTH, fit};
use paint::Paint;

/// Columns before the text of a section: two, then its label.
const INDENT: usize = 10;

/// Reports for people: the verdict and the cause first, then what to do, then what was seen.
pub(super) fn render(reports: &[CheckReport], colour: bool) -> String {
    let paint = Paint { colour };
    reports.iter().map(|report| one(report, paint)).collect::<Vec<_>>().join("\n")
}

/// One sentence that says how it is.
pub(super) fn summary(report: &CheckReport) -> String {
    match &report.diagnosis {
        Some(diagnosis) => diagnosis.cause.clone(),
        None => in_order(report),
    }
}

fn one(report: &CheckReport, paint: Paint) -> String {
    let mut page = Page { text: String::new(), paint };
    page.head(report);
    page.line(&wrapped(&summary(report), 2));
    page.blank();
    page.facts(report);
    page.steps("do", &actions(report));
    page.section("also", &also(report));
    if let Some(tls) = report.tls() {
        page.lines("chain", &chain::lines(tls, report.checked_at, paint));
        page.section("tls", &session(tls));
    }
    page.lines("time", &phases::lines(report, paint));
    page.text.truncate(page.text.trim_end().len());
    page.text.push('\n');
    page.text
}

/// Text that grows by labelled sections.
struct Page {
    text: String,
    paint: Paint,
}

impl Page {
    fn head(&mut self, report: &CheckReport) {
        let verdict = report.verdict;
        let word = self.paint.verdict(verdict, &format!("{} {}", verdict.symbol(), verdict.in_words()));
        let name = match &report.dependency {
            Some(dependency) => format!("{}  {}", self.paint.bold(dependency.as_str()), report.target),
            None => self.paint.bold(&report.target),
        };
        self.line(&format!("{word}  {name}"));
    }

    fn facts(&mut self, report: &CheckReport) {
        let Some(failure) = &report.failure else { return };
        if let Some(expired) = &failure.expired {
            let ago = in_words(report.checked_at.duration_since(expired.since));
            self.labelled(
                "since",
                &[format!("{}, {ago} ago", expired.since.strftime("%Y-%m-%d %H:%M:%S UTC"))],
            );
        }
        self.labelled("fault", &fit(&fault(failure), WIDTH - INDENT));
        self.blank();
    }

    /// Sentences under a label, each wrapped.
    fn section(&mut self, label: &str, sentences: &[String]) {
        let lines: Vec<String> =
            sentences.iter().flat_map(|sentence| fit(sentence, WIDTH - INDENT).into_iter()).collect();
        self.lines(label, &lines);
    }

    /// The same, numbered when there are several.
    fn steps(&mut self, label: &str, steps: &[String]) {
        if let [_] = steps {
            return self.section(label, steps);
        }
        let numbered = |(index, step): (usize, &String)| {
            let lines = fit(step, WIDTH - INDENT - 3).into_iter().enumerate();
            let mark = move |line| if line == 0 { format!("{}. ", index + 1) } else { "   ".to_owned() };
            lines.map(|(line, text)| format!("{}{text}", mark(line))).collect::<Vec<_>>()
        };
        let lines: Vec<String> = steps.iter().enumerate().flat_map(numbered).collect();
        self.lines(label, &lines);
    }

    /// Finished lines under a label, and an empty one after them.
    fn lines(&mut self, label: &str, lines: &[String]) {
        self.labelled(label, lines);
        if !lines.is_empty() {
            self.blank();
        }
    }

    fn labelled(&mut self, label: &str, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let gap = " ".repeat(INDENT - 2 - label.len());
            let label = if label.is_empty() { String::new() } else { self.paint.dim(label) };
            self.line(format!("  {label}{gap}{line}").trim_end());
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }
}

fn in_order(report: &CheckReport) -> String {
    let mut parts = Vec::new();
    if let Some(tls) = report.tls() {
        let ends = tls.certificates.iter().filter(|one| one.in_path).map(|one| one.not_after).min();
        let left = ends.map(|end| in_words(end.duration_since(report.checked_at)));
        let left = left.map(|left| format!("the first certificate ends in {left}"));
        let verified = tls.verified.then(|| "the certificate chain verifies".to_owned());
        parts.extend(verified);
        parts.extend(left);
    }
    match report.addresses.iter().filter(|one| one.verdict == Verdict::Healthy).count() {
        0 | 1 => {}
        addresses => parts.push(format!("all {addresses} addresses work")),
    }
    match parts.as_slice() {
        [] => "Everything that was asked for works.".into(),
        parts => format!("Everything works: {}.", parts.join(", ")),
    }
}

/// Version and cipher, of a handshake that ended.
fn session(tls: &TlsFacts) -> Vec<String> {
    tls.version.iter().zip(&tls.cipher).map(|(version, cipher)| format!("{version} with {cipher}")).collect()
}

fn fault(failure: &Failure) -> String {
    use mainstay_model::Blame;
    let whose = match failure.blame {
        Blame::Provider => "the provider's",
        Blame::Path => "the path's: name resolution or network",
        Blame::Us => "ours",
    };
    format!("{whose} ({}, in the phase {})", failure.kind, failure.phase)
}

fn actions(report: &CheckReport) -> Vec<String> {
    report.diagnosis.as_ref().map(|diagnosis| diagnosis.actions.clone()).unwrap_or_default()
}

/// What else is wrong or worth knowing, and not said by the cause.
fn also(report: &CheckReport) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    let faults = report.addresses.iter().flat_map(|one| &one.also).map(|failure| &failure.message);
    let findings = report.findings.iter().map(|finding| &finding.message);
    let cause = summary(report);
    for message in faults.chain(findings) {
        let sentence = sentence(message);
        if !sentences.contains(&sentence) && !cause.contains(message.as_str()) {
            sentences.push(sentence);
        }
    }
    sentences
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let rest = letters.as_str();
    if text.ends_with('.') { format!("{first}{rest}") } else { format!("{first}{rest}.") }
}

#[cfg(test)]
mod tests;
