use std::borrow::Cow;

/// What one side sends, part by part. A part that cannot be judged yet waits here until it can be; others pass without being copied.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The beginning of a part that waits.
    held: Vec<u8>,
    /// What is still to come of the last part.
    left: usize,
    /// Whether that passes.
    passes: bool,
    lost: bool,
}

/// What becomes of the next part.
pub(super) enum Part {
    /// So many bytes pass; they need not be there yet.
    Pass(usize),
    /// In the place of so many bytes come others.
    Put(usize, Vec<u8>),
    /// More is needed to tell.
    Incomplete,
    /// Where parts begin cannot be told any more.
    Lost,
}

impl Stream {
    /// Takes more in. `judge` is given what begins with the next part.
    pub(super) fn take<'a>(
        &mut self,
        bytes: &'a [u8],
        mut judge: impl FnMut(&[u8]) -> Part,
    ) -> Cow<'a, [u8]> {
        if self.lost {
            return Cow::Borrowed(bytes);
        }
        if self.held.is_empty() {
            return self.judged(bytes, &mut judge);
        }
        let mut whole = std::mem::take(&mut self.held);
        whole.extend_from_slice(bytes);
        Cow::Owned(self.judged(&whole, &mut judge).into_owned())
    }

    /// Whether the last part is whole.
    pub(super) fn is_between(&self) -> bool {
        self.held.is_empty() && self.left == 0 && !self.lost
    }

    fn judged<'a>(&mut self, bytes: &'a [u8], judge: &mut impl FnMut(&[u8]) -> Part) -> Cow<'a, [u8]> {
        let mut out = Out { bytes, copied: 0, changed: None };
        let mut at = self.go_on(0, &mut out);
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match judge(rest) {
                Part::Pass(length) => (self.left, self.passes) = (length, true),
                Part::Put(length, instead) => {
                    out.put(at, &instead);
                    (self.left, self.passes) = (length, false);
                }
                Part::Incomplete => {
                    self.held = rest.to_vec();
                    return out.up_to(at);
                }
                Part::Lost => {
                    self.lost = true;
                    return out.up_to(bytes.len());
                }
            }
            at = self.go_on(at, &mut out);
        }
        out.up_to(bytes.len())
    }

    /// Goes over what is there of a part that was judged; gives where the next begins.
    fn go_on(&mut self, at: usize, out: &mut Out<'_>) -> usize {
        let there = self.left.min(out.bytes.len() - at);
        self.left -= there;
        if !self.passes && there > 0 {
            out.put(at, b"");
            out.copied = at + there;
        }
        at + there
    }
}

/// What goes on, copied only once something in it is changed.
struct Out<'a> {
    bytes: &'a [u8],
    /// Up to where it is in `changed`, or was left out.
    copied: usize,
    changed: Option<Vec<u8>>,
}

impl<'a> Out<'a> {
    /// Puts something in at a place.
    fn put(&mut self, at: usize, something: &[u8]) {
        let changed = self.changed.get_or_insert_default();
        changed.extend_from_slice(self.bytes.get(self.copied..at).unwrap_or_default());
        changed.extend_from_slice(something);
        self.copied = at;
    }

    fn up_to(mut self, end: usize) -> Cow<'a, [u8]> {
        if self.changed.is_some() {
            self.put(end, b"");
        }
        match self.changed {
            Some(changed) => Cow::Owned(changed),
            None => Cow::Borrowed(self.bytes.get(..end).unwrap_or_default()),
        }
    }
}
