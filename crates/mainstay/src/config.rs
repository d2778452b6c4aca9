//! `mainstay.yaml`: read, checked against itself, and made usable, once and here.
//!
//! Every fault is told with its place and how to mend it, all of them at once. No part of this module uses
//! another of this program, so that the fuzz target can include it as it is; other crates it may use.

mod advice;
mod calendar;
mod channels;
mod checks;
mod drills;
mod excerpt;
mod expressions;
mod hiding;
mod interpolate;
mod landscape;
mod mask;
mod node;
mod on_call;
mod places;
mod problem;
mod reader;
mod reference;
mod relay;
mod render;
mod rules;
mod runbook;
mod schema;
mod sections;
mod shape;
mod source;
mod telling;
mod urls;
mod waivers;
mod words;
mod yaml;

use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mainstay_model::{Landscape, Secret};

pub(crate) use places::Places;
pub(crate) use problem::{Level, Problem, Problems};
pub(crate) use reference::reference;
pub(crate) use render::Rendering;
pub(crate) use schema::schema;

use hiding::Hiding;
use reader::Reader;
use sections::Root;
use shape::Shape as _;
use source::{Source, Span};
use yaml::Tree;

/// Bytes that a configuration may have: room for a hundred thousand dependencies.
const LARGEST: u64 = 32 * 1024 * 1024;
/// Problems that are told at once; more help nobody.
const MOST_PROBLEMS: usize = 1_000;

/// A configuration that can be used.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// What is watched and who is told.
    pub(crate) landscape: Landscape,
    /// The server's own settings.
    pub(crate) server: Server,
    /// What is probably not meant, in the order of the file.
    pub(crate) warnings: Vec<Problem>,
    /// On which line what stands.
    pub(crate) places: Places,
}

/// Settings of the server itself.
#[derive(Debug, PartialEq)]
pub(crate) struct Server {
    /// Where the operator's pages and the API listen.
    pub(crate) listen: SocketAddr,
    /// Address of the operator's pages as people reach them, without a trailing slash.
    pub(crate) public_url: String,
    /// Folder for everything that is kept.
    pub(crate) data_dir: PathBuf,
    /// URL of a PostgreSQL database; SQLite in `data_dir` without it.
    pub(crate) database: Option<Secret>,
    /// How long measurements are kept.
    pub(crate) retention: Retention,
    /// The sign of life that is sent.
    pub(crate) heartbeat: Option<HeartbeatOut>,
    /// Whether lists of revoked certificates are asked for.
    pub(crate) revocation_lists: bool,
}

/// A sign of life that is sent as long as the whole loop moves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HeartbeatOut {
    /// Where to.
    pub(crate) url: Secret,
    /// How often.
    pub(crate) every: Duration,
    /// What is shown there.
    pub(crate) token: Option<Secret>,
}

/// How long measurements are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Retention {
    /// Single observations.
    pub(crate) raw: Duration,
    /// Hourly figures.
    pub(crate) hourly: Duration,
}

/// What a configuration may refer to outside itself.
pub(crate) struct Surroundings<'a> {
    /// Its path: named in messages, and where relative paths begin.
    pub(crate) file: &'a Path,
    /// The environment.
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a file, within bounds.
    pub(crate) read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
}

impl Surroundings<'_> {
    /// The folder at which relative paths begin.
    fn base(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }
}

/// Reads a configuration file.
///
/// # Errors
/// Every fault of the file, in its order, the warnings among them.
pub(crate) fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Problems> {
    let bytes = read_bounded(path).map_err(|error| unreadable(path, &error))?;
    let text = decode(&bytes).map_err(|(message, hint)| Problems::of_file(path, message, hint))?;
    parse(text, &Surroundings { file: path, env, read: &read_bounded })
}

/// Where the server keeps its things, for commands that talk to a running one: what else may be wrong with the file, such as a
/// secret that only the server's environment has, is not their business.
///
/// # Errors
/// Every fault of the file, when the folder cannot be read for one of them.
pub(crate) fn data_dir(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, Problems> {
    let bytes = read_bounded(path).map_err(|error| unreadable(path, &error))?;
    let text = decode(&bytes).map_err(|(message, hint)| Problems::of_file(path, message, hint))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(text);
    let surroundings = Surroundings { file: path, env, read: &read_bounded };
    let mut reader = Reader::new(&source, &surroundings);
    let tree = yaml::read(text, &mut reader.drafts).ok().flatten();
    let root = tree.as_ref().and_then(|tree| Root::read(&tree.root, &mut reader));
    match root.and_then(|root| root.server?.data_dir) {
        Some(folder) => Ok(folder),
        None => load(path, env).map(|loaded| loaded.server.data_dir),
    }
}

/// A variable of this process's environment, for [`load`].
#[expect(clippy::disallowed_methods, reason = "the configuration is one of the two places that read it")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // A pipe without a writer would be waited for without end, and /dev/zero read up to the bound.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if read as u64 > LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Problems {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => Problems::of_file(
            path,
            format!("there is no configuration at {shown}"),
            "write a first one with `mainstay init`, or name another file with --config or $MAINSTAY_CONFIG",
        ),
        io::ErrorKind::IsADirectory => Problems::of_file(
            path,
            format!("{shown} is a folder"),
            format!("name the file in it, such as --config {}", path.join("mainstay.yaml").display()),
        ),
        io::ErrorKind::FileTooLarge => Problems::of_file(
            path,
            format!("{shown} is larger than {} MiB", LARGEST / 1024 / 1024),
            "is it the right file? share the work among several servers if it is",
        ),
        io::ErrorKind::Unsupported => Problems::of_file(
            path,
            format!("{shown} is not an ordinary file"),
            "a pipe or a device cannot be read again when the configuration changes: name a file",
        ),
        _ => Problems::of_file(
            path,
            format!("cannot read {shown}: {}", reason(error)),
            "see that this user may read it",
        ),
    }
}

