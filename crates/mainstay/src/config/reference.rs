//! The reference page of the configuration, in Markdown.

use super::sections::Root;
use super::shape::{Field, Form, Presence, Section};

/// What is true of the file as a whole; the rest of the page comes from the tables.
const HEAD: &str = include_str!("reference_head.md");

/// The page `docs/reference/configuration.md`.
pub(crate) fn reference() -> String {
    let mut page = HEAD.trim_end().to_owned();
    page.push_str("\n\n## The sections\n\n");
    page.push_str(&table(Root::SECTION, ""));
    for field in Root::SECTION.fields() {
        inner_sections(field, field.key, &mut page);
    }
    page
}

fn inner_sections(field: &'static Field, path: &str, page: &mut String) {
    let (section, path) = match field.form {
        Form::Section(section) => (section, path.to_owned()),
        Form::Names(Form::Section(section)) => (section, format!("{path}.NAME")),
        Form::OneOrMany(Form::Section(section)) => (section, format!("{path}[]")),
        _ => return,
    };
    page.push_str(&format!("\n## `{path}`\n\n{}\n\n", section.doc.trim()));
    page.push_str(&table(section, &path));
    let others = |field: &&Field| field.form.section().is_none_or(|inner| !inner.is(section));
    for inner in section.fields().iter().filter(others) {
        inner_sections(inner, &format!("{path}.{}", inner.key), page);
    }
}

fn table(section: &Section, path: &str) -> String {
    let mut table = String::from("| key | value | default | meaning |\n|---|---|---|---|\n");
    for field in section.fields() {
        table.push_str(&row(section, field, path));
    }
    table
}

fn row(section: &Section, field: &Field, path: &str) -> String {
    let default = match field.presence {
        Presence::Required => "**required**".into(),
        _ if section.one_of.contains(&field.key) => "**exactly one of these**".into(),
        Presence::Default(default) if !default.is_empty() => format!("`{default}`"),
        Presence::Default(_) | Presence::Optional => String::new(),
    };
    let mut meaning = field.doc.trim().to_owned();
    if let Some(example) = field.example {
        meaning.push_str(&format!(" Example: `{}: {example}`", field.key));
    }
    let is_itself = field.form.section().is_some_and(|inner| inner.is(section));
    let value = if is_itself { link("list of sections like this one", path) } else { value(field, path) };
    let value = value.replace('|', "\\|");
    format!("| `{}` | {value} | {default} | {} |\n", field.key, meaning.replace('|', "\\|"))
}

fn value(field: &Field, path: &str) -> String {
    let here = if path.is_empty() { field.key.to_owned() } else { format!("{path}.{}", field.key) };
    match field.form {
        Form::Section(_) => link("section", &here),
        Form::Names(_) => link("names, each with a section", &format!("{here}.NAME")),
        Form::OneOrMany(Form::Section(_)) => link("list of sections", &format!("{here}[]")),
        form => words(form),
    }
}

/// A link to the heading of a section, by the anchor that Markdown renderers give it.
fn link(words: &str, heading: &str) -> String {
    let keep = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let anchor: String = heading.to_lowercase().chars().filter(|c| keep(*c)).collect();
    format!("[{words}](#{anchor})")
}

fn words(form: &Form) -> String {
    match form {
        Form::Text { what, .. } => (*what).to_owned(),
        Form::Choice { words, .. } => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        Form::Count { min, max } => format!("whole number, {min} to {max}"),
        Form::Percent => "percentage".into(),
        Form::Flag => "`true` or `false`".into(),
        Form::OneOrMany(item) => format!("{}; one or a list", words(item)),
        Form::Section(_) | Form::Names(_) => "section".into(),
    }
}
