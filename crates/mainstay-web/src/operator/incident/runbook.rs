//! A runbook as a page shows it: Markdown without any mark-up of its own, filled in with the values of the incident.

use mainstay_engine::runbooks;
use mainstay_model::{Incident, Placeholder, Runbook, fill_in};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream, html};

use crate::operator::known::Known;

/// What to do about one dependency, or about the alerts of one rule.
pub(super) struct Shown {
    /// Whose it is.
    pub(super) of: String,
    /// HTML, safe by how it was made.
    pub(super) html: String,
}

/// The runbooks of an incident, each text once.
pub(super) fn shown(incident: &Incident, known: &Known) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for one in runbooks(incident, &known.landscape) {
        let html = rendered(one.runbook, |placeholder| one.value(placeholder, incident, &known.landscape));
        if !all.iter().any(|other| other.html == html) {
            let of =
                one.rule.map_or_else(|| one.dependency.name.to_string(), |rule| format!("the rule {rule}"));
            all.push(Shown { of, html });
        }
    }
    all
}

/// Whatever stands in the text or in the values: no mark-up but that of Markdown, no picture, and no link but to the web and to mail.
///
/// Values are filled in after the text was read, so that what a server said can neither begin a link nor anything else.
fn rendered(runbook: &Runbook, value: impl Fn(Placeholder) -> String) -> String {
    let fill = |text: &str| fill_in(text, &value);
    let link = runbook.link().map(|address| format!("<{address}>"));
    let text = link.as_deref().unwrap_or(runbook.as_str());
    let events = TextMergeStream::new(Parser::new_ext(text, Options::ENABLE_TABLES));
    let mut safe = Safe { fill: &fill, links: Vec::new() };
    let mut html = String::new();
    html::push_html(&mut html, events.filter_map(|event| safe.taken(event)));
    html
}

struct Safe<'a> {
    fill: &'a dyn Fn(&str) -> String,
    /// For each link that is open, whether it is one that may be followed.
    links: Vec<bool>,
}

impl<'e> Safe<'_> {
    fn taken(&mut self, event: Event<'e>) -> Option<Event<'e>> {
        let filled = |text: CowStr<'e>| CowStr::from((self.fill)(&text));
        match event {
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                Some(Event::Text(filled(text)))
            }
            Event::Code(text) => Some(Event::Code(filled(text))),
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                let dest_url = filled(dest_url);
                let may =
                    ["https://", "http://", "mailto:"].iter().any(|scheme| dest_url.starts_with(scheme));
                self.links.push(may);
                may.then(|| Event::Start(Tag::Link { link_type, dest_url, title: "".into(), id: "".into() }))
            }
            Event::End(TagEnd::Link) => self.links.pop().filter(|may| *may).map(|_| Event::End(TagEnd::Link)),
            Event::Start(Tag::Image { .. } | Tag::HtmlBlock)
            | Event::End(TagEnd::Image | TagEnd::HtmlBlock) => None,
            // The page has its own headings above these.
            Event::Start(Tag::Heading { .. }) => Some(Event::Start(heading())),
            Event::End(TagEnd::Heading(_)) => Some(Event::End(TagEnd::Heading(HeadingLevel::H3))),
            other => Some(other),
        }
    }
}

fn heading() -> Tag<'static> {
    Tag::Heading { level: HeadingLevel::H3, id: None, classes: Vec::new(), attrs: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(markdown: &str, expected: &str) {
        let value = |placeholder| match placeholder {
            Placeholder::DependencyHost => "db.acme.example".to_owned(),
            Placeholder::FailureMessage => "<b>[x](javascript:alert(1))</b> {{dependency.host}}".into(),
            Placeholder::ProviderStatusPage => "javascript:alert(1)".into(),
            other => other.as_str().to_uppercase(),
        };
        assert_eq!(rendered(&markdown.parse().unwrap(), value).trim(), expected);
    }

    #[test]
    fn markdown_is_rendered_with_values() {
        check(
            "# Call\n\n1. `ping {{dependency.host}}`\n2. **Now**",
            "<h3>Call</h3>\n<ol>\n<li><code>ping db.acme.example</code></li>\n<li><strong>Now</strong></li>\n</ol>",
        );
        check("[page]({{incident.url}})", "<p>page</p>");
        check(
            "[wiki](https://wiki.example/{{dependency.host}})",
            "<p><a href=\"https://wiki.example/db.acme.example\">wiki</a></p>",
        );
        check(
            "https://wiki.example/{{dependency.host}}",
            "<p><a href=\"https://wiki.example/db.acme.example\">https://wiki.example/db.acme.example</a></p>",
        );
    }

    #[test]
    fn nothing_else_gets_through() {
        check("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;");
        check("a <img src=x onerror=alert(1)> b", "<p>a &lt;img src=x onerror=alert(1)&gt; b</p>");
        check("![picture](https://elsewhere.example/x.png)", "<p>picture</p>");
        check("[x](javascript:alert(1)) [y](data:text/html,z)", "<p>x y</p>");
        check("[x]({{provider.status_page}})", "<p>x</p>");
        check(
            "{{failure.message}}",
            "<p>&lt;b&gt;[x](javascript:alert(1))&lt;/b&gt; {{dependency.host}}</p>",
        );
    }
}
