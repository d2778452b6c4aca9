use crate::WireError;
use crate::reader::Reader;

/// Capabilities, by the names of the protocol without their `CLIENT_`.
pub(super) mod capability {
    pub(in super::super) const LONG_PASSWORD: u32 = 1;
    pub(in super::super) const CONNECT_WITH_DB: u32 = 1 << 3;
    pub(in super::super) const COMPRESS: u32 = 1 << 5;
    pub(in super::super) const PROTOCOL_41: u32 = 1 << 9;
    pub(in super::super) const SSL: u32 = 1 << 11;
    pub(in super::super) const TRANSACTIONS: u32 = 1 << 13;
    pub(in super::super) const SECURE_CONNECTION: u32 = 1 << 15;
    pub(in super::super) const PLUGIN_AUTH: u32 = 1 << 19;
    pub(in super::super) const CONNECT_ATTRS: u32 = 1 << 20;
    pub(in super::super) const PLUGIN_AUTH_LENENC_CLIENT_DATA: u32 = 1 << 21;
    pub(in super::super) const DEPRECATE_EOF: u32 = 1 << 24;
    pub(in super::super) const OPTIONAL_RESULTSET_METADATA: u32 = 1 << 25;
    pub(in super::super) const ZSTD_COMPRESSION_ALGORITHM: u32 = 1 << 26;
    pub(in super::super) const QUERY_ATTRIBUTES: u32 = 1 << 27;
    /// Of MariaDB's extended ones, whose bits are counted anew.
    pub(in super::super) const MARIADB_CACHE_METADATA: u32 = 1 << 4;
}

/// What a server says first (HandshakeV10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) capabilities: u32,
    /// MariaDB's further capabilities; none where the server is MySQL.
    pub(super) extended: u32,
    /// Random bytes to prove the password against, 20 of them.
    pub(super) scramble: Vec<u8>,
    /// The log-in method that the server proposes.
    pub(super) plugin: Vec<u8>,
}

impl Greeting {
    /// Reads what follows the protocol version. Errors on servers before 4.1 (2004) too.
    pub(super) fn parse(body: &[u8]) -> Result<Greeting, WireError> {
        let greeting =
            parse(&mut Reader::new(body)).ok_or(WireError::malformed("its greeting ends too early"))?;
        if !(greeting.offers(capability::PROTOCOL_41) && greeting.offers(capability::SECURE_CONNECTION)) {
            return Err(WireError::malformed("it speaks only the protocol from before version 4.1"));
        }
        Ok(greeting)
    }

    pub(super) fn offers(&self, capability: u32) -> bool {
        self.capabilities & capability != 0
    }
}

fn parse(reader: &mut Reader<'_>) -> Option<Greeting> {
    let _version = reader.until_nul()?;
    let _thread = reader.u32_le()?;
    let mut scramble = reader.take(8)?.to_vec();
    let _filler = reader.u8()?;
    let low = reader.u16_le()?;
    let _charset_and_status = reader.take(3)?;
    let high = reader.u16_le()?;
    let scramble_length = usize::from(reader.u8()?);
    let _reserved = reader.take(6)?;
    let extended = reader.u32_le()?;
    let capabilities = u32::from(high) << 16 | u32::from(low);
    // The rest of the scramble is at least 13 bytes long, of which the last is a NUL.
    let rest = reader.take(scramble_length.saturating_sub(8).max(13))?;
    scramble.extend(rest.strip_suffix(b"\0").unwrap_or(rest));
    // Servers before 5.5.7 leave the NUL after the name out.
    let plugin = match capabilities & capability::PLUGIN_AUTH {
        0 => NATIVE,
        _ => reader.until_nul().unwrap_or(reader.rest()),
    };
    let extended = extended_capabilities(capabilities, extended);
    Some(Greeting { capabilities, extended, scramble, plugin: plugin.to_vec() })
}

/// Four bytes that are reserved in MySQL hold more capabilities in MariaDB, which takes the first one away to say so.
pub(super) fn extended_capabilities(capabilities: u32, reserved: u32) -> u32 {
    if capabilities & capability::LONG_PASSWORD == 0 { reserved } else { 0 }
}

/// The same greeting, without its protocol version, with other capabilities; `None` where it is none.
pub(super) fn with_capabilities(body: &[u8], capabilities: u32) -> Option<Vec<u8>> {
    // After the server's version and its NUL: thread, half of the scramble, filler.
    let low = body.iter().position(|&byte| byte == 0)? + 1 + 4 + 8 + 1;
    // Character set and status are in between.
    let high = low + 2 + 1 + 2;
    let [first, second, third, fourth] = capabilities.to_le_bytes();
    let mut edited = body.to_vec();
    edited.get_mut(low..low + 2)?.copy_from_slice(&[first, second]);
    edited.get_mut(high..high + 2)?.copy_from_slice(&[third, fourth]);
    Some(edited)
}

/// Errors on bytes that no server of this protocol begins with: the first packet has number 0 and holds the protocol's version or
/// an error.
pub(super) fn is_expected(input: &[u8]) -> Result<(), WireError> {
    let alien_number = input.get(3).is_some_and(|&number| number != 0);
    let alien_version = input.get(4).is_some_and(|version| ![10, 0xff].contains(version));
    if alien_number || alien_version {
        return Err(WireError::wrong_protocol("a MySQL greeting", input));
    }
    Ok(())
}

/// The method of servers that do not name one.
pub(super) const NATIVE: &[u8] = b"mysql_native_password";

#[cfg(test)]
mod tests {
    use super::*;

    /// A greeting of MariaDB 10.11, without the packet's header and the protocol version.
    pub(crate) const MARIADB: &[u8] =
        b"5.5.5-10.11.19-MariaDB-0+deb12u1\0\x07\0\0\0abcdefgh\0\xfe\xf7\x2d\x02\0\
        \xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0ijklmnopqrst\0mysql_native_password\0";

    #[test]
    fn mariadbs_greeting_is_read() {
        let greeting = Greeting::parse(MARIADB).unwrap();
        assert_eq!(greeting.scramble, b"abcdefghijklmnopqrst");
        assert_eq!(greeting.plugin, b"mysql_native_password");
        assert!(greeting.offers(capability::PLUGIN_AUTH) && greeting.offers(capability::SECURE_CONNECTION));
    }

    #[test]
    fn capabilities_are_exchanged_in_their_place_alone() {
        let greeting = Greeting::parse(MARIADB).unwrap();
        assert_eq!(greeting.capabilities, 0x81ff_f7fe);
        assert_eq!(greeting.extended, 0x1d);
        let edited = with_capabilities(MARIADB, 0x1234_8200).unwrap();
        let parsed = Greeting::parse(&edited).unwrap();
        assert_eq!(parsed, Greeting { capabilities: 0x1234_8200, ..greeting.clone() });
        assert_eq!(with_capabilities(&edited, greeting.capabilities).unwrap(), MARIADB);
        let mysql = Greeting::parse(&with_capabilities(MARIADB, 0x81ff_f7ff).unwrap()).unwrap();
        assert_eq!(mysql.extended, 0, "reserved bytes mean nothing in MySQL");
    }

    #[test]
    fn every_truncation_is_noticed_or_a_plugin_cut_short() {
        let name_begins = MARIADB.len() - NATIVE.len() - 1;
        for length in 0..name_begins {
            assert!(Greeting::parse(&MARIADB[..length]).is_err(), "{length}");
        }
        assert_eq!(Greeting::parse(&MARIADB[..MARIADB.len() - 1]).unwrap().plugin, NATIVE);
    }
}
