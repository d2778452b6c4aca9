//! Mails that come back: delivery status notifications (RFC 3464), and what servers send in their place.

use mainstay_model::{Bounce, BounceKind, DeliveryId};

/// More of a message is not read. What is looked for stands before the mail that came back, or at its beginning.
const LARGEST: usize = 256 * 1024;

/// What is kept of what a server said.
const LONGEST_REASON: usize = 300;

/// A UUID in its usual form.
const ID_LENGTH: usize = 36;

/// Headers of a bounce that hold the address that it was sent to, which names the message.
const ADDRESSED: [&str; 5] = ["to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to"];

/// Reads a message that came to the address for bounces. `None` when it says of no message of ours that it did not arrive: it is an
/// automatic answer, tells that the mail was delivered, or names no identifier.
pub fn bounce(message: &[u8]) -> Option<Bounce> {
    let text = String::from_utf8_lossy(&message[..message.len().min(LARGEST)]);
    let lines = unfolded(&text);
    let head = lines.iter().take_while(|line| !line.is_empty());
    let fields: Vec<(String, &str)> = lines.iter().filter_map(|line| field(line)).collect();
    let delivery = addressed(head.filter_map(|line| field(line))).or_else(|| returned(&fields))?;
    let (fate, reason) = standard(&fields).or_else(|| customary(&fields, &lines))?;
    Some(Bounce { delivery, fate, reason: cut(&reason) })
}

/// Lines with those that go on from the one before (RFC 5322, section 2.2.3) joined.
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) && !last.is_empty() => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push(line.trim_end().to_owned()),
        }
    }
    lines
}

fn field(line: &str) -> Option<(String, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then(|| (name.to_ascii_lowercase(), value.trim()))
}

/// The message that the address of the bounce names.
fn addressed<'a>(mut head: impl Iterator<Item = (String, &'a str)>) -> Option<DeliveryId> {
    head.find_map(|(name, value)| identifier(value).filter(|_| ADDRESSED.contains(&name.as_str())))
}

/// The message that the returned mail is: its `Message-ID` begins with the identifier.
fn returned(fields: &[(String, &str)]) -> Option<DeliveryId> {
    let theirs = fields.iter().filter(|(name, _)| name == "message-id" || name == "original-envelope-id");
    theirs.rev().find_map(|(_, value)| identifier(value))
}

/// The first UUID in a text.
fn identifier(text: &str) -> Option<DeliveryId> {
    let starts = text.char_indices().map(|(start, _)| start);
    starts.filter_map(|start| text.get(start..start + ID_LENGTH)).find_map(|part| part.parse().ok())
}

/// The fields of a delivery status (RFC 3464, section 2.3): of one recipient, because each mail has one.
fn standard(fields: &[(String, &str)]) -> Option<(BounceKind, String)> {
    let value = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
    let action = value("action").map(|action| action.to_ascii_lowercase());
    let status = value("status").unwrap_or_default();
    let fate = match (action.as_deref(), status.as_bytes().first()) {
        (Some("failed"), _) | (None, Some(b'5')) => BounceKind::Lost,
        (Some("delayed"), _) | (None, Some(b'4')) => BounceKind::Delayed,
        // Delivered, relayed and expanded are no trouble (section 2.3.3).
        _ => return None,
    };
    let said =
        value("diagnostic-code").map(|code| code.split_once(';').map_or(code, |(_, text)| text.trim()));
    Some((fate, said.map_or_else(|| format!("status {status}"), str::to_owned)))
}

/// What servers say that send no delivery status: Exim in a header, qmail and others in a sentence.
fn customary(fields: &[(String, &str)], lines: &[String]) -> Option<(BounceKind, String)> {
    const GIVEN_UP: [&str; 4] =
        ["this is a permanent error", "delivery to the following", "could not be delivered", "undeliverable"];
    let has = |wanted: &str| fields.iter().any(|(name, _)| name == wanted);
    let is_by_server = fields.iter().any(|(name, value)| {
        let value = value.to_ascii_lowercase();
        name == "from" && (value.contains("mailer-daemon") || value.contains("postmaster"))
    });
    let says = |words: &str| lines.iter().any(|line| line.to_ascii_lowercase().contains(words));
    let reply = |class: char| lines.iter().find(|line| replies_with(line, class)).cloned();
    if has("x-failed-recipients") || is_by_server && GIVEN_UP.iter().any(|words| says(words)) {
        return Some((
            BounceKind::Lost,
            reply('5').unwrap_or_else(|| "the mail server gave it up".to_owned()),
        ));
    }
    let is_delayed = is_by_server && (says("delayed") || says("will keep trying"));
    is_delayed.then(|| {
        (BounceKind::Delayed, reply('4').unwrap_or_else(|| "the mail server still tries".to_owned()))
    })
}

