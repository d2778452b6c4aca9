use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Certificate, PASSWORD, refused};

/// A longer message than this is none of ours.
const LONGEST: usize = 16 * 1024;

/// The code of an SSLRequest (PostgreSQL, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// SSLRequest, a password in the clear inside TLS, and `1` as the answer to every query.
pub(super) async fn serve(mut stream: TcpStream, certificate: Certificate) -> io::Result<()> {
    let mut request = [0; 8];
    stream.read_exact(&mut request).await?;
    if request != SSL_REQUEST {
        return Err(refused("an SSLRequest comes first"));
    }
    stream.write_all(b"S").await?;
    let mut stream = certificate.accept(stream).await?;

    let length = stream.read_u32().await?;
    let startup = body(&mut stream, length).await?;
    if !is_trusted(&startup) {
        stream.write_all(&message(b'R', &3u32.to_be_bytes())).await?;
        let (kind, password) = next(&mut stream).await?;
        if kind != b'p' || password != format!("{PASSWORD}\0").as_bytes() {
            let fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0";
            return stream.write_all(&message(b'E', fields)).await;
        }
    }
    stream.write_all(&welcome()).await?;
    loop {
        match next(&mut stream).await? {
            (b'Q', _) => stream.write_all(&one()).await?,
            (b'X', _) => return stream.shutdown().await,
            _ => return Err(refused("only queries are answered")),
        }
    }
}

/// The shop comes through the relay, to which it speaks plaintext; a password in the clear has no place there.
fn is_trusted(startup: &[u8]) -> bool {
    startup.windows(10).any(|window| window == b"user\0shop\0")
}

fn welcome() -> Vec<u8> {
    let mut bytes = message(b'R', &0u32.to_be_bytes());
    bytes.extend(message(b'S', b"server_version\x0017.2\0"));
    bytes.extend(message(b'K', &[0, 0, 0, 1, 0, 0, 0, 1]));
    bytes.extend(message(b'Z', b"I"));
    bytes
}

/// One column of type int4, one row, the end, and ready again.
fn one() -> Vec<u8> {
    let column = b"\0\x01?column?\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0";
    let mut bytes = message(b'T', column);
    bytes.extend(message(b'D', b"\0\x01\0\0\0\x011"));
    bytes.extend(message(b'C', b"SELECT 1\0"));
    bytes.extend(message(b'Z', b"I"));
    bytes
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[kind], length.to_be_bytes().as_slice(), body].concat()
}

async fn next(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await?;
    let length = stream.read_u32().await?;
    Ok((kind, body(stream, length).await?))
}

async fn body(stream: &mut (impl AsyncReadExt + Unpin), length: u32) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
    let length = length
        .filter(|length| *length <= LONGEST)
        .ok_or_else(|| refused("a message too long or too short"))?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(body)
}
