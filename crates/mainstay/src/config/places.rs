//! On which line of the file what stands, for those who find faults after it was read.

use std::collections::BTreeMap;

use super::node::{Node, Value};

/// So deep lines are known: that of a condition of a route below a route.
const DEEPEST: usize = 6;

/// Lines by path: keys and places from 0, joined by dots, such as `routes.2` and `schedules.platform`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Places(BTreeMap<String, usize>);

impl Places {
    pub(super) fn of(root: &Node) -> Places {
        let mut places = Places::default();
        places.add("", root, DEEPEST);
        places
    }

    /// The line, from 1, of what a path leads to, or of the nearest part of the path that stands in the file.
    pub(crate) fn line(&self, path: &str) -> Option<usize> {
        self.0.get(path).copied().or_else(|| self.line(path.rsplit_once('.')?.0))
    }

    fn add(&mut self, under: &str, node: &Node, deeper: usize) {
        if deeper == 0 {
            return;
        }
        let path = |key: &str| if under.is_empty() { key.to_owned() } else { format!("{under}.{key}") };
        match &node.value {
            Value::Null | Value::Scalar(_) => {}
            Value::Map(entries) => {
                for entry in entries {
                    let path = path(&entry.key.text);
                    self.add(&path, &entry.value, deeper - 1);
                    self.0.insert(path, entry.key.span.start.line);
                }
            }
            Value::List(items) => {
                for (place, item) in items.iter().enumerate() {
                    let path = path(&place.to_string());
                    self.add(&path, item, deeper - 1);
                    self.0.insert(path, item.span.start.line);
                }
            }
        }
    }
}
