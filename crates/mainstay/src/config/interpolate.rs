//! `${NAME}` and `${file:PATH}` inside values.

use super::reader::Reader;
use super::source::{Place, Span};

/// Bytes that a value may have after its variables are filled in; the largest sensible one is a webhook's URL.
const LONGEST: usize = 64 * 1024;

/// A value with its variables filled in.
pub(super) struct Filled {
    pub(super) text: String,
    /// Whether it contains anything that does not stand in the file, and so must not be shown.
    pub(super) filled: bool,
}

/// A part of a value.
#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    /// What stands between `${` and `}`.
    Variable(&'a str),
    /// `${` without its `}`.
    Unclosed,
}

/// Whether the value has variables to fill in.
pub(super) fn has_variables(raw: &str) -> bool {
    pieces(raw).iter().any(|piece| !matches!(piece, Piece::Text(_)))
}

impl Reader<'_> {
    /// Fills in the variables of a value. In a URL, what stands in the place of user or password is
    /// percent-encoded, so that a secret may have any characters; all else is put in as it is.
    pub(super) fn fill(&mut self, raw: &str, span: Span, url: bool) -> Option<Filled> {
        if url && halves_dollars(raw) {
            let hint = "write %24 for each dollar sign of a user or password, or put it into a variable";
            self.warning(span, "`$$` in the user or password of this URL stands for a single `$`", hint);
        }
        let pieces = pieces(raw);
        let userinfo = if url { userinfo(&pieces) } else { 0..0 };
        let mut filled = Filled { text: String::with_capacity(raw.len()), filled: false };
        let (mut fine, mut variables) = (true, 0);
        for (at, piece) in pieces.iter().enumerate() {
            let value = match piece {
                Piece::Text(text) => Some((*text).to_owned()),
                Piece::Variable(name) => {
                    variables += 1;
                    filled.filled = true;
                    self.variable(name, self.position(span, variables - 1, name.chars().count() + 3))
                }
                Piece::Unclosed => {
                    let at = self.position(span, variables, 2);
                    self.error(
                        at,
                        "`${` has no `}`",
                        "close it, or write `$${` for the characters themselves",
                    );
                    None
                }
            };
            match value {
                Some(value) if userinfo.contains(&at) && matches!(piece, Piece::Variable(_)) => {
                    filled.text.push_str(&encode(&value));
                }
                Some(value) => filled.text.push_str(&value),
                None => fine = false,
            }
        }
        if filled.text.len() > LONGEST {
            let hint = format!("a value has at most {LONGEST} bytes");
            self.error(span, "this value is too long", hint);
            return None;
        }
        fine.then_some(filled)
    }

    /// Where the nth `${` of a value stands; the value itself where escapes hide it.
    fn position(&self, span: Span, nth: usize, length: usize) -> Span {
        let found = self.source.find(span, "${", nth);
        let variable = |start: Place| Span { start, end: Place { column: start.column + length, ..start } };
        found.map_or(span, variable)
    }

    fn variable(&mut self, name: &str, at: Span) -> Option<String> {
        if let Some(path) = name.strip_prefix("file:") {
            return self.secret_file(path, at);
        }
        if !is_name(name) {
            let shown = super::mask::quoted(&format!("${{{name}}}"));
            let hint = "write ${NAME} for an environment variable, ${file:/path} for a file, or $${ for the characters";
            self.error(at, format!("{shown} is not a variable"), hint);
            return None;
        }
        match (self.surroundings.env)(name) {
            Some(value) => {
                if value.is_empty() {
                    let hint = "set it, or remove it from the configuration";
                    self.warning(at, format!("the environment variable {name} is empty"), hint);
                }
                Some(value)
            }
            None => {
                let hint = format!("set {name}, or use ${{file:/path}} to read the value from a file");
                self.error(at, format!("the environment variable {name} is not set"), hint);
                None
            }
        }
    }

    fn secret_file(&mut self, path: &str, at: Span) -> Option<String> {
        let path = self.surroundings.base().join(path);
        let shown = path.display();
        let content = match (self.surroundings.read)(&path) {
            Ok(content) => content,
            Err(error) => {
                let message = format!("cannot read {shown}: {}", super::reason(&error));
                let hint = "relative paths begin at the folder of the configuration file";
                self.error(at, message, hint);
                return None;
            }
        };
        if content.len() > LONGEST {
            self.error(at, format!("{shown} is too long for a value"), format!("at most {LONGEST} bytes"));
            return None;
        }
        match String::from_utf8(content) {
            Ok(text) => {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Some(text.strip_suffix('\r').unwrap_or(text).to_owned())
            }
            Err(_) => {
                self.error(at, format!("{shown} is not text"), "save it as UTF-8");
                None
            }
        }
    }
}

