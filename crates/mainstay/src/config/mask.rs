//! Where secrets stand in a text, so that nobody is shown them.

use std::ops::Range;

/// What stands in place of a secret.
pub(super) const MASK: &str = "[secret]";

const KEYS: [&str; 19] = [
    "secret",
    "pass",
    "pwd",
    "token",
    "credential",
    "api_key",
    "apikey",
    "private",
    "discord",
    "slack",
    "hook",
    "database",
    "teams",
    "telegram",
    "pagerduty",
    "alertmanager",
    "ntfy",
    "authorization",
    "headers",
];

/// The value as people may see it: without passwords, control characters and excess length.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut from = 0;
    for secret in in_value(text) {
        shown.push_str(&text[from..secret.start]);
        shown.push_str(MASK);
        from = secret.end;
    }
    shown.push_str(&text[from..]);
    plain(&shown)
}

/// A key in backticks, unless it is a value that lost its own key.
pub(super) fn quoted_key(key: &str) -> String {
    if is_lost_value(key) { MASK.into() } else { quoted(key) }
}

/// Whether a key is a value in truth: a URL, a signing secret, or `secret "…"` without its colon.
pub(super) fn is_lost_value(key: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    key.contains("://") || key.contains("whsec") || (is_sensitive(key) && !key.chars().all(is_word))
}

/// A text from the file in backticks, fit for one line of a message.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", shown(text))
}

fn plain(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut plain: String = text.chars().take(LONGEST).flat_map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        plain.push('…');
    }
    plain
}

/// The character, or its escape when it would not be seen or would change what is seen around it.
pub(super) fn visible(c: char) -> impl Iterator<Item = char> {
    let escape = c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let escaped = escape.then(|| c.escape_unicode());
    let itself = (!escape).then_some(c);
    escaped.into_iter().flatten().chain(itself)
}

/// Whether a key is one under which people keep secrets, or was lost altogether.
pub(super) fn is_sensitive(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.is_empty()
        || KEYS.iter().any(|word| key.contains(word))
        || mainstay_model::nearest(&key, KEYS).is_some()
}

/// Whether a section is the one of which nearly everything may be a token or an address that grants access.
pub(super) fn is_full_of_secrets(key: &str) -> bool {
    key.contains("channel") || mainstay_model::nearest(key, ["channels"]).is_some()
}

/// Whether the value is nothing but a place for one: it may be shown as it is written.
pub(super) fn is_placeholder(text: &str) -> bool {
    text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).is_some_and(|name| !name.contains("${"))
}

/// The byte ranges of passwords in a value that holds a URL, or what was meant to be one.
pub(super) fn in_value(text: &str) -> Vec<Range<usize>> {
    let after = text.find("://").map_or(0, |scheme| scheme + 3);
    let password = before_at(text, after).or_else(|| if after > 0 { odd_port(text, after) } else { None });
    let mut at = password.as_ref().map_or(after, |range| range.end);
    let mut found: Vec<_> = password.into_iter().collect();
    let Some(query) = text[at..].find('?') else { return found };
    at += query + 1;
    for pair in text[at..].split('&') {
        let end = at + pair.len();
        if let Some((name, value)) = pair.split_once('=')
            && mainstay_model::is_secret_parameter(name)
            && !value.is_empty()
            && !is_placeholder(value)
        {
            found.push(at + name.len() + 1..end);
        }
        at = end + 1;
    }
    found
}

/// The password of `user:password@host`. It may hold any character that should have been encoded,
/// so everything up to the last `@` counts as one.
fn before_at(text: &str, from: usize) -> Option<Range<usize>> {
    let end = from + text[from..].rfind('@')?;
    let start = match text[from..end].find(':') {
        Some(colon) => from + colon + 1,
        // What is encoded may be a password whose `:` was forgotten.
        None if text[from..end].contains('%') => from,
        None => return None,
    };
    let password = text[start..end].trim();
    (!password.is_empty() && !is_placeholder(password)).then_some(start..end)
}

/// What stands in the place of a port and is no number: a password whose `@` was forgotten.
fn odd_port(text: &str, from: usize) -> Option<Range<usize>> {
    let end = text[from..].find(['/', '?', ']']).map_or(text.len(), |at| from + at);
    let start = from + text[from..end].find(':')? + 1;
    let port = &text[start..end];
    let odd = !port.is_empty()
        && !text[from..].contains('@')
        && !text[from..].starts_with('[')
        && !port.bytes().all(|byte| byte.is_ascii_digit());
    (odd && !is_placeholder(port)).then_some(start..text.len())
}

