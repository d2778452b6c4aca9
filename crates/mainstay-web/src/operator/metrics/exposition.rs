use std::fmt::Write;

/// The text format of Prometheus, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
}

/// One metric; its samples stand together.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Exposition {
    /// Begins a metric that may go up and down.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        let _ = writeln!(self.text, "# HELP {name} {}\n# TYPE {name} gauge", escaped(help, false));
        Family { text: &mut self.text, name }
    }

    /// Begins a metric that only ever grows.
    pub(super) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        let _ = writeln!(self.text, "# HELP {name} {}\n# TYPE {name} counter", escaped(help, false));
        Family { text: &mut self.text, name }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

impl Family<'_> {
    /// One sample. Labels without a value are left out, which means the same.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(self.name);
        let mut before = '{';
        for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(self.text, "{before}{name}=\"{}\"", escaped(value, true));
            before = ',';
        }
        let _ = writeln!(self.text, "{} {value}", if before == '{' { "" } else { "}" });
    }
}

fn escaped(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_empty_ones_left_out() {
        let mut text = Exposition::default();
        let mut family = text.gauge("x", "a\nb");
        family.sample(&[("name", "a\"b\\c\nd"), ("empty", "")], 0.25);
        family.sample(&[], 1.0);
        assert_eq!(
            text.into_text(),
            "# HELP x a\\nb\n# TYPE x gauge\nx{name=\"a\\\"b\\\\c\\nd\"} 0.25\nx 1\n"
        );
    }
}
