/// The most characters of a server's words that are kept: enough for any sentence, too few to flood a page.
const KEPT: usize = 300;

/// A server's words made fit for people: one line, no control characters, of bounded length.
pub(crate) fn tidy(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..4 * KEPT).unwrap_or(bytes));
    let mut tidy = String::new();
    for word in text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()) {
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.push_str(word);
    }
    match tidy.char_indices().nth(KEPT) {
        Some((end, _)) => format!("{}…", tidy.get(..end).unwrap_or_default()),
        None => tidy,
    }
}

/// The beginning of unrecognised bytes, quoted and escaped.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 32;
    let shown = bytes.get(..SHOWN).unwrap_or(bytes).escape_ascii();
    let more = if bytes.len() > SHOWN { "…" } else { "" };
    format!("\"{shown}{more}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_words_become_one_bounded_line() {
        assert_eq!(tidy(b"no\r\n\x1b[31m such\0thing \xff"), "no [31m such thing \u{fffd}");
        assert_eq!(tidy("ä".repeat(5000).as_bytes()).chars().count(), KEPT + 1);
        assert_eq!(tidy(b""), "");
    }

    #[test]
    fn excerpts_are_escaped_and_cut() {
        assert_eq!(excerpt(b"\x16\x03hi\"\n"), r#""\x16\x03hi\"\n""#);
        assert!(excerpt(&[b'a'; 4096]).len() < 50);
    }
}
