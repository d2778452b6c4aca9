use std::fmt;

use super::excerpt::Excerpt;
use super::problem::{Level, Problem};

const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const BLUE: &str = "\u{1b}[1;34m";
const RESET: &str = "\u{1b}[0m";

/// Problems as a compiler shows them: the sentence, the place, the line with its mark, the hint.
pub(crate) struct Rendering<'a> {
    pub(crate) problems: &'a [Problem],
    /// Whether it goes to a terminal that shows colours.
    pub(crate) colour: bool,
}

impl fmt::Display for Rendering<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            self.problem(f, problem)?;
        }
        Ok(())
    }
}

impl Rendering<'_> {
    fn problem(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        let tone = self.tone(problem.level);
        let level = problem.level.as_str();
        writeln!(f, "{}: {}", self.paint(tone, level), self.paint(BOLD, &problem.message))?;
        match &problem.at {
            Some(excerpt) => self.excerpt(f, problem, excerpt),
            None => self.whole_file(f, problem),
        }
    }

    fn whole_file(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        writeln!(f, "  {} {}", self.paint(BLUE, "-->"), problem.file)?;
        self.notes(f, "   ", problem.hint.as_deref())
    }

    fn excerpt(&self, f: &mut fmt::Formatter<'_>, problem: &Problem, excerpt: &Excerpt) -> fmt::Result {
        let number = excerpt.line.to_string();
        let gutter = " ".repeat(number.len() + 2);
        let arrow = format!("{}-->", " ".repeat(number.len() + 1));
        let bar = self.paint(BLUE, "|");
        let (line, column) = (excerpt.line, excerpt.column);
        writeln!(f, "{} {}:{line}:{column}", self.paint(BLUE, &arrow), problem.file)?;
        writeln!(f, "{gutter}{bar}")?;
        let blank = if excerpt.text.is_empty() { "" } else { " " };
        writeln!(f, " {} {bar}{blank}{}", self.paint(BLUE, &number), excerpt.text)?;
        let carets = "^".repeat(excerpt.marked.len().min(200));
        let indent = " ".repeat(excerpt.marked.start);
        write!(f, "{gutter}{bar} {indent}{}", self.paint(self.tone(problem.level), &carets))?;
        // The whole fits a terminal of 80 columns.
        let room = 72usize.saturating_sub(excerpt.marked.end);
        match &problem.hint {
            Some(hint) if hint.chars().count() <= room && !hint.contains('\n') => {
                writeln!(f, " {}", self.paint(self.tone(problem.level), hint))
            }
            hint => {
                writeln!(f)?;
                self.notes(f, &gutter, hint.as_deref())
            }
        }
    }

    fn notes(&self, f: &mut fmt::Formatter<'_>, gutter: &str, hint: Option<&str>) -> fmt::Result {
        for line in hint.into_iter().flat_map(|hint| wrapped(hint, 74)) {
            writeln!(f, "{gutter}{} {line}", self.paint(BLUE, "="))?;
        }
        Ok(())
    }

    fn tone(&self, level: Level) -> &'static str {
        match level {
            Level::Error => RED,
            Level::Warning => YELLOW,
        }
    }

    fn paint(&self, tone: &str, text: &str) -> String {
        if self.colour { format!("{tone}{text}{RESET}") } else { text.to_owned() }
    }
}

/// The text in lines of at most `width` characters, broken between words where that is possible.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines.last().is_some_and(|line| line.chars().count() + word.chars().count() >= width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::source::Source;
    use super::*;

    fn problem(hint: &str) -> Problem {
        let text = format!("{}    privider: acme-db", "\n".repeat(6));
        Problem {
            level: Level::Error,
            file: "mainstay.yaml".into(),
            at: Some(Excerpt::cut(&Source::new(&text), 7, 4..12, &[])),
            message: "unknown key `privider`".into(),
            hint: Some(hint.into()),
        }
    }

    #[test]
    fn like_a_compiler() {
        let problems = [problem("did you mean `provider`?")];
        insta::assert_snapshot!(Rendering { problems: &problems, colour: false }, @r"
        error: unknown key `privider`
          --> mainstay.yaml:7:5
           |
         7 |     privider: acme-db
           |     ^^^^^^^^ did you mean `provider`?
        ");
    }

    #[test]
    fn a_long_hint_stands_below() {
        let problems = [problem(&"word ".repeat(40))];
        let text = Rendering { problems: &problems, colour: false }.to_string();
        assert_eq!(text.lines().filter(|line| line.starts_with("   = word")).count(), 3, "{text}");
    }

    #[test]
    fn colours_only_when_asked() {
        let problems = [problem("x")];
        assert!(!Rendering { problems: &problems, colour: false }.to_string().contains('\u{1b}'));
        assert!(Rendering { problems: &problems, colour: true }.to_string().contains(RED));
    }
}
