//! What is under way in a session: commands of the client, in the order in which they are answered, and how far the answer to the
//! first of them has come.
//!
//! Where anything is other than expected, track is lost, and stays so: then something may always be under way.

mod answers;

use std::collections::VecDeque;

use super::packets::Packet;
use crate::mysql::command;
use crate::mysql::greeting::capability;
use crate::reader::Reader;

#[derive(Debug)]
pub(super) struct Talk {
    capabilities: u32,
    extended: u32,
    lost: bool,
    running: VecDeque<Running>,
    /// How far the answer to the first of them has come.
    stage: Stage,
    transaction: Transaction,
    /// Whether a statement outside of a transaction ends by itself, as the server said last.
    autocommit: bool,
    /// Statements that are half done: their parameters are sent ahead of them, or their rows are yet to be fetched.
    half_done: Vec<u32>,
    /// The statement that MariaDB's clients mean when they do not wait for its number.
    last_prepared: u32,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    command: Command,
    /// The number of the next packet that belongs to it, of either side.
    next: u8,
}

/// Commands by their answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    /// Statements as text. A tame one that fails leaves no transaction behind that was not there before.
    Query {
        tame: bool,
    },
    /// A prepared statement.
    Execute(u32),
    Fetch(u32),
    Prepare,
    /// Gives up the cursor of a statement.
    Reset(u32),
    /// Gives up everything that was begun.
    ResetConnection,
    ChangeUser,
    FieldList,
    /// Answered by bare text.
    Statistics,
    /// Answered by OK or an error.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing came yet, or a result is over and another follows.
    Head,
    /// This many descriptions of columns are to come.
    Columns(u64),
    /// They came, and an EOF follows.
    ColumnsEnd,
    Rows,
    /// This many packets are to come and nothing else.
    Counted(u64),
    /// The client sends a file.
    File,
    /// It has sent it.
    FileSent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
    /// A statement failed that may have opened one: errors do not say.
    Unknown,
}

/// The most commands under way at once. Some clients send all they have without waiting; a thousand times what any pool does.
const MOST_RUNNING: usize = 16 * 1024;
/// The most statements that are half done: clients have one cursor open, hardly ever two.
const MOST_HALF_DONE: usize = 64;
/// The statement prepared last, in MariaDB.
const LAST_PREPARED: u32 = u32::MAX;

impl Talk {
    /// A session of whose transactions nothing is known yet.
    pub(super) fn new(capabilities: u32, extended: u32) -> Talk {
        Talk {
            capabilities,
            extended,
            lost: false,
            running: VecDeque::new(),
            stage: Stage::Head,
            transaction: Transaction::Unknown,
            autocommit: false,
            half_done: Vec::new(),
            last_prepared: LAST_PREPARED,
        }
    }