/// Whether a line holds the reply of an SMTP server of this class, such as `550 5.1.1 no such user`.
fn replies_with(line: &str, class: char) -> bool {
    line.split_ascii_whitespace().any(|word| {
        let code = word.trim_matches(|c: char| !c.is_ascii_digit());
        code.len() == 3 && code.starts_with(class) && code.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn cut(reason: &str) -> String {
    let words: Vec<&str> = reason.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0197f0a1-2b3c-7d4e-8f50-112233445566";

    /// What is read of a message to the address of bounces, `{id}` being the identifier.
    fn check(message: &str, expected: Option<(BounceKind, &str)>) {
        let read = bounce(message.replace("{id}", ID).as_bytes());
        let expected = expected.map(|(fate, reason)| Bounce {
            delivery: ID.parse().unwrap(),
            fate,
            reason: reason.to_owned(),
        });
        assert_eq!(read, expected, "{message}");
    }

    /// A notification as Postfix makes it.
    fn notification(action: &str, status: &str, said: &str) -> String {
        format!(
            "From: MAILER-DAEMON@mail.example.test (Mail Delivery System)\r\n\
             To: bounces+{{id}}@example.test\r\nSubject: Undelivered Mail Returned to Sender\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"b\"\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nI'm sorry to have to inform you\r\n\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.example.test\r\n\r\n\
             Final-Recipient: rfc822; anna@away.test\r\nAction: {action}\r\nStatus: {status}\r\n\
             Remote-MTA: dns; mail.away.test\r\nDiagnostic-Code: smtp; {said}\r\n\r\n--b--\r\n"
        )
    }

    #[test]
    fn a_delivery_status_says_what_became_of_it() {
        let folded = "550 5.1.1 no such\r\n    mailbox";
        check(
            &notification("failed", "5.1.1", folded),
            Some((BounceKind::Lost, "550 5.1.1 no such mailbox")),
        );
        // A server that gave up after days reports the last temporary reply.
        check(&notification("failed", "4.4.1", "timed out"), Some((BounceKind::Lost, "timed out")));
        check(&notification("delayed", "4.4.1", "timed out"), Some((BounceKind::Delayed, "timed out")));
        check(&notification("delivered", "2.0.0", "250 ok"), None);
        check(&notification("relayed", "2.0.0", "250 ok"), None);
    }

    #[test]
    fn without_the_address_the_returned_mail_names_the_message() {
        let text = "From: postmaster@example.test\nTo: status@example.test\n\nAction: failed\nStatus: 5.2.2\n\n\
                    Message-ID: <{id}@example.test>\nSubject: x\n";
        check(text, Some((BounceKind::Lost, "status 5.2.2")));
        check(
            "From: postmaster@example.test\nTo: status@example.test\n\nAction: failed\nStatus: 5.2.2\n",
            None,
        );
    }

    #[test]
    fn servers_without_a_delivery_status_are_understood() {
        let exim = "X-Failed-Recipients: anna@away.test\nTo: bounces+{id}@example.test\n\n  anna@away.test\n\
                    host mail.away.test [192.0.2.1]\nSMTP error: 550 unknown user\n";
        check(exim, Some((BounceKind::Lost, "SMTP error: 550 unknown user")));
        let qmail = "From: MAILER-DAEMON@away.test\nTo: bounces+{id}@example.test\n\nHi. This is the qmail-send program.\n\
                     This is a permanent error; I've given up. Sorry it didn't work out.\n";
        check(qmail, Some((BounceKind::Lost, "the mail server gave it up")));
        let warning = "From: Mail Delivery System <Mailer-Daemon@away.test>\nTo: bounces+{id}@example.test\n\
                       Subject: Warning: message delayed 24 hours\n\n";
        check(warning, Some((BounceKind::Delayed, "the mail server still tries")));
    }

    #[test]
    fn an_automatic_answer_is_no_bounce() {
        let vacation = "From: anna@away.test\nTo: bounces+{id}@example.test\nAuto-Submitted: auto-replied\n\n\
                        I am away; this could not be delivered in 550 words.\n";
        check(vacation, None);
        check("", None);
    }

    #[test]
    fn whatever_comes_is_read_to_an_end() {
        let mut random = mainstay_model::Random::seeded(7);
        let sample = notification("failed", "5.1.1", "550").replace("{id}", ID).into_bytes();
        for _ in 0..2000 {
            let mut bytes = sample.clone();
            for _ in 0..8 {
                let place = random.next_u64() as usize % bytes.len();
                bytes[place] = random.next_u64() as u8;
            }
            bytes.truncate(random.next_u64() as usize % (bytes.len() + 1));
            if let Some(read) = bounce(&bytes) {
                assert!(read.reason.chars().count() <= LONGEST_REASON);
            }
        }
        assert_eq!(bounce(&b"To: \xc3\xa4".repeat(200_000)), None);
    }
}
