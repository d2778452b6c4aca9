use super::Peers;
use super::commands::line_end;
use super::refused;
use super::stream::Part;
use super::talk::Talk;
use crate::redis::reply;

/// What a server sends: replies of RESP 2 and 3, nested ones included.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// How many elements are still to come of the reply under way.
    missing: usize,
    /// Whether that comes by itself and answers nothing.
    is_push: bool,
    /// A line is under way.
    in_line: bool,
}

/// The longest line with a number: type, twenty digits, CR and LF.
const HEADER: usize = 23;
/// The longest redirection: a host's name has 253 characters at most.
const REDIRECTION: usize = 512;

impl Replies {
    /// Whether the last reply is whole, as far as its parts are.
    pub(super) fn is_between(&self) -> bool {
        self.missing == 0 && !self.in_line
    }

    /// Judges what begins with a reply, or with an element of the one under way.
    pub(super) fn judge(&mut self, rest: &[u8], talk: &mut Talk, peers: &Peers) -> Part {
        let end = line_end(rest);
        if self.in_line {
            return self.line(end, rest.len(), talk);
        }
        match rest.first() {
            Some(b'-') if self.missing == 0 && refused::may_redirect(rest) => {
                self.redirection(rest, end, talk, peers)
            }
            Some(b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(') => {
                self.begin(false);
                self.line(end, rest.len(), talk)
            }
            Some(&kind) => self.counted(kind, rest, end, talk),
            None => Part::Incomplete,
        }
    }

    /// A reply that is a line, or as much of it as is there.
    fn line(&mut self, end: Option<usize>, there: usize, talk: &mut Talk) -> Part {
        self.in_line = end.is_none();
        if end.is_some() {
            self.complete(0, talk);
        }
        Part::Pass(end.unwrap_or(there))
    }

    fn redirection(&mut self, rest: &[u8], end: Option<usize>, talk: &mut Talk, peers: &Peers) -> Part {
        let Some(end) = end.filter(|&end| end <= REDIRECTION) else {
            return if rest.len() < REDIRECTION { Part::Incomplete } else { Part::Lost };
        };
        let line = rest.get(..end).unwrap_or_default().trim_ascii_end();
        self.begin(false);
        self.complete(0, talk);
        match refused::redirected(line, peers) {
            Some(instead) => Part::Put(end, instead),
            None => Part::Pass(end),
        }
    }

    /// A reply of a length, or of a number of elements.
    fn counted(&mut self, kind: u8, rest: &[u8], end: Option<usize>, talk: &mut Talk) -> Part {
        let Some(end) = end.filter(|&end| end <= HEADER) else {
            return if rest.len() < HEADER { Part::Incomplete } else { Part::Lost };
        };
        let line = rest.get(..end).and_then(|line| line.strip_suffix(b"\r\n"));
        let Some(Ok((length, elements))) = line.map(reply::element) else { return Part::Lost };
        self.begin(kind == b'>');
        self.complete(elements, talk);
        Part::Pass(end.saturating_add(length))
    }

    /// An element begins, and with it a reply where none is under way.
    fn begin(&mut self, is_push: bool) {
        if self.missing == 0 {
            (self.missing, self.is_push) = (1, is_push);
        }
    }

    /// An element is there, with so many in it.
    fn complete(&mut self, elements: usize, talk: &mut Talk) {
        self.missing = (self.missing - 1).saturating_add(elements);
        if self.missing == 0 && !self.is_push {
            talk.answered();
        }
    }
}