    pub(super) fn lose(&mut self) {
        self.lost = true;
        self.running = VecDeque::new();
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether nothing is under way.
    pub(super) fn is_at_rest(&self) -> bool {
        !self.lost
            && self.running.is_empty()
            && self.transaction == Transaction::None
            && self.half_done.is_empty()
    }

    pub(super) fn is_changing_user(&self) -> bool {
        self.current() == Some(Command::ChangeUser)
    }

    /// The number that the next packet of the server's must have, where it is likely a row.
    pub(super) fn rows(&mut self) -> Option<&mut u8> {
        match (self.stage, self.running.front_mut()) {
            (Stage::Rows, Some(running)) if self.capabilities & capability::COMPRESS == 0 => {
                Some(&mut running.next)
            }
            _ => None,
        }
    }

    fn current(&self) -> Option<Command> {
        self.running.front().map(|running| running.command)
    }

    fn has(&self, capability: u32) -> bool {
        self.capabilities & capability != 0
    }

    pub(super) fn client(&mut self, packet: &Packet) {
        let answering = self.stage == Stage::File || self.is_changing_user();
        if packet.continues {
            self.continued(packet, answering);
        } else if answering {
            self.answered(packet);
        } else if packet.sequence != 0 && !self.has(capability::COMPRESS) {
            self.lose();
        } else {
            self.begin(packet);
        }
    }

    /// A packet that belongs to the one before, as the answer's number will show.
    fn continued(&mut self, packet: &Packet, answering: bool) {
        let owner = if answering { self.running.front_mut() } else { self.running.back_mut() };
        if let Some(running) = owner {
            running.next = packet.sequence.wrapping_add(1);
        }
    }

    /// Not a command, but what the server asked for.
    fn answered(&mut self, packet: &Packet) {
        if !self.is_numbered(packet) {
            return self.lose();
        }
        if self.stage == Stage::File && packet.length == 0 {
            self.stage = Stage::FileSent;
        }
    }

    /// Whether the packet has the number that follows in the answer to the first command; counts on.
    fn is_numbered(&mut self, packet: &Packet) -> bool {
        // In compressed sessions it is the frames that are numbered, and packets follow them by jumps.
        let compressed = self.has(capability::COMPRESS);
        let Some(running) = self.running.front_mut() else { return false };
        let expected = std::mem::replace(&mut running.next, packet.sequence.wrapping_add(1));
        compressed || expected == packet.sequence
    }

    fn begin(&mut self, packet: &Packet) {
        let mut reader = Reader::new(packet.head());
        let code = reader.u8();
        let statement = reader.u32_le().unwrap_or(LAST_PREPARED);
        let command = match code {
            Some(command::QUERY) => Command::Query { tame: self.is_tame(packet) },
            Some(command::STMT_EXECUTE | command::STMT_BULK_EXECUTE) => Command::Execute(statement),
            Some(command::STMT_FETCH) => Command::Fetch(statement),
            Some(command::STMT_PREPARE) => Command::Prepare,
            Some(command::STMT_RESET) => Command::Reset(statement),
            Some(command::RESET_CONNECTION) => Command::ResetConnection,
            // It is answered and questioned alone, not among others.
            Some(command::CHANGE_USER) if self.running.is_empty() => Command::ChangeUser,
            Some(command::FIELD_LIST) => Command::FieldList,
            Some(command::PROCESS_INFO) => Command::Query { tame: true },
            Some(command::STATISTICS) => Command::Statistics,
            Some(
                command::INIT_DB
                | command::CREATE_DB
                | command::DROP_DB
                | command::REFRESH
                | command::SHUTDOWN
                | command::PROCESS_KILL
                | command::DEBUG
                | command::PING
                | command::SET_OPTION,
            ) => Command::Other,
            // These have no answer. What an answer that is still to come would say of the same statement could not be told from it.
            Some(command::STMT_SEND_LONG_DATA) if self.running.is_empty() => {
                return self.set_half_done(statement, true);
            }
            Some(command::STMT_CLOSE) => return self.set_half_done(statement, false),
            Some(command::QUIT) => return,
            // Replication, cloning and COM_MULTI turn the session into something else; what is unknown may too.
            _ => return self.lose(),
        };
        self.run(command, packet);
    }

    fn run(&mut self, command: Command, packet: &Packet) {
        if self.running.len() >= MOST_RUNNING {
            return self.lose();
        }
        self.running.push_back(Running { command, next: packet.sequence.wrapping_add(1) });
    }

    /// Whether a statement is half done.
    fn set_half_done(&mut self, statement: u32, half_done: bool) {
        let statement = if statement == LAST_PREPARED { self.last_prepared } else { statement };
        self.half_done.retain(|&other| other != statement);
        if self.half_done.len() >= MOST_HALF_DONE {
            return self.lose();
        }
        if half_done {
            self.half_done.push(statement);
        }
    }

    /// Whether the first word is of a statement that cannot open a transaction and then fail, as a procedure can. A comment
    /// before that word makes the answer no.
    fn is_tame(&self, packet: &Packet) -> bool {
        let text = packet.head().get(1..).unwrap_or_default();
        let text = match self.has(capability::QUERY_ATTRIBUTES) {
            // No attributes, in one set.
            true => text.strip_prefix(&[0, 1]).unwrap_or_default(),
            false => text,
        };
        let word = text.trim_ascii_start().split(u8::is_ascii_whitespace).next().unwrap_or_default();
        [&b"SELECT"[..], b"INSERT", b"UPDATE", b"DELETE", b"REPLACE"]
            .iter()
            .any(|tame| word.eq_ignore_ascii_case(tame))
    }
}
