use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// The range lies below the one that the kernel takes for outgoing connections (32768 and up on Linux), so that a
/// port stays free between being chosen here and being listened on.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;
/// Test processes that run at the same time begin this far apart.
const STRIDE: u32 = 97;

/// A TCP port of 127.0.0.1 that nobody listens on, never the same twice in one process.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id().wrapping_mul(STRIDE) % u32::from(COUNT);
    for _ in 0..COUNT {
        let offset = (start + u32::from(NEXT.fetch_add(1, Ordering::Relaxed))) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).expect("an offset is below the count");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port between {FIRST} and {} is free on 127.0.0.1", FIRST + COUNT);
}
