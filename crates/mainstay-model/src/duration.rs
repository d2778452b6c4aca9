use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const UNITS: [(&str, u64); 6] = [
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A length of time as people write it: `30s`, `5m`, `1h30m`, `90d`, `500ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(pub Duration);

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// No text at all.
    #[error("a length of time is missing, for example 30s")]
    Empty,
    /// A number without its unit.
    #[error("the unit is missing: write {0}s, {0}m, {0}h or {0}d")]
    NoUnit(String),
    /// Something else.
    #[error("not a length of time; write for example 30s, 5m, 1h30m or 90d")]
    Malformed,
    /// More than this type holds, about 500 million years.
    #[error("longer than can be counted")]
    TooLong,
}

impl FromStr for HumanDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(DurationError::Empty);
        }
        let mut millis: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(letters);
            if number.is_empty() {
                return Err(DurationError::Malformed);
            }
            if unit.is_empty() {
                let only_number = after.is_empty() && number.len() == text.trim().len();
                return Err(if only_number {
                    DurationError::NoUnit(number.into())
                } else {
                    DurationError::Malformed
                });
            }
            let scale = UNITS.iter().find(|(name, _)| *name == unit).ok_or(DurationError::Malformed)?.1;
            let number: u64 = number.parse().map_err(|_| DurationError::TooLong)?;
            let part = number.checked_mul(scale).ok_or(DurationError::TooLong)?;
            millis = millis.checked_add(part).ok_or(DurationError::TooLong)?;
            rest = after;
        }
        Ok(HumanDuration(Duration::from_millis(millis)))
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return f.write_str("0s");
        }
        // Weeks are read but not written: 90d says more than 12w6d.
        for (unit, scale) in UNITS.into_iter().skip(1) {
            if millis >= scale {
                write!(f, "{}{unit}", millis / scale)?;
                millis %= scale;
            }
        }
        Ok(())
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A length of time for people, with the one or two units that matter: `45 s`, `12 min`, `2 h 10 min`, `3 days`.
/// The sign is dropped: the sentence around it says "ago" or "in".
pub fn in_words(length: SignedDuration) -> String {
    let seconds = length.unsigned_abs().as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..3_600 => format!("{minutes} min"),
        3_600..36_000 if minutes % 60 != 0 => format!("{hours} h {} min", minutes % 60),
        3_600..172_800 => format!("{hours} h"),
        _ => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parses(text: &str, seconds: f64) {
        let parsed: HumanDuration = text.parse().unwrap();
        assert_eq!(parsed.0, Duration::from_secs_f64(seconds), "{text}");
    }

    #[test]
    fn lengths() {
        parses("30s", 30.0);
        parses("5m", 300.0);
        parses("1h30m", 5400.0);
        parses("90d", 7_776_000.0);
        parses("500ms", 0.5);
        parses("2w", 1_209_600.0);
    }

    #[test]
    fn refusals() {
        let error = |text: &str| text.parse::<HumanDuration>().unwrap_err();
        assert_eq!(error(""), DurationError::Empty);
        assert_eq!(error("30"), DurationError::NoUnit("30".into()));
        assert_eq!(error("30 s"), DurationError::Malformed);
        assert_eq!(error("-5s"), DurationError::Malformed);
        assert_eq!(error("5y"), DurationError::Malformed);
        assert_eq!(error("99999999999999999999d"), DurationError::TooLong);
        assert_eq!(error("9999999999999999d"), DurationError::TooLong);
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["30s", "1h30m", "90d", "1m500ms", "0s"] {
            assert_eq!(text.parse::<HumanDuration>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn words() {
        let words = |seconds| in_words(SignedDuration::from_secs(seconds));
        assert_eq!(words(45), "45 s");
        assert_eq!(words(-45), "45 s");
        assert_eq!(words(720), "12 min");
        assert_eq!(words(7800), "2 h 10 min");
        assert_eq!(words(7200), "2 h");
        assert_eq!(words(40 * 3600), "40 h");
        assert_eq!(words(3 * 86_400 + 7), "3 days");
    }
}
