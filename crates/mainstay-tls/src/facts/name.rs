use x509_parser::prelude::*;

/// Longer names are cut: they come from the other side, and people are to read them.
const LONGEST: usize = 512;

/// A distinguished name as RFC 4514 writes it, the most telling part first: `CN=db.example.com,O=Example,C=DE`.
pub(super) fn distinguished(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name.iter_rdn().map(relative).collect();
    parts.reverse();
    parts.join(",").chars().take(LONGEST).collect()
}

/// A text of the other side's without anything that moves a terminal's cursor, and of bounded length.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(LONGEST).map(shown).collect()
}

fn relative(relative: &RelativeDistinguishedName<'_>) -> String {
    let attributes: Vec<String> = relative.iter().map(attribute).collect();
    attributes.join("+")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    format!("{}={}", short(&oid).unwrap_or(&oid), escaped(&value(attribute)))
}

/// The short forms of RFC 4514 section 3, and the two others that occur in practice.
fn short(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return None,
    })
}

fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    const BMP_STRING: u32 = 30;
    let bytes = attribute.as_slice();
    if attribute.attr_value().tag().0 == BMP_STRING {
        let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(u16::from_be_bytes));
        return printable(
            &char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>(),
        );
    }
    printable(&String::from_utf8_lossy(bytes))
}

/// RFC 4514 section 2.4.
fn escaped(value: &str) -> String {
    let mut written = String::with_capacity(value.len());
    for (index, c) in value.chars().enumerate() {
        let special =
            matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\') || (index == 0 && matches!(c, '#' | ' '));
        if special {
            written.push('\\');
        }
        written.push(c);
    }
    written
}
