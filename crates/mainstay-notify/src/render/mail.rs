use askama::Template;
use mainstay_model::Message;

use super::words::{Section, headline, plain_text, sections};

/// A mail: the same content twice, as text and as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML without anything loaded from elsewhere.
    pub html: String,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a> {
    headline: &'a str,
    message: &'a Message,
    sections: &'a [Section],
}

/// The mail for a message.
pub fn mail(message: &Message) -> Mail {
    let headline = headline(message);
    let html = Html { headline: &headline, message, sections: &sections(message) }.render();
    let text = plain_text(message);
    // Rendering into memory cannot fail; the text alone would still say everything.
    Mail { subject: one_line(&headline), html: html.unwrap_or_else(|_| text.clone()), text }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}
