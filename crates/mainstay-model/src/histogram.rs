use std::collections::BTreeMap;

/// How many buckets each power of two is divided into. With 64 of them, the middle of a bucket is at most 1/128 (0.8 %) away
/// from any value in it.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Counts of durations in log-linear buckets: sparse, mergeable, with an error of at most 0.8 %.
///
/// Values are whole microseconds. Merging hours gives exactly the histogram of the day. The bucketing is that of
/// HdrHistogram (Gil Tene), cut down to what is needed here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: BTreeMap<u16, u64>,
}

impl Histogram {
    /// Counts one value, in microseconds.
    pub fn record(&mut self, micros: u64) {
        let count = self.buckets.entry(bucket(micros)).or_default();
        *count = count.saturating_add(1);
    }

    /// Counts one value, in milliseconds. Negative and non-finite ones count as zero.
    pub fn record_ms(&mut self, ms: f64) {
        self.record((ms * 1000.0).round().max(0.0) as u64);
    }

    /// Adds everything that the other one counted.
    pub fn merge(&mut self, other: &Histogram) {
        for (bucket, count) in &other.buckets {
            let sum = self.buckets.entry(*bucket).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.buckets.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The value below or at which the given share (0.0 to 1.0) of all values lies, in milliseconds; `None` when nothing was counted.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        let rank = ((self.count() as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen: u64 = 0;
        let found = self.buckets.iter().find(|(_, count)| {
            seen = seen.saturating_add(**count);
            seen >= rank
        });
        found.map(|(bucket, _)| middle(*bucket) / 1000.0)
    }

    /// A compact form for storage: for each bucket the distance to the one before and the count, as LEB128 numbers.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.buckets.len() * 3);
        let mut before = 0;
        for (bucket, count) in &self.buckets {
            write_number(&mut bytes, u64::from(bucket - before));
            write_number(&mut bytes, *count);
            before = *bucket;
        }
        bytes
    }

    /// Reads what [`Histogram::encode`] wrote; `None` when the bytes are anything else.
    pub fn decode(mut bytes: &[u8]) -> Option<Histogram> {
        let mut buckets = BTreeMap::new();
        let mut bucket: u16 = 0;
        while !bytes.is_empty() {
            let distance = u16::try_from(read_number(&mut bytes)?).ok()?;
            bucket = bucket.checked_add(distance).filter(|bucket| *bucket <= self::bucket(u64::MAX))?;
            let count = read_number(&mut bytes).filter(|count| *count > 0)?;
            if buckets.insert(bucket, count).is_some() {
                return None;
            }
        }
        Some(Histogram { buckets })
    }
}

/// The bucket of a value: values below [`STEPS`] have one each, and every later power of two is cut into [`STEPS`] equal parts.
fn bucket(value: u64) -> u16 {
    if value < STEPS {
        return value as u16;
    }
    let shift = value.ilog2() - STEP_BITS;
    (u64::from(shift) * STEPS + (value >> shift)) as u16
}

/// The middle of a bucket.
fn middle(bucket: u16) -> f64 {
    let bucket = u64::from(bucket);
    if bucket < 2 * STEPS {
        return bucket as f64;
    }
    let shift = bucket / STEPS - 1;
    let width = (shift as f64).exp2();
    (bucket - shift * STEPS) as f64 * width + (width - 1.0) / 2.0
}

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number: u64 = 0;
    for place in 0..10 {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(first & 0x7f);
        number |= part.checked_shl(place * 7).filter(|shifted| shifted >> (place * 7) == part)?;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.record(*value));
        histogram
    }

    #[test]
    fn an_empty_one_has_no_quantile() {
        assert_eq!(Histogram::default().quantile_ms(0.5), None);
        assert_eq!(Histogram::decode(&[]), Some(Histogram::default()));
    }

    #[test]
    fn impossible_milliseconds_count_as_zero() {
        let mut histogram = Histogram::default();
        [-1.0, f64::NAN, f64::NEG_INFINITY].into_iter().for_each(|ms| histogram.record_ms(ms));
        assert_eq!(histogram.quantile_ms(1.0), Some(0.0));
    }

    #[test]
    fn rubbish_is_not_read() {
        let refused: &[&[u8]] = &[&[1], &[0x80], &[1, 0], &[1, 1, 0, 1], &[0xff; 12], &[0xff, 0xff, 0x7f, 1]];
        for bytes in refused {
            assert_eq!(Histogram::decode(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_one_percent_of_the_exact_one(
            mut values in prop::collection::vec(0..u64::MAX / 2, 1..200),
            share in 0.0..=1.0f64,
        ) {
            let histogram = of(&values);
            values.sort_unstable();
            let rank = ((values.len() as f64 * share).ceil() as usize).max(1);
            let exact = values[rank - 1] as f64 / 1000.0;
            let found = histogram.quantile_ms(share).unwrap();
            prop_assert!((found - exact).abs() <= exact * 0.01, "{found} is not {exact}");
        }

        #[test]
        fn it_survives_storage_and_merging_is_counting_together(
            a in prop::collection::vec(any::<u64>(), 0..100),
            b in prop::collection::vec(0..10_000_000u64, 0..100),
        ) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(&merged, &of(&[a, b].concat()));
            prop_assert_eq!(Histogram::decode(&merged.encode()), Some(merged));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(histogram) = Histogram::decode(&bytes) {
                prop_assert_eq!(Histogram::decode(&histogram.encode()), Some(histogram));
            }
        }
    }
}
