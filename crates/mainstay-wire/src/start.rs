/// How a conversation comes to be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsStart {
    /// The protocol's own request, inside its plaintext opening. Protocols that have none start with TLS.
    InProtocol,
    /// TLS from the first byte.
    Direct,
    /// Not at all.
    Never,
}
