use jiff::Timestamp;
use mainstay_model::Certificate;
use rustls_pki_types::ServerName;

use crate::case::{Member, Place, Source};

/// `the server's certificate (CN=db.example.com)`, `the intermediate certificate CN=R3 (position 1)`.
pub(crate) fn who(member: &Member<'_>, source: Source) -> String {
    let label = label(&member.facts.certificate);
    match (member.place, source) {
        (Place::Leaf, Source::Server) => format!("the server's certificate ({label})"),
        (Place::Leaf, Source::File) => format!("the file's certificate ({label})"),
        (Place::Intermediate, _) => {
            format!("the intermediate certificate {label} (position {})", member.position)
        }
        (Place::Anchor, _) => format!("the root certificate {label}"),
    }
}

/// The most telling part of a subject.
pub(crate) fn label(certificate: &Certificate) -> String {
    match common_name(&certificate.subject) {
        Some(name) => name.to_owned(),
        None if !certificate.names.is_empty() => certificate.short_name().to_owned(),
        None if certificate.subject.is_empty() => "without a name".to_owned(),
        None => certificate.subject.clone(),
    }
}

/// The most telling part of an issuer.
pub(crate) fn issuer_label(certificate: &Certificate) -> &str {
    common_name(&certificate.issuer).unwrap_or(&certificate.issuer)
}

/// `CN=…` of a distinguished name; a comma inside the name is escaped, so it does not end it.
fn common_name(distinguished: &str) -> Option<&str> {
    let begin = if distinguished.starts_with("CN=") { 0 } else { distinguished.find(",CN=")? + 1 };
    let rest = distinguished.get(begin..)?;
    let mut escaped = false;
    let end = rest.find(|c| {
        let ends = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    rest.get(..end.unwrap_or(rest.len()))
}

/// `2026-03-14 22:29:00 UTC`.
pub(crate) fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `a, b and c`, cut after five.
pub(crate) fn list(items: &[String]) -> String {
    const SHOWN: usize = 5;
    match items {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [most @ .., last] if items.len() <= SHOWN => format!("{} and {last}", most.join(", ")),
        _ => {
            let shown: Vec<&str> = items.iter().take(SHOWN).map(String::as_str).collect();
            format!("{} and {} others", shown.join(", "), items.len() - SHOWN)
        }
    }
}

pub(crate) fn name(name: &ServerName<'_>) -> String {
    name.to_str().into_owned()
}
