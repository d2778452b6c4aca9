use super::frame;
use crate::WireError;
use crate::reader::Reader;

/// The fields of an ErrorResponse that a check looks at.
#[derive(Debug)]
pub(super) struct ServerError {
    /// SQLSTATE.
    code: String,
    message: Vec<u8>,
}

impl ServerError {
    /// Reads the body of an ErrorResponse: fields of a type byte and a text, until a type of 0.
    pub(super) fn parse(body: &[u8]) -> Result<ServerError, WireError> {
        let mut reader = Reader::new(body);
        let (mut code, mut message) = (String::new(), Vec::new());
        loop {
            let kind = reader.u8().ok_or(TRUNCATED)?;
            if kind == 0 {
                return Ok(ServerError { code, message });
            }
            let text = reader.until_nul().ok_or(TRUNCATED)?;
            match kind {
                b'C' => code = crate::text::tidy(text),
                b'M' => message = text.to_vec(),
                _ => {}
            }
        }
    }

    /// Whether this refuses the credentials, the user or the database, rather than the connection as such.
    ///
    /// Classes and codes as in PostgreSQL's Appendix A: 28 is invalid authorisation, 3D000 an unknown database, 42501 a
    /// user who may not connect to it.
    pub(super) fn is_about_login(&self) -> bool {
        self.code.starts_with("28")
            || ["3D000", "42501"].contains(&self.code.as_str())
            || self.code == "08P01" && self.refuses_credentials()
    }

    /// PgBouncer gives 08P01 with everything that it says itself, from an unknown user to a server that it cannot reach; then
    /// only the words tell. What it says of its own log-in to the server is not about ours.
    fn refuses_credentials(&self) -> bool {
        let words = String::from_utf8_lossy(&self.message).to_ascii_lowercase();
        let about =
            ["no such user", "no such database", "authentication", "auth failed", "password", "not allowed"];
        !words.contains("server login") && about.iter().any(|part| words.contains(part))
    }

    /// The error as one before or during log-in.
    pub(super) fn at_login(self) -> WireError {
        if self.is_about_login() {
            WireError::login_rejected(self.code, &self.message)
        } else {
            WireError::refused(self.code, &self.message)
        }
    }

    /// The error as the answer to a query.
    pub(super) fn at_query(self) -> WireError {
        if self.is_about_question() {
            WireError::question_refused(self.code, &self.message)
        } else {
            WireError::query_failed(self.code, &self.message)
        }
    }

    /// Whether the query is at fault, and not the server: class 22 is wrong data, 42 wrong syntax, names or rights; 0A000 is
    /// what the server does not have, 25006 a write where none is allowed, 26000 and 34000 names of what was never made.
    fn is_about_question(&self) -> bool {
        let class = self.code.get(..2).unwrap_or_default();
        ["22", "42"].contains(&class) || ["0A000", "25006", "26000", "34000"].contains(&self.code.as_str())
    }
}

/// Whether this is the error of a server that cannot start a process for us, in the form from before 2003: `E`, a text,
/// NUL. In today's form a length follows, whose first byte is 0.
pub(super) fn is_ancient(input: &[u8]) -> bool {
    matches!(input, [b'E', first, ..] if *first != 0)
}

/// An ErrorResponse that ends the connection, for whoever speaks in the place of a server.
pub(super) fn fatal(code: &str, message: &str) -> Vec<u8> {
    // A NUL would end the field.
    let message = message.replace('\0', " ");
    frame::frame(b'E', format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0").as_bytes())
}

const TRUNCATED: WireError = WireError::Malformed { reason: "an error message ends in the middle" };

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str) -> ServerError {
        let body = format!("SFATAL\0VFATAL\0C{code}\0Mno,\n never\0Fauth.c\0\0");
        ServerError::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn the_sqlstate_says_who_is_to_act() {
        let check = |code: &str, about_login: bool| {
            let expected = if about_login {
                WireError::LoginRejected { code: code.into(), message: "no, never".into() }
            } else {
                WireError::Refused { code: code.into(), message: "no, never".into() }
            };
            assert_eq!(error(code).at_login(), expected);
        };
        check("28P01", true);
        check("28000", true);
        check("3D000", true);
        check("42501", true);
        check("53300", false);
        check("57P03", false);
        check("57P01", false);
        check("XX000", false);
    }

    #[test]
    fn the_words_of_a_pooler_say_who_is_to_act() {
        let check = |words: &str, about_login: bool| {
            let error = ServerError { code: "08P01".into(), message: words.as_bytes().to_vec() };
            let rejected = matches!(error.at_login(), WireError::LoginRejected { .. });
            assert_eq!(rejected, about_login, "{words}");
        };
        check("no such user: monitor", true);
        check("no such database: orders", true);
        check("SASL authentication failed", true);
        check("password authentication failed", true);
        check("pgbouncer cannot connect to server", false);
        check("query_wait_timeout", false);
        check("client_login_timeout (server down)", false);
        check("server login has been failing, cached error: password authentication failed", false);
    }

    #[test]
    fn a_query_that_is_wrong_is_told_from_a_server_that_fails() {
        let ours = |code: &str| matches!(error(code).at_query(), WireError::QuestionRefused { .. });
        for code in ["42P01", "42601", "42501", "22012", "0A000", "25006"] {
            assert!(ours(code), "{code}");
        }
        for code in ["53200", "57014", "57P01", "XX000", "40001", "", "4"] {
            assert!(!ours(code), "{code}");
        }
    }

    #[test]
    fn what_is_said_in_the_place_of_a_server_can_be_read() {
        let message = fatal("08006", "no\0way");
        assert_eq!((message[0], usize::from(message[4])), (b'E', message.len() - 1));
        let error = ServerError::parse(&message[5..]).unwrap();
        assert_eq!((error.code.as_str(), &error.message[..]), ("08006", &b"no way"[..]));
    }

    #[test]
    fn truncated_errors_are_malformed() {
        for body in [&b""[..], b"S", b"SFATAL", b"SFATAL\0"] {
            assert_eq!(ServerError::parse(body).unwrap_err(), TRUNCATED);
        }
    }
}
