use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Certificate, PASSWORD, refused};

/// A longer packet than this is none of ours.
const LONGEST: usize = 16 * 1024;

/// CLIENT_PROTOCOL_41, CLIENT_CONNECT_WITH_DB, CLIENT_SSL, CLIENT_SECURE_CONNECTION, CLIENT_PLUGIN_AUTH.
const CAPABILITIES: u32 = 0x200 | 0x8 | 0x800 | 0x8000 | 0x8_0000;

/// Length of an SSLRequest, which is a HandshakeResponse41 cut short.
const SSL_REQUEST: usize = 32;

/// The greeting, SSLRequest, a password in the clear inside TLS, and `1` as the answer to every query.
pub(super) async fn serve(mut stream: TcpStream, certificate: Certificate) -> io::Result<()> {
    stream.write_all(&packet(0, &greeting())).await?;
    let (_, request) = next(&mut stream).await?;
    if request.len() != SSL_REQUEST {
        return Err(refused("an SSLRequest comes first"));
    }
    let mut stream = certificate.accept(stream).await?;

    let (sequence, _) = next(&mut stream).await?;
    let switch = b"\xfemysql_clear_password\0";
    stream.write_all(&packet(sequence.wrapping_add(1), switch)).await?;
    let (sequence, password) = next(&mut stream).await?;
    if password != format!("{PASSWORD}\0").as_bytes() {
        let error = b"\xff\x15\x04#28000Access denied for this user";
        return stream.write_all(&packet(sequence.wrapping_add(1), error)).await;
    }
    stream.write_all(&packet(sequence.wrapping_add(1), b"\0\0\0\x02\0\0\0")).await?;
    loop {
        let (sequence, command) = next(&mut stream).await?;
        match command.first() {
            Some(0x01) => return stream.shutdown().await,
            Some(0x03) => stream.write_all(&one(sequence)).await?,
            _ => stream.write_all(&packet(sequence.wrapping_add(1), b"\0\0\0\x02\0\0\0")).await?,
        }
    }
}

/// HandshakeV10.
fn greeting() -> Vec<u8> {
    let [low0, low1, high0, high1] = CAPABILITIES.to_le_bytes();
    let mut bytes = b"\x0a8.4.3-acme\0\x01\0\0\0abcdefgh\0".to_vec();
    bytes.extend([low0, low1, 45, 2, 0, high0, high1, 21]);
    bytes.extend([0; 10]);
    bytes.extend(b"ijklmnopqrst\0mysql_native_password\0");
    bytes
}

/// A result set of one column and one row, in the old form with EOF packets.
fn one(sequence: u8) -> Vec<u8> {
    const END: &[u8] = b"\xfe\0\0\x02\0";
    const COLUMN: &[u8] = b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0";
    let parts: [&[u8]; 5] = [b"\x01", COLUMN, END, b"\x011", END];
    let numbered = (1..).zip(parts).map(|(offset, part)| packet(sequence.wrapping_add(offset), part));
    numbered.flatten().collect()
}

fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    [&length[..3], &[sequence], body].concat()
}

async fn next(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await?;
    let [low, middle, high, sequence] = header;
    let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
    if length > LONGEST {
        return Err(refused("a packet too long"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((sequence, body))
}
