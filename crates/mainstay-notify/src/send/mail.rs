mod settled;

use std::time::Duration;

use lettre::address::{Address, Envelope};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, Tls, TlsParameters,
};
use lettre::transport::smtp::commands::{Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as Letter, Tokio1Executor};
use mainstay_model::{DeliveryId, MailSecurity, MailServer};

use crate::courier::{Outgoing, Receipt, Refusal};
use crate::render;

pub(crate) use settled::Settled;

use settled::Outcome;

/// How long the mail server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Hands the mail to the mail server, once for each recipient, so that one bad mailbox does not silence the others.
///
/// It is accepted when at least one recipient was accepted and none is still waiting; the receipt and the log name those
/// who were refused for good.
pub(crate) async fn send(
    outgoing: Outgoing<'_>,
    to: &[String],
    settled: &Settled,
) -> Result<Receipt, Refusal> {
    let server = outgoing.mail.ok_or_else(no_server)?;
    let line = line(server).await?;
    let id = outgoing.delivery.id;
    let mut waiting = None;
    for recipient in to {
        if settled.outcome(id, recipient).is_some() {
            continue;
        }
        match hand_in(outgoing, server, &line, recipient).await {
            Ok(said) => settled.settle(id, recipient, Outcome::Accepted(said)),
            Err(Fault::Recipient(Refusal::Never { reason })) => {
                tracing::warn!(delivery.id = %id, "no mail for {recipient}: {reason}");
                settled.settle(id, recipient, Outcome::Refused(reason));
            }
            Err(Fault::Recipient(later)) => {
                waiting.get_or_insert(later);
            }
            // The others would only wait for the same.
            Err(Fault::Server(refusal)) => return Err(refusal),
        }
    }
    if let Some(later) = waiting {
        return Err(later);
    }
    let outcome = conclude(to, |recipient| settled.outcome(id, recipient));
    settled.forget(id);
    outcome
}

/// Goes as far as a mail goes without its text, and sends nothing: the server lets us in, and would take one for each recipient.
pub(crate) async fn probe(outgoing: Outgoing<'_>, to: &[String]) -> Result<Receipt, Refusal> {
    let server = outgoing.mail.ok_or_else(no_server)?;
    let returns_to = returns_to(server, outgoing.delivery.id, &parse("from", &server.from)?)?;
    let to = to.iter().map(|recipient| parse("to", recipient)).collect::<Result<Vec<Mailbox>, Refusal>>()?;
    let tls = tls(server).await?;
    let refusal = |error| match refused(&error) {
        Fault::Recipient(refusal) | Fault::Server(refusal) => refusal,
    };
    let mut connection = connect(server, tls).await.map_err(refusal)?;
    let answer = offer(&mut connection, server, returns_to, to).await;
    // It ends with QUIT, after which nothing of the mail is left (RFC 5321, section 4.1.1.10).
    connection.abort().await;
    answer.map(|()| Receipt::of(None)).map_err(refusal)
}

async fn connect(server: &MailServer, tls: Tls) -> Result<AsyncSmtpConnection, Error> {
    let (wrapper, starttls) = match tls {
        Tls::Wrapper(parameters) => (Some(parameters), None),
        Tls::Required(parameters) | Tls::Opportunistic(parameters) => (None, Some(parameters)),
        Tls::None => (None, None),
    };
    let (at, us) = ((server.host.as_str(), server.port), ClientId::default());
    let mut connection = AsyncSmtpConnection::connect_tokio1(at, Some(PATIENCE), &us, wrapper, None).await?;
    if let Some(parameters) = starttls {
        connection.starttls(parameters, &us).await?;
    }
    Ok(connection)
}

async fn offer(
    connection: &mut AsyncSmtpConnection,
    server: &MailServer,
    from: Address,
    to: Vec<Mailbox>,
) -> Result<(), Error> {
    if let Some(credentials) = credentials(server) {
        connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
    }
    connection.command(Mail::new(Some(from), Vec::new())).await?;
    for recipient in to {
        connection.command(Rcpt::new(recipient.email, Vec::new())).await?;
    }
    Ok(())
}

fn no_server() -> Refusal {
    Refusal::never("no mail server is configured; add a mail section to the configuration")
}

/// Why a mail was not handed in.
enum Fault {
    /// The mail server answered about this recipient or this mail.
    Recipient(Refusal),
    /// It does not answer, or does not let us in: this is about every recipient.
    Server(Refusal),
}

async fn hand_in(
    outgoing: Outgoing<'_>,
    server: &MailServer,
    line: &AsyncSmtpTransportBuilder,
    recipient: &str,
) -> Result<String, Fault> {
    let letter = letter(outgoing, server, recipient).map_err(Fault::Recipient)?;
    // A connection of its own for each: one that is kept would be a second one for the server while it is put away.
    let transport: AsyncSmtpTransport<Tokio1Executor> = line.clone().build();
    let answer = transport.send(letter).await;
    transport.shutdown().await;
    let answer = answer.map_err(|error| refused(&error))?;
    Ok(answer.message().collect::<Vec<_>>().join(" "))
}

