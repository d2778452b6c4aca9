//! How waivers are granted: what is wrong with that, and what it becomes.

use std::time::Duration;

use mainstay_model::WaiverTerms;

use super::reader::Reader;
use super::sections::{Root, Waivers};

/// A waiver that lasts longer is a new state of things, and no break-glass.
const CEILING: Duration = Duration::from_secs(24 * 3_600);

/// No waiver lasts for more than a day, and what is usual has to be possible.
pub(super) fn errors(root: &Root, reader: &mut Reader<'_>) {
    let Some(Waivers { usual, longest: Some(longest), .. }) = &root.waivers else { return };
    if longest.value > CEILING {
        let hint = "write 24h or less; a waiver that is still needed then is asked for again";
        reader.error(longest.span, "no waiver lasts longer than 24 hours", hint);
    }
    if let Some(usual) = usual.as_ref().filter(|usual| usual.value > longest.value.min(CEILING)) {
        let hint = "write a shorter `usual`, or a longer `longest`";
        reader.error(usual.span, "the usual waiver would last longer than one may", hint);
    }
}

/// The terms as others use them.
pub(super) fn terms(read: Waivers) -> Option<WaiverTerms> {
    let longest = read.longest?.value;
    let usual = read.usual.map_or(WaiverTerms::default().usual.min(longest), |usual| usual.value);
    Some(WaiverTerms { usual, longest, second_person: read.second_person? })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{loads, refuses};
    use super::*;

    #[test]
    fn the_usual_length_is_never_longer_than_the_longest() {
        let terms = |text: &str| loads(text).landscape.waivers;
        assert_eq!(terms("waivers: {}"), WaiverTerms::default());
        let short = terms("waivers: { longest: 1h, second_person: true }");
        assert_eq!((short.usual, short.longest), (Duration::from_secs(3_600), Duration::from_secs(3_600)));
        assert!(short.second_person);
        refuses("waivers: { longest: 25h }", "no waiver lasts longer than 24 hours");
        refuses("waivers: { usual: 2h, longest: 1h }", "the usual waiver would last longer than one may");
        refuses("waivers: { usual: 2d }", "the usual waiver would last longer than one may");
    }

    #[test]
    fn a_dependency_can_do_without() {
        let loaded = loads("dependencies: { a: { url: tcp://a:1, waivable: false }, b: { url: tcp://b:1 } }");
        let waivable = |name: &str| loaded.landscape.dependencies[name].waivable;
        assert!(!waivable("a") && waivable("b"));
    }
}
