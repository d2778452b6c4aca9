use super::refused::Topology;

/// What is under way between an application and Redis, by its commands and the number of answers.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// Commands that are not answered.
    outstanding: u64,
    /// `MULTI` was sent, and nothing since that ends it.
    in_transaction: bool,
    /// Keys are watched for a transaction to come.
    watching: bool,
    /// Answers no longer follow one by one: a subscription, a log of commands, a copy of the data, or none at all.
    restless: bool,
}

/// Commands that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Other,
    Multi,
    /// Ends a transaction, whether it was one or not.
    Over,
    Watch,
    Unwatch,
    /// After it, answers do not follow one by one.
    Restless,
    Client,
    Cluster,
    Sentinel,
}

/// Their names. Those of most commands are of no length that is here.
const NAMES: [(&[u8], Asked); 19] = [
    (b"EXEC", Asked::Over),
    (b"SYNC", Asked::Restless),
    (b"MULTI", Asked::Multi),
    (b"PSYNC", Asked::Restless),
    (b"RESET", Asked::Over),
    (b"WATCH", Asked::Watch),
    (b"CLIENT", Asked::Client),
    (b"CLUSTER", Asked::Cluster),
    (b"DISCARD", Asked::Over),
    (b"MONITOR", Asked::Restless),
    (b"UNWATCH", Asked::Unwatch),
    (b"SENTINEL", Asked::Sentinel),
    (b"SUBSCRIBE", Asked::Restless),
    (b"PSUBSCRIBE", Asked::Restless),
    (b"SSUBSCRIBE", Asked::Restless),
    (b"UNSUBSCRIBE", Asked::Restless),
    (b"PUNSUBSCRIBE", Asked::Restless),
    (b"SUNSUBSCRIBE", Asked::Restless),
    (b"REPLCONF", Asked::Restless),
];

impl Asked {
    /// By its first word.
    pub(super) fn of(name: &[u8]) -> Asked {
        let known = (4..=12).contains(&name.len());
        let found = known.then(|| NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))).flatten();
        found.map_or(Asked::Other, |&(_, asked)| asked)
    }

    /// Whether its second word matters.
    pub(super) fn needs_second(self) -> bool {
        matches!(self, Asked::Client | Asked::Cluster | Asked::Sentinel)
    }
}

impl Talk {
    /// Takes note of a command, with its second word where that matters. Says what it asks for, if it must not be passed on.
    pub(super) fn ask(&mut self, asked: Asked, second: &[u8]) -> Option<Topology> {
        self.outstanding = self.outstanding.saturating_add(1);
        match asked {
            Asked::Other => {}
            Asked::Multi => self.in_transaction = true,
            Asked::Over => (self.in_transaction, self.watching) = (false, false),
            Asked::Watch => self.watching = true,
            Asked::Unwatch => self.watching = false,
            Asked::Restless => self.restless = true,
            // After `CLIENT REPLY` some commands are not answered.
            Asked::Client => self.restless |= second.eq_ignore_ascii_case(b"REPLY"),
            Asked::Cluster => return Topology::of_cluster(second),
            Asked::Sentinel => return Topology::of_sentinel(second),
        }
        None
    }

    /// Takes note of an answer.
    pub(super) fn answered(&mut self) {
        match self.outstanding.checked_sub(1) {
            Some(left) => self.outstanding = left,
            None => self.restless = true,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.outstanding == 0 && !self.in_transaction && !self.watching && !self.restless
    }
}