/// What a delivery came to that waits for nobody any more.
fn conclude(to: &[String], outcome: impl Fn(&str) -> Option<Outcome>) -> Result<Receipt, Refusal> {
    let (mut said, mut refused) = (None, Vec::new());
    for recipient in to {
        match outcome(recipient) {
            Some(Outcome::Accepted(words)) => said = said.or(Some(words)),
            Some(Outcome::Refused(reason)) => refused.push(format!("{recipient}: {reason}")),
            // More recipients than are remembered: this one was asked, and is not waiting.
            None => said = said.or_else(|| Some(String::new())),
        }
    }
    let reasons = refused.join("; ");
    match said {
        None => Err(Refusal::never(reasons)),
        Some(said) if refused.is_empty() => Ok(Receipt::of((!said.is_empty()).then_some(said))),
        Some(said) => Ok(Receipt { id: Some(format!("{said} (but refused for good: {reasons})")), refused }),
    }
}

fn letter(outgoing: Outgoing<'_>, server: &MailServer, recipient: &str) -> Result<Letter, Refusal> {
    let message = &outgoing.delivery.message;
    let rendered = render::mail(message);
    let from: Mailbox = parse("from", &server.from)?;
    let domain = from.email.domain().to_owned();
    let to = parse("to", recipient)?;
    let returns_to = returns_to(server, outgoing.delivery.id, &from)?;
    let envelope = Envelope::new(Some(returns_to), vec![to.email.clone()])
        .map_err(|error| Refusal::never(format!("the mail cannot be built: {error}")))?;
    Letter::builder()
        .envelope(envelope)
        .from(from)
        .to(to)
        .subject(rendered.subject)
        .message_id(Some(format!("<{}@{domain}>", outgoing.delivery.id)))
        // Every mail about one incident answers to the same invisible first one, so that it is one thread.
        .in_reply_to(format!("<incident-{}@{domain}>", message.incident.id))
        .references(format!("<incident-{}@{domain}>", message.incident.id))
        .date(std::time::SystemTime::from(outgoing.now))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".into(),
        ))
        .multipart(MultiPart::alternative_plain_html(rendered.text, rendered.html))
        .map_err(|error| Refusal::never(format!("the mail cannot be built: {error}")))
}

/// Where a mail that does not arrive comes back to: an address for each message, so that a bounce is known by its own.
fn returns_to(server: &MailServer, id: DeliveryId, from: &Mailbox) -> Result<Address, Refusal> {
    let Some(pattern) = &server.bounce_address else { return Ok(from.email.clone()) };
    Ok(parse("bounce_address", &pattern.replace("{id}", &id.to_string()))?.email)
}

fn parse(what: &str, address: &str) -> Result<Mailbox, Refusal> {
    address
        .parse()
        .map_err(|error| Refusal::never(format!("{address:?} is no mail address ({what}): {error}")))
}

/// How to reach the mail server.
async fn line(server: &MailServer) -> Result<AsyncSmtpTransportBuilder, Refusal> {
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(tls(server).await?)
        .timeout(Some(PATIENCE));
    Ok(match credentials(server) {
        Some(credentials) => builder.credentials(credentials),
        None => builder,
    })
}

fn credentials(server: &MailServer) -> Option<Credentials> {
    let (user, password) = server.login.as_ref()?;
    Some(Credentials::new(user.clone(), password.expose().to_owned()))
}

async fn tls(server: &MailServer) -> Result<Tls, Refusal> {
    Ok(match server.security {
        MailSecurity::Tls => Tls::Wrapper(parameters(server).await?),
        MailSecurity::StartTls => Tls::Required(parameters(server).await?),
        MailSecurity::Plaintext => Tls::None,
    })
}

async fn parameters(server: &MailServer) -> Result<TlsParameters, Refusal> {
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(file) = &server.ca_file {
        let pem = tokio::fs::read(file)
            .await
            .map_err(|error| Refusal::later(format!("cannot read {}: {error}", file.display())))?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|error| Refusal::later(format!("no certificate in {}: {error}", file.display())))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build().map_err(|error| Refusal::later(format!("cannot set up TLS for mail: {error}")))
}

fn refused(error: &Error) -> Fault {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(deeper) = deepest.source() {
        deepest = deeper;
    }
    match error.status().map(u16::from) {
        Some(code) => {
            let reason = format!("the mail server answered {code}: {deepest}");
            match code {
                530 | 534 | 535 => Fault::Server(Refusal::credentials(reason, None)),
                // Not available, shutting down (RFC 5321, section 4.2.2).
                421 => Fault::Server(Refusal::later(reason)),
                _ if error.is_permanent() => Fault::Recipient(Refusal::never(reason)),
                _ => Fault::Recipient(Refusal::later(reason)),
            }
        }
        None if error.is_timeout() => Fault::Server(Refusal::later("the mail server did not answer in time")),
        None => Fault::Server(Refusal::later(format!("the mail could not be handed in: {deepest}"))),
    }
}
