//! How the answer to the first command goes on, by the server's packets.

use super::{Command, Stage, Talk, Transaction};
use crate::mysql::greeting::capability;
use crate::mysql::relay::flow::packets::{GREATEST, Packet};
use crate::mysql::relay::flow::status::Status;
use crate::reader::Reader;

impl Talk {
    pub(in crate::mysql::relay::flow) fn server(&mut self, packet: &Packet) {
        // Without a command there is nothing to say but good-bye.
        let Some(command) = self.current().filter(|_| self.is_numbered(packet)) else { return self.lose() };
        if packet.continues {
            return;
        }
        let first = packet.head().first().copied();
        match (self.stage, first) {
            (_, Some(0xff)) if command != Command::Statistics => self.error(command, packet),
            (Stage::Head, first) => self.head(command, first, packet),
            (Stage::Columns(left), _) => self.columns(left.saturating_sub(1)),
            (Stage::ColumnsEnd, Some(0xfe)) if packet.length < 9 => self.columns_end(command, packet),
            (Stage::Rows, Some(0xfe)) if self.is_end(packet) => self.end(command, packet),
            (Stage::Rows, _) => {}
            (Stage::Counted(left), _) => self.counted(left.saturating_sub(1)),
            (Stage::FileSent, Some(0x00)) => self.end(command, packet),
            (Stage::ColumnsEnd | Stage::File | Stage::FileSent, _) => self.lose(),
        }
    }

    fn head(&mut self, command: Command, first: Option<u8>, packet: &Packet) {
        match (command, first) {
            (Command::Query { .. } | Command::Execute(_), Some(0x00)) => self.end(command, packet),
            (Command::Query { .. }, Some(0xfb)) if self.running.len() == 1 => self.stage = Stage::File,
            (Command::Query { .. } | Command::Execute(_), Some(1..=0xfa | 0xfc..=0xfe)) => {
                self.result(packet)
            }
            (Command::Fetch(_), Some(0xfe)) if self.is_end(packet) => self.end(command, packet),
            (Command::Fetch(_), Some(_)) => self.stage = Stage::Rows,
            (Command::Prepare, Some(0x00)) => self.statement(packet),
            (Command::FieldList, Some(0xfe)) if self.is_end(packet) => self.end(command, packet),
            (Command::FieldList, Some(_)) | (Command::ChangeUser, Some(1..)) => {}
            (Command::Statistics, _) => self.over(),
            (Command::ResetConnection | Command::ChangeUser, Some(0x00)) => {
                self.half_done.clear();
                self.end(command, packet);
            }
            (Command::Reset(statement), Some(0x00)) => {
                self.set_half_done(statement, false);
                self.end(command, packet);
            }
            (Command::Other, Some(0x00 | 0xfe)) => self.end(command, packet),
            _ => self.lose(),
        }
    }

    /// Whether a packet that begins with 0xFE is an end, and not a row whose first value is longer than 16 MiB.
    fn is_end(&self, packet: &Packet) -> bool {
        packet.length < if self.has(capability::DEPRECATE_EOF) { GREATEST } else { 9 }
    }

    /// A result begins: the number of its columns, and whether their descriptions follow where that can be left out.
    fn result(&mut self, packet: &Packet) {
        let mut reader = Reader::new(packet.head());
        let Some(columns) = reader.length_encoded() else { return self.lose() };
        let optional = self.has(capability::OPTIONAL_RESULTSET_METADATA)
            || self.extended & capability::MARIADB_CACHE_METADATA != 0;
        match (optional, reader.u8()) {
            (true, Some(0)) => self.columns(0),
            (true, Some(1)) | (false, None) => self.columns(columns),
            _ => self.lose(),
        }
    }

    fn columns(&mut self, left: u64) {
        self.stage = match left {
            1.. => Stage::Columns(left),
            0 if self.has(capability::DEPRECATE_EOF) => Stage::Rows,
            0 => Stage::ColumnsEnd,
        };
    }

