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
    /// user who may not connect to it, 08P01 what PgBouncer says of an unknown user or database.
    pub(super) fn is_about_login(&self) -> bool {
        self.code.starts_with("28") || ["3D000", "42501", "08P01"].contains(&self.code.as_str())
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
        WireError::query_failed(self.code, &self.message)
    }
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
    fn truncated_errors_are_malformed() {
        for body in [&b""[..], b"S", b"SFATAL", b"SFATAL\0"] {
            assert_eq!(ServerError::parse(body).unwrap_err(), TRUNCATED);
        }
    }
}
