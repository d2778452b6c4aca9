/// A length of time of a check for people: `0.8 ms`, `14 ms`, `1.24 s`.
pub(crate) fn millis(ms: f64) -> String {
    match ms {
        ..0.95 => format!("{ms:.1} ms"),
        ..999.5 => format!("{ms:.0} ms"),
        _ => format!("{:.2} s", ms / 1000.0),
    }
}

/// An amount of data for people: `812 B`, `4.1 MB`, `2.0 GB`.
pub(crate) fn bytes(count: u64) -> String {
    let count = count as f64;
    match count {
        ..1e3 => format!("{count:.0} B"),
        ..1e6 => format!("{:.1} kB", count / 1e3),
        ..1e9 => format!("{:.1} MB", count / 1e6),
        _ => format!("{:.1} GB", count / 1e9),
    }
}

/// A number and its noun: `1 dependency`, `12 dependencies`.
pub(crate) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A whole number with its thousands apart: `12,480`.
pub(crate) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How much of a whole, in percent, never rounded up to a whole that is not one: `99.95 %`, `100 %`.
pub(crate) fn percent_of(part: u64, whole: u64) -> Option<String> {
    if whole == 0 {
        return None;
    }
    if part == whole {
        return Some("100 %".into());
    }
    let hundredths = u128::from(part) * 10_000 / u128::from(whole);
    Some(format!("{}.{:02} %", hundredths / 100, hundredths % 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_checks() {
        for (ms, text) in
            [(0.04, "0.0 ms"), (0.8, "0.8 ms"), (14.2, "14 ms"), (999.4, "999 ms"), (1240.0, "1.24 s")]
        {
            assert_eq!(millis(ms), text);
        }
    }

    #[test]
    fn amounts_of_data() {
        for (count, text) in [(0, "0 B"), (999, "999 B"), (4_120, "4.1 kB"), (2_000_000_000, "2.0 GB")] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn counts() {
        assert_eq!(plural(1, "dependency", "dependencies"), "1 dependency");
        assert_eq!(plural(12_480, "dependency", "dependencies"), "12,480 dependencies");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000_000), "1,000,000");
    }

    #[test]
    fn a_share_is_never_rounded_up_to_everything() {
        assert_eq!(percent_of(99_999, 100_000).unwrap(), "99.99 %");
        assert_eq!(percent_of(7, 7).unwrap(), "100 %");
        assert_eq!(percent_of(1, 3).unwrap(), "33.33 %");
        assert_eq!(percent_of(0, 0), None);
    }
}