/// Why a file could not be read, in words.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "it is a folder".into(),
        io::ErrorKind::FileTooLarge => "it is too large".into(),
        io::ErrorKind::Unsupported => "it is not an ordinary file".into(),
        _ => error.to_string(),
    }
}

fn decode(bytes: &[u8]) -> Result<&str, (String, &'static str)> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(("the file is in UTF-16".into(), "save it as UTF-8"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        (format!("the file is not text in UTF-8: see line {line}"), "save it as UTF-8")
    })
}

/// Reads the text of a configuration. It never panics, whatever the text.
///
/// # Errors
/// Every fault of the text, in its order, the warnings among them.
pub(crate) fn parse(text: &str, surroundings: &Surroundings<'_>) -> Result<Loaded, Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(text);
    let mut reader = Reader::new(&source, surroundings);
    let read = read(text, &mut reader);
    let problems = finish(&mut reader, read.tree.as_ref());
    let places = read.tree.as_ref().map(|tree| Places::of(&tree.root)).unwrap_or_default();
    match read.usable {
        Some((landscape, server)) if problems.iter().all(|problem| problem.level == Level::Warning) => {
            Ok(Loaded { landscape, server, warnings: problems, places })
        }
        _ => Err(Problems(problems)),
    }
}

struct Outcome {
    tree: Option<Tree>,
    usable: Option<(Landscape, Server)>,
}

fn read(text: &str, reader: &mut Reader<'_>) -> Outcome {
    let nothing = Outcome { tree: None, usable: None };
    if let Some(draft) = yaml::odd_character(text) {
        reader.drafts.push(draft);
        return nothing;
    }
    let tree = match yaml::read(text, &mut reader.drafts) {
        Ok(Some(tree)) => tree,
        Ok(None) => {
            let hint = "write a first configuration with `mainstay init`";
            reader.error(Span::WHOLE, "the configuration is empty", hint);
            return nothing;
        }
        Err(draft) => {
            reader.drafts.push(draft);
            return nothing;
        }
    };
    for entry in &tree.refused {
        reader.under(&entry.key, |reader| reader.hide_unread(&entry.value));
    }
    let root = Root::read(&tree.root, reader);
    let usable = root.and_then(|root| landscape::build(root, reader));
    let faulty = reader.drafts.iter().any(|draft| draft.level == Level::Error);
    if usable.is_none() && !faulty {
        let hint = "this is a fault of Mainstay; please report it with the file";
        reader.error(Span::WHOLE, "the configuration was read and could not be used", hint);
    }
    Outcome { tree: Some(tree), usable }
}

/// Cuts the places out of the file, in its order, each problem once, with every secret masked.
fn finish(reader: &mut Reader<'_>, tree: Option<&Tree>) -> Vec<Problem> {
    let mut drafts = std::mem::take(&mut reader.drafts);
    // An alias is read as often as it is used, and so may be its faults.
    drafts.sort_by(|a, b| (a.span, a.level as u8, &a.message).cmp(&(b.span, b.level as u8, &b.message)));
    drafts.dedup_by(|a, b| (a.span, &a.message) == (b.span, &b.message));
    let errors = drafts.iter().filter(|draft| draft.level == Level::Error).count();
    if errors > MOST_PROBLEMS {
        drafts.retain(|draft| draft.level == Level::Error);
    }
    let left_off = drafts.len().saturating_sub(MOST_PROBLEMS);
    drafts.truncate(MOST_PROBLEMS);
    if left_off > 0
        && let Some(last) = drafts.last_mut()
    {
        last.message.push_str(&format!(" (and {left_off} more problems after it)"));
    }
    let hiding = Hiding::new(reader, tree);
    drafts.into_iter().map(|draft| hiding.problem(draft)).collect()
}

#[cfg(test)]
mod recipes;
#[cfg(test)]
mod tests;
