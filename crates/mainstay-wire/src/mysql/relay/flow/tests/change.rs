//! Changes of user in which the relay takes part.

use super::*;
use crate::mysql::relay::key::Key;
use crate::mysql::relay::key::tests::encrypt;

const FULL: &[u8] = b"\x01\x04";
const RANDOM: &[u8] = b"tsrqponmlkjihgfedcba";

fn switch(method: &[u8]) -> Vec<u8> {
    [b"\xfe", method, b"\0", RANDOM, b"\0"].concat()
}

fn key() -> Vec<u8> {
    [b"\x01", Key::ours().unwrap().pem().as_bytes()].concat()
}

fn change() -> Said {
    asks(command::CHANGE_USER, b"other\0\0shop\0\x2d\0caching_sha2_password\0")
}

/// Plays a session in which the relay answers for the server, and gives what went to either.
fn play(capabilities: u32, said: &[Said]) -> (Vec<u8>, Vec<u8>) {
    let said = said.iter().map(|(side, bytes, rests)| (*side, &bytes[..], *rests)).collect::<Vec<_>>();
    check_flow(|| Box::new(session(capabilities, true)), &said)
}

#[test]
fn a_new_user_whose_password_the_server_remembers_passes() {
    check_with(
        || session(0, true),
        &[
            change(),
            says(false, &[&switch(b"caching_sha2_password")]),
            (Client, packet(2, &[9; 32]), false),
            says_from(3, false, &[b"\x01\x03"]),
            says_from(4, true, &[OK]),
            asks(command::PING, b""),
            says(true, &[OK]),
            change(),
            says(true, &[ERROR]),
        ],
    );
}

#[test]
fn a_new_users_password_is_taken_under_the_relays_key() {
    for (method, asked, question) in
        [(&b"caching_sha2_password"[..], true, b"\x02"), (b"sha256_password", false, b"\x01")]
    {
        let secret = encrypt(Key::ours().unwrap().pem(), b"se cret", RANDOM);
        let mut said = vec![change(), says(false, &[&switch(method)])];
        // Where the server has to ask for it first, its question and the answer before it are two packets more.
        let at = if asked { 4 } else { 2 };
        if asked {
            said.push((Client, packet(2, &[9; 32]), false));
            said.push(says_from(3, false, &[FULL]));
        }
        said.extend([
            (Client, packet(at, question), false),
            (Client, packet(at + 2, &secret), false),
            says_from(at + 1, true, &[OK]),
            asks(command::PING, b""),
            says(true, &[OK]),
        ]);
        let (server, client) = play(0, &said);
        let before = |side: Side| -> Vec<u8> {
            let all = said[..said.len() - 5].iter().filter(|said| said.0 == side);
            all.flat_map(|said| said.1.clone()).collect()
        };
        let expected = [before(Client), packet(at, b"se cret\0"), packet(0, b"\x0e")].concat();
        assert_eq!(server, expected);
        let expected = [before(Server), packet(at + 1, &key()), packet(at + 3, OK), packet(1, OK)].concat();
        assert_eq!(client, expected);
    }
}

#[test]
fn the_same_in_a_compressed_session() {
    let framed = |(side, bytes, rests): Said| (side, frame(&bytes), rests);
    let secret = encrypt(Key::ours().unwrap().pem(), b"se cret", SCRAMBLE);
    let said = [
        change(),
        says(false, &[FULL]),
        (Client, packet(2, b"\x02"), false),
        (Client, packet(4, &secret), false),
        says_from(3, true, &[OK]),
        asks(command::PING, b""),
        says(true, &[OK]),
    ]
    .map(framed);
    let (server, client) = play(capability::COMPRESS, &said);
    let ping = frame(&packet(0, b"\x0e"));
    assert_eq!(server, [&said[0].1[..], &frame(&packet(2, b"se cret\0")), &ping].concat());
    let answers = [frame(&packet(3, &key())), frame(&packet(5, OK)), frame(&packet(1, OK))];
    assert_eq!(client, [&said[1].1[..], &answers.concat()].concat());
}

#[test]
fn a_password_that_cannot_be_read_is_refused_aloud() {
    let (server, client) = play(
        0,
        &[
            change(),
            says(false, &[FULL]),
            (Client, packet(2, b"\x02"), false),
            (Client, packet(4, &[7; 256]), false),
            asks(command::PING, b""),
            says_from(3, false, &[ERROR]),
        ],
    );
    assert_eq!(server, [change().1, packet(0, b"\x0e")].concat());
    let refusal = client.escape_ascii().to_string();
    assert!(refusal.contains(r"\x05\xffQ\x04#HY000Mainstay: the application encrypted"), "{refusal}");
}

#[test]
fn what_is_said_out_of_turn_passes_as_it_is() {
    check_with(
        || session(0, true),
        &[change(), (Client, packet(0, b"\x0e"), false), says(false, &[OK]), says(false, &[OK])],
    );
    let both = [packet(1, OK), packet(2, OK)].concat();
    check_with(|| session(0, true), &[change(), (Server, both, false)]);
    check_with(|| session(0, true), &[change(), (Server, b"\xff\xff\xff\x01data".to_vec(), false)]);
    // The server does not wait for the end of an answer.
    check_with(
        || session(0, true),
        &[
            change(),
            says(false, &[FULL]),
            (Client, b"\x05\0\0".to_vec(), false),
            says_from(2, false, &[ERROR]),
            (Client, b"\x02clear".to_vec(), false),
        ],
    );
    let garbled = b"\x02\0\0\0\x09\0\0no".to_vec();
    let framed = frame(&change().1);
    check_with(
        || session(capability::COMPRESS, true),
        &[(Client, framed.clone(), false), (Server, garbled.clone(), false)],
    );
    check_with(|| session(capability::COMPRESS, true), &[(Client, framed, false), (Client, garbled, false)]);
}