/// The byte ranges of what may be secret in a line of a file whose structure is not known.
pub(super) fn in_line(line: &str) -> Vec<Range<usize>> {
    let mut found = in_value(line);
    for (colon, _) in line.match_indices(':') {
        let key = last_word(&line[..colon]);
        // A slip may have put a bracket, a quotation mark or a colon into the key.
        let bare = |text: &str| text.replace(['{', ',', '"', '\'', ':', ' '], "");
        let broken = [line[..colon].rsplit(' ').next(), line[..colon].rsplit(['{', ',']).next()];
        let broken = broken.into_iter().flatten().map(bare);
        let is_broken_key = broken.into_iter().any(|whole| !whole.is_empty() && is_sensitive(&whole));
        let value = colon + 1 + line[colon + 1..].len() - line[colon + 1..].trim_start().len();
        if (key.is_some_and(is_sensitive) || is_broken_key) && value < line.len() {
            found.push(value..line.len());
        }
    }
    let token_end = |from: usize| line[from..].find([' ', '"', '\'']).map_or(line.len(), |at| from + at);
    found.extend(line.match_indices("://").map(|(scheme, _)| scheme + 3..token_end(scheme)));
    found.extend(line.match_indices("whsec").map(|(secret, _)| secret..token_end(secret)));
    for scheme in ["Bearer ", "Basic "] {
        found.extend(
            line.match_indices(scheme).map(|(at, _)| at + scheme.len()..token_end(at + scheme.len())),
        );
    }
    found
}

/// Where the first value of a line begins that is not more of the structure; a line without a key is a value as a whole.
pub(super) fn first_value(line: &str) -> usize {
    let mut values = line.match_indices(':').map(|(colon, _)| {
        let rest = &line[colon + 1..];
        (colon + 1 + rest.len() - rest.trim_start().len(), rest.trim_start())
    });
    if !line.contains(':') {
        return 0;
    }
    let first = values.find(|(_, value)| !value.is_empty() && !value.starts_with(['{', '[']));
    first.map_or(line.len(), |(at, _)| at)
}

/// Whether the secret of the last key of a line stands in the next one.
pub(super) fn leads_to_secret(line: &str) -> bool {
    last_word(line.trim_end().trim_end_matches(':')).is_some_and(is_sensitive)
}

/// The key with which a line begins, if it does.
pub(super) fn first_key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(':')?;
    let key = key.trim_matches([' ', '-', '{', '"', '\'']);
    (!key.is_empty() && !key.contains(char::is_whitespace)).then_some(key)
}

fn last_word(text: &str) -> Option<&str> {
    text.rsplit(['{', ',', ' ', '"', '\'']).find(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shows(text: &str, expected: &str) {
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn passwords_are_not_shown() {
        shows("mysql://u:hunter2@h/db", "mysql://u:[secret]@h/db");
        shows("mysql://u:hun/t@er#2@h/db", "mysql://u:[secret]@h/db");
        shows("mysql://u:${PW}@h/db", "mysql://u:${PW}@h/db");
        shows("u:hunter2@h", "u:[secret]@h");
        shows("postgres://h/db?user=a&password=hunter2&x=1", "postgres://h/db?user=a&password=[secret]&x=1");
        shows("https://h:8443/x", "https://h:8443/x");
        shows("mysql://u:hunter2h/db", "mysql://u:[secret]");
        shows("https://[::1]:80/x", "https://[::1]:80/x");
        shows("plain", "plain");
    }

    #[test]
    fn nothing_that_a_terminal_would_obey_is_shown() {
        shows("a\u{1b}[31mb\u{202e}", "a\\u{1b}[31mb\\u{202e}");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), 61);
    }

    #[test]
    fn values_of_lines() {
        let value = |line: &str| line[first_value(line)..].to_owned();
        assert_eq!(value("  ops: { chat: { toke{n: hunter2, to: a } }"), "hunter2, to: a } }");
        assert_eq!(value("n: hunter2"), "hunter2");
        assert_eq!(value("hunter2\" } }"), "hunter2\" } }");
        assert_eq!(value("  ops: {"), "");
    }

    #[test]
    fn lines_of_unknown_structure() {
        let masked = |line: &str| in_line(line).into_iter().map(|r| line[r].to_owned()).collect::<Vec<_>>();
        assert_eq!(masked("  secret: @hunter2"), ["@hunter2"]);
        assert_eq!(masked("  x: { sercet: hunter2, to: a }"), ["hunter2, to: a }"]);
        assert_eq!(masked("{ x: https://u:hunter2@h, secret: a}"), ["hunter2", "a}", "u:hunter2@h,"]);
        assert_eq!(masked("  url: mysql://u:hunter 2@h"), ["hunter 2", "u:hunter"]);
        assert_eq!(masked("ion: \"Bearer hunter2\" }"), ["hunter2"]);
        assert_eq!(masked("  name: Checkout"), Vec::<String>::new());
    }
}