fn pieces(raw: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = raw;
    while let Some(at) = rest.find('$') {
        let (text, after) = (&rest[..at], &rest[at + 1..]);
        if let Some(behind) = after.strip_prefix('$') {
            pieces.push(Piece::Text(&rest[..=at]));
            rest = behind;
        } else if let Some(inner) = after.strip_prefix('{') {
            pieces.push(Piece::Text(text));
            let Some(end) = inner.find('}') else {
                pieces.push(Piece::Unclosed);
                return pieces;
            };
            pieces.push(Piece::Variable(&inner[..end]));
            rest = &inner[end + 1..];
        } else {
            pieces.push(Piece::Text(&rest[..=at]));
            rest = after;
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// Which pieces stand in the user or password of a URL: after its `://` and before the last `@` in front of
/// the path. A variable that holds the whole URL stands in neither.
fn userinfo(pieces: &[Piece<'_>]) -> std::ops::Range<usize> {
    let text = |piece: &Piece<'_>, part: &str| matches!(piece, Piece::Text(text) if text.contains(part));
    let Some(start) = pieces.iter().position(|piece| text(piece, "://")) else { return 0..0 };
    let after_scheme = |at: usize, text: &str| match text.split_once("://") {
        Some((_, after)) if at == start => after.to_owned(),
        _ => text.to_owned(),
    };
    let mut last = None;
    for (at, piece) in pieces.iter().enumerate().skip(start) {
        let Piece::Text(text) = piece else { continue };
        let text = after_scheme(at, text);
        let path = text.find(['/', '?', '#']);
        if text[..path.unwrap_or(text.len())].contains('@') {
            last = Some(at);
        }
        if path.is_some() {
            break;
        }
    }
    last.map_or(0..0, |last| start..last)
}

/// Whether the user or password of a URL has a `$$` that somebody probably means as it is.
fn halves_dollars(raw: &str) -> bool {
    let Some((_, after)) = raw.split_once("://") else { return false };
    let authority = after.split(['/', '?', '#']).next().unwrap_or("");
    let Some((userinfo, _)) = authority.rsplit_once('@') else { return false };
    userinfo.match_indices("$$").any(|(at, _)| !userinfo[at + 2..].starts_with('{'))
}

fn encode(text: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if unreserved(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars() {
        use Piece::{Text, Unclosed, Variable};
        assert_eq!(pieces("a${B}c"), [Text("a"), Variable("B"), Text("c")]);
        assert_eq!(pieces("a$$b$c"), [Text("a$"), Text("b$"), Text("c")]);
        assert_eq!(pieces("$${B}"), [Text("$"), Text("{B}")]);
        assert_eq!(pieces("a${B"), [Text("a"), Unclosed]);
    }

    #[test]
    fn only_user_and_password_are_encoded() {
        let encoded = |raw: &str| {
            let pieces = pieces(raw);
            let range = userinfo(&pieces);
            let inside = |(at, piece): (usize, &Piece<'_>)| match piece {
                Piece::Variable(name) if range.contains(&at) => Some((*name).to_owned()),
                _ => None,
            };
            pieces.iter().enumerate().filter_map(inside).collect::<Vec<_>>()
        };
        assert_eq!(encoded("mysql://${USER}:${PW}@${HOST}/${DB}"), ["USER", "PW"]);
        assert_eq!(encoded("${URL}"), Vec::<String>::new());
        assert_eq!(encoded("https://${HOST}/a@b"), Vec::<String>::new());
        assert_eq!(encoded("https://h/?x=${X}@"), Vec::<String>::new());
        assert_eq!(encode("p@ss/ä%"), "p%40ss%2F%C3%A4%25");
    }

    #[test]
    fn dollars_that_would_be_lost() {
        assert!(halves_dollars("mysql://u:pa$$word@h/db"));
        for fine in [
            "mysql://u:pa$word@h",
            "mysql://u:$${x}@h",
            "https://u@h/a$$b",
            "https://h/?a$$b@c",
            "pa$$word@h",
        ] {
            assert!(!halves_dollars(fine), "{fine}");
        }
    }
}
