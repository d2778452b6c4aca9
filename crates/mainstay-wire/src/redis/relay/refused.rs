use super::Peers;
use crate::redis::client::command as array;
use crate::text::tidy;

/// A command whose answer hands out addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topology {
    /// `CLUSTER`, with its second word.
    Cluster(&'static str),
    /// `SENTINEL`, with its second word.
    Sentinel(&'static str),
}

const OF_CLUSTER: [&str; 5] = ["SLOTS", "SHARDS", "NODES", "REPLICAS", "SLAVES"];
const OF_SENTINEL: [&str; 6] =
    ["GET-MASTER-ADDR-BY-NAME", "MASTERS", "MASTER", "REPLICAS", "SLAVES", "SENTINELS"];

impl Topology {
    /// `CLUSTER INFO`, `KEYSLOT` and the like tell no addresses.
    pub(super) fn of_cluster(second: &[u8]) -> Option<Topology> {
        known(&OF_CLUSTER, second).map(Topology::Cluster)
    }

    pub(super) fn of_sentinel(second: &[u8]) -> Option<Topology> {
        known(&OF_SENTINEL, second).map(Topology::Sentinel)
    }
}

fn known(names: &[&'static str], word: &[u8]) -> Option<&'static str> {
    names.iter().find(|name| name.as_bytes().eq_ignore_ascii_case(word)).copied()
}

/// What goes to the server in the place of a command whose answer would lead the application past the relay.
///
/// It is one that the server must answer with an error, and the error says what it was asked for: so the refusal comes in its turn
/// among the answers, however many commands are on the way, in RESP 2 and 3, and inside of a transaction, without the relay's having to
/// find it there. `CLUSTER SLAVES` of a node that does not exist is judged like the command that it stands for: who has not logged in
/// or has no right to `CLUSTER` hears that, and a server that stands alone says that it does. Sentinels have nothing like it, but name
/// a second word that they do not know.
pub(super) fn command(topology: Topology) -> Vec<u8> {
    match topology {
        Topology::Cluster(second) => {
            let words = format!(
                "(Mainstay: the answer to CLUSTER {second} would lead past the relay, so it was not asked; give each server of the \
                 cluster a relay and use a client that follows MOVED, or connect to the cluster without relays)"
            );
            array(&["CLUSTER", "SLAVES", &words])
        }
        // Of such a word, 128 characters are named.
        Topology::Sentinel(second) => {
            let words = format!(
                "(Mainstay: the answer to {second} would lead past the relay; connect to the master's relay)"
            );
            array(&["SENTINEL", &words])
        }
    }
}

/// An error in the place of an answer.
pub(super) fn error(message: &str) -> Vec<u8> {
    format!("-ERR {}\r\n", message.replace(['\r', '\n'], " ")).into_bytes()
}

/// The words that begin an error which sends the application to another server, and how many words come before the address.
/// `REDIRECT` is Valkey's, for clients that say that they understand it.
const REDIRECTIONS: [(&[u8], usize); 3] = [(b"-MOVED ", 2), (b"-ASK ", 2), (b"-REDIRECT ", 1)];

/// Whether these bytes are the beginning of such an error, as far as they go.
pub(super) fn may_redirect(error: &[u8]) -> bool {
    REDIRECTIONS.iter().any(|(start, _)| start.iter().zip(error).all(|(one, other)| one == other))
}

/// What the application hears in the place of such an error, which is given without the end of its line: the address of the relay in
/// front of that server, or that there is none.
pub(super) fn redirected(error: &[u8], peers: &Peers) -> Option<Vec<u8>> {
    let &(_, before) = REDIRECTIONS.iter().find(|(start, _)| error.starts_with(start))?;
    let words: Vec<String> = error.split(|&byte| byte == b' ').map(tidy).collect();
    let address = words.get(before).map_or("", String::as_str);
    let Some(relay) = peers.get(address) else {
        return Some(self::error(&format!(
            "Mainstay: this server belongs to a cluster and sends clients to {address}, past the relay; give each server of the cluster \
             a relay, or connect to the cluster without relays"
        )));
    };
    let kept = words.get(..before).unwrap_or_default().join(" ");
    Some(format!("{kept} {relay}\r\n").into_bytes())
}
