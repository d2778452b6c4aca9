use super::packet::packet;
use crate::WireError;
use crate::reader::Reader;

/// An error as a server says it. Before the client has told its capabilities, there is no place for a SQLSTATE.
pub(super) fn error_packet(sequence: u8, number: u16, sqlstate: Option<&[u8; 5]>, message: &str) -> Vec<u8> {
    let mut payload = vec![0xff];
    payload.extend(number.to_le_bytes());
    if let Some(sqlstate) = sqlstate {
        payload.push(b'#');
        payload.extend(sqlstate);
    }
    payload.extend(message.as_bytes());
    packet(sequence, &payload)
}

/// An ERR packet.
#[derive(Debug)]
pub(super) struct ServerError {
    number: u16,
    message: Vec<u8>,
}

impl ServerError {
    /// Reads what follows the `0xFF`: number, and where the server knows it, `#` and SQLSTATE.
    pub(super) fn parse(body: &[u8]) -> Result<ServerError, WireError> {
        let mut reader = Reader::new(body);
        let number = reader.u16_le().ok_or(WireError::malformed("an error packet without a number"))?;
        if reader.rest().first() == Some(&b'#') {
            reader.take(6).ok_or(WireError::malformed("an error packet ends in its SQLSTATE"))?;
        }
        Ok(ServerError { number, message: reader.rest().to_vec() })
    }

    /// The error in place of a greeting, where it is never about credentials.
    pub(super) fn at_greeting(&self) -> WireError {
        WireError::refused(self.number.to_string(), &self.message)
    }

    /// The error as the answer to a log-in.
    pub(super) fn at_login(&self) -> WireError {
        if self.is_about_login() {
            WireError::login_rejected(self.number.to_string(), &self.message)
        } else {
            self.at_greeting()
        }
    }

    /// The error as the answer to a query.
    pub(super) fn at_query(&self) -> WireError {
        let number = self.number.to_string();
        if self.is_about_question() {
            WireError::question_refused(number, &self.message)
        } else {
            WireError::query_failed(number, &self.message)
        }
    }

    /// No right to do it (1044, 1142, 1143, 1227, 1370), an unknown or no database (1046, 1049), what is not there (1051, 1054,
    /// 1109, 1146, 1305), what is ambiguous (1052), wrong syntax (1064, 1065, 1149), wrong data (1292, 1365, 1366), a write
    /// where none is allowed (1290, 1792, 1836).
    fn is_about_question(&self) -> bool {
        [
            1044, 1046, 1049, 1051, 1052, 1054, 1064, 1065, 1109, 1142, 1143, 1146, 1149, 1227, 1290, 1292,
            1305, 1365, 1366, 1370, 1792, 1836,
        ]
        .contains(&self.number)
    }

    /// Access denied (1044, 1045, 1698), unknown database (1049), no right to connect or no such method (1130, 1251, 1275,
    /// 1524), password expired (1820, 1862), account locked (3118; 4151 in MariaDB), TLS required (3159).
    fn is_about_login(&self) -> bool {
        [1044, 1045, 1049, 1130, 1251, 1275, 1524, 1698, 1820, 1862, 3118, 3159, 4151].contains(&self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_says_who_is_to_act() {
        let error = |number: u16| ServerError { number, message: b"no".to_vec() };
        for number in [1044, 1045, 1049, 1698, 1862, 3118] {
            assert!(matches!(error(number).at_login(), WireError::LoginRejected { .. }), "{number}");
            assert!(matches!(error(number).at_greeting(), WireError::Refused { .. }), "{number}");
        }
        for number in [1040, 1053, 1129, 1203, 1226] {
            assert!(matches!(error(number).at_login(), WireError::Refused { .. }), "{number}");
        }
    }

    #[test]
    fn a_query_that_is_wrong_is_told_from_a_server_that_fails() {
        let error = |number: u16| ServerError { number, message: b"no".to_vec() }.at_query();
        for number in [1044, 1054, 1064, 1142, 1143, 1146] {
            assert!(matches!(error(number), WireError::QuestionRefused { .. }), "{number}");
        }
        for number in [1021, 1030, 1037, 1053, 1205, 1317, 3024] {
            assert!(matches!(error(number), WireError::QueryFailed { .. }), "{number}");
        }
    }

    #[test]
    fn errors_come_with_and_without_a_sqlstate() {
        let check = |body: &[u8]| {
            let expected = WireError::Refused { code: "1129".into(), message: "blocked".into() };
            assert_eq!(ServerError::parse(body).unwrap().at_greeting(), expected);
        };
        check(b"\x69\x04#HY000blocked");
        check(b"\x69\x04blocked");
        assert!(ServerError::parse(b"\x69").is_err());
        assert!(ServerError::parse(b"\x69\x04#HY").is_err());
    }
}
