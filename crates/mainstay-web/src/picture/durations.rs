use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafe;

use super::scale::nice_ceiling;
use crate::operator::{Span, length};

/// Lengths of time by month: a bar for the median, a line above it for the worst.
#[derive(Template)]
#[template(path = "picture/durations.svg")]
pub(crate) struct Durations {
    /// What the picture says, in words.
    words: String,
    bars: Vec<Bar>,
    width: usize,
    /// What the top of the picture stands for.
    pub(crate) top: String,
}

struct Bar {
    x: usize,
    median: String,
    worst: String,
}

/// Height of the drawing in its own units.
const HEIGHT: f64 = 48.0;

impl Durations {
    /// Of each month its name and its lengths; `None` where it had none.
    pub(crate) fn draw(what: &str, months: &[(String, Option<Span>)]) -> Durations {
        let worst =
            months.iter().filter_map(|(_, span)| Some(span.as_ref()?.worst)).max().unwrap_or_default();
        let top = Duration::from_secs_f64(nice_ceiling(worst.as_secs_f64() / 60.0) * 60.0);
        let height = |length: Duration| length.as_secs_f64() / top.as_secs_f64() * (HEIGHT - 2.0);
        let bar = |(x, (_, span)): (usize, &(String, Option<Span>))| {
            let span = span.as_ref()?;
            let [median, worst] =
                [span.median, span.worst].map(|one| format!("{:.1}", HEIGHT - height(one).max(1.0)));
            Some(Bar { x, median, worst })
        };
        Durations {
            words: words(what, months),
            bars: months.iter().enumerate().filter_map(bar).collect(),
            width: months.len().max(1),
            top: length(top),
        }
    }
}

impl HtmlSafe for Durations {}

fn words(what: &str, months: &[(String, Option<Span>)]) -> String {
    let known: Vec<String> = months
        .iter()
        .filter_map(|(name, span)| {
            let Span { median, worst } = span.as_ref()?;
            Some(format!("{name} {}, worst {}", length(*median), length(*worst)))
        })
        .collect();
    if known.is_empty() {
        format!("{what}: not known of any incident")
    } else {
        format!("{what}, median: {}", known.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_gives_the_scale_and_the_words_say_all() {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        let months = [
            ("Oct 2026".to_owned(), None),
            ("Nov 2026".to_owned(), Some(Span { median: minutes(5), worst: minutes(10) })),
        ];
        let drawn = Durations::draw("Time to detect", &months);
        assert_eq!(drawn.words, "Time to detect, median: Nov 2026 5 min, worst 10 min");
        assert_eq!((drawn.top.as_str(), drawn.width), ("10 min", 2));
        let bar = &drawn.bars[0];
        assert_eq!((bar.x, bar.median.as_str(), bar.worst.as_str()), (1, "25.0", "2.0"));
        let nothing = Durations::draw("Time to resolve", &months[..1]);
        assert_eq!(
            (nothing.words.as_str(), nothing.bars.len()),
            ("Time to resolve: not known of any incident", 0)
        );
    }
}
