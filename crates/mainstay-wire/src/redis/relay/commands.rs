use super::refused::{self, Topology};
use super::stream::Part;
use super::talk::{Asked, Talk};
use crate::redis::reply;

/// What an application sends: commands as arrays of strings, or as lines.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// How many words of a command are still to come.
    words: usize,
    /// A command that is a line is under way.
    in_line: bool,
    /// The command under way is not passed on.
    refused: bool,
}

/// The longest header: type, a number of twenty digits, CR and LF.
const HEADER: usize = 23;
/// No server takes a word of a tebibyte.
const LONGEST_WORD: usize = 1 << 40;
/// The longest names that are looked for.
const LONGEST_NAME: usize = b"PUNSUBSCRIBE".len();
const LONGEST_SECOND: usize = b"GET-MASTER-ADDR-BY-NAME".len();
/// Of a command that is a line, so much is enough to know it by.
const LINE_SEEN: usize = 128;

impl Commands {
    /// Whether the last command is whole, as far as its parts are.
    pub(super) fn is_between(&self) -> bool {
        self.words == 0 && !self.in_line
    }

    /// Judges what begins with a command, or with a word of the command under way.
    pub(super) fn judge(&mut self, rest: &[u8], talk: &mut Talk) -> Part {
        let judged = if self.words > 0 {
            self.word(rest)
        } else if self.in_line {
            Ok(self.line_goes_on(rest))
        } else if rest.first() == Some(&b'*') {
            self.array(rest, talk)
        } else {
            Ok(self.line(rest, talk))
        };
        judged.unwrap_or_else(|unknown| unknown)
    }

    /// A further word, whatever it is.
    fn word(&mut self, rest: &[u8]) -> Result<Part, Part> {
        let word = Word::read(rest)?;
        self.words -= 1;
        Ok(self.pass_or_drop(word.end))
    }

    /// The beginning of a command: the number of its words and the first of them, with the second where that matters.
    fn array(&mut self, rest: &[u8], talk: &mut Talk) -> Result<Part, Part> {
        let (count, at) = header(rest, b'*')?;
        // Nothing is no command, and is not answered.
        let Some(more) = count.unwrap_or(0).checked_sub(1) else { return Ok(Part::Pass(at)) };
        let first = Word::read(after(rest, at))?;
        let asked = Asked::of(first.text(LONGEST_NAME)?);
        let end = at + first.end;
        if more == 0 || !asked.needs_second() {
            return Ok(self.begin(talk.ask(asked, b""), more, end));
        }
        let second = Word::read(after(rest, end))?;
        Ok(self.begin(talk.ask(asked, second.text(LONGEST_SECOND)?), more - 1, end + second.end))
    }

    fn begin(&mut self, topology: Option<Topology>, words: usize, length: usize) -> Part {
        self.words = words;
        self.refused = topology.is_some();
        match topology {
            Some(topology) => Part::Put(length, refused::command(topology)),
            None => Part::Pass(length),
        }
    }

    /// A command that is a line, as people type it.
    fn line(&mut self, rest: &[u8], talk: &mut Talk) -> Part {
        let end = line_end(rest);
        if end.is_none() && rest.len() < LINE_SEEN {
            return Part::Incomplete;
        }
        let length = end.unwrap_or(rest.len());
        (self.in_line, self.refused) = (end.is_none(), false);
        let text = rest.get(..length.min(LINE_SEEN)).unwrap_or_default();
        let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let Some(name) = words.next() else { return Part::Pass(length) };
        self.begin(talk.ask(Asked::of(name), words.next().unwrap_or_default()), 0, length)
    }

    fn line_goes_on(&mut self, rest: &[u8]) -> Part {
        let end = line_end(rest);
        self.in_line = end.is_none();
        self.pass_or_drop(end.unwrap_or(rest.len()))
    }

    fn pass_or_drop(&self, length: usize) -> Part {
        if self.refused { Part::Put(length, Vec::new()) } else { Part::Pass(length) }
    }
}

/// A word with its length before it. It need not be there as a whole.
struct Word<'a> {
    length: usize,
    /// As much of it as is there.
    there: &'a [u8],
    /// Where the next begins.
    end: usize,
}

impl<'a> Word<'a> {
    fn read(rest: &'a [u8]) -> Result<Word<'a>, Part> {
        let (length, at) = header(rest, b'$')?;
        let length = length.filter(|&length| length <= LONGEST_WORD).ok_or(Part::Lost)?;
        let there = after(rest, at);
        Ok(Word { length, there: there.get(..length).unwrap_or(there), end: at + length + 2 })
    }

    /// The whole of it; nothing where it is longer than what is looked for.
    fn text(&self, longest: usize) -> Result<&'a [u8], Part> {
        if self.length > longest {
            return Ok(b"");
        }
        if self.there.len() < self.length { Err(Part::Incomplete) } else { Ok(self.there) }
    }
}

/// Reads a type and a number; none for -1. Gives where the next begins, too.
fn header(rest: &[u8], kind: u8) -> Result<(Option<usize>, usize), Part> {
    let unknown = || if rest.len() < HEADER { Part::Incomplete } else { Part::Lost };
    if rest.first().is_some_and(|&first| first != kind) {
        return Err(Part::Lost);
    }
    let end = line_end(rest.get(..HEADER).unwrap_or(rest)).ok_or_else(unknown)?;
    let number = rest.get(1..end.saturating_sub(2)).ok_or(Part::Lost)?;
    let is_line = rest.get(end.saturating_sub(2)) == Some(&b'\r');
    match reply::length(number) {
        Ok(number) if is_line => Ok((number, end)),
        _ => Err(Part::Lost),
    }
}

/// Where what follows the first line begins.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == b'\n').map(|at| at + 1)
}

fn after(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}