    fn columns_end(&mut self, command: Command, packet: &Packet) {
        match (command, Status::of(packet.head())) {
            // The rows of a cursor come when they are asked for.
            (Command::Execute(_), Some(status)) if status.has(Status::CURSOR_EXISTS) => {
                self.end(command, packet)
            }
            (_, Some(_)) => self.stage = Stage::Rows,
            (_, None) => self.lose(),
        }
    }

    /// A statement was prepared: descriptions of its parameters and columns follow, each lot with an EOF where there are EOFs.
    fn statement(&mut self, packet: &Packet) {
        let mut reader = Reader::new(packet.head());
        let (_, statement, columns, parameters) =
            (reader.u8(), reader.u32_le(), reader.u16_le(), reader.u16_le());
        let (Some(statement), Some(columns), Some(parameters)) = (statement, columns, parameters) else {
            return self.lose();
        };
        self.last_prepared = statement;
        let _filler_and_warnings = reader.take(3);
        let described = !self.has(capability::OPTIONAL_RESULTSET_METADATA) || reader.u8() != Some(0);
        let eof = u64::from(!self.has(capability::DEPRECATE_EOF));
        let lot = |size: u16| if size == 0 { 0 } else { eof + if described { u64::from(size) } else { 0 } };
        self.counted(lot(parameters) + lot(columns));
    }

    fn counted(&mut self, left: u64) {
        match left {
            0 => self.over(),
            _ => self.stage = Stage::Counted(left),
        }
    }

    /// An OK or EOF packet ends a result.
    fn end(&mut self, command: Command, packet: &Packet) {
        let Some(status) = Status::of(packet.head()) else { return self.lose() };
        self.note(status);
        match command {
            Command::Execute(statement) => self.set_half_done(statement, status.has(Status::CURSOR_EXISTS)),
            Command::Fetch(statement) if status.has(Status::LAST_ROW_SENT) => {
                self.set_half_done(statement, false)
            }
            _ => {}
        }
        let several = matches!(command, Command::Query { .. } | Command::Execute(_));
        if several && status.has(Status::MORE_RESULTS_EXISTS) { self.again(command) } else { self.over() }
    }

    pub(in crate::mysql::relay::flow) fn note(&mut self, status: Status) {
        self.autocommit = status.has(Status::AUTOCOMMIT);
        let open = status.has(Status::IN_TRANS);
        self.transaction = if open { Transaction::Open } else { Transaction::None };
    }

    /// Another result of the same command follows. Which statement it is of is not known.
    fn again(&mut self, command: Command) {
        self.stage = Stage::Head;
        if let (Command::Query { .. }, Some(running)) = (command, self.running.front_mut()) {
            running.command = Command::Query { tame: false };
        }
    }

    fn error(&mut self, command: Command, packet: &Packet) {
        // MariaDB tells by errors of this number how far a long statement has come.
        if packet.head().get(1..3) == Some(&[0xff, 0xff]) {
            return;
        }
        let tame = match command {
            Command::Query { tame } => tame && self.autocommit,
            Command::Execute(statement) => {
                self.set_half_done(statement, false);
                false
            }
            _ => true,
        };
        if !tame && self.transaction == Transaction::None {
            self.transaction = Transaction::Unknown;
        }
        self.over();
    }

    /// A change of user, the only command, is answered with this packet.
    pub(in crate::mysql::relay::flow) fn user_changed(&mut self, packet: &[u8]) {
        match (packet.first(), Status::of(packet)) {
            (Some(0x00), Some(status)) => {
                self.half_done.clear();
                self.note(status);
                self.over();
            }
            (Some(0xff), _) => self.over(),
            _ => self.lose(),
        }
    }

    /// The first command is answered.
    fn over(&mut self) {
        self.running.pop_front();
        self.stage = Stage::Head;
    }
}
