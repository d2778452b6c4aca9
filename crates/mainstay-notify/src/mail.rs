use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as Letter, Tokio1Executor};
use mainstay_model::{MailSecurity, MailServer};

use crate::courier::{Outgoing, Receipt, Refusal};
use crate::render;

/// Hands one mail, to all recipients of the channel, to the mail server.
pub(crate) async fn send(outgoing: Outgoing<'_>, to: &[String]) -> Result<Receipt, Refusal> {
    let server = outgoing.mail.ok_or_else(|| {
        Refusal::never("no mail server is configured; add a mail section to the configuration")
    })?;
    let letter = letter(outgoing, server, to)?;
    let transport = transport(server).await?;
    let answer = transport.send(letter).await.map_err(refused)?;
    Ok(Receipt { id: answer.first_word().map(|_| answer.message().collect::<Vec<_>>().join(" ")) })
}

fn letter(outgoing: Outgoing<'_>, server: &MailServer, to: &[String]) -> Result<Letter, Refusal> {
    let message = &outgoing.delivery.message;
    let rendered = render::mail(message);
    let from: Mailbox = parse("from", &server.from)?;
    let domain = from.email.domain().to_owned();
    let mut builder = Letter::builder()
        .from(from)
        .subject(rendered.subject)
        .message_id(Some(format!("<{}@{domain}>", outgoing.delivery.id)))
        // Every mail about one incident answers to the same invisible first one, so that it is one thread.
        .in_reply_to(format!("<incident-{}@{domain}>", message.incident.id))
        .references(format!("<incident-{}@{domain}>", message.incident.id))
        .date(std::time::SystemTime::from(outgoing.now))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".into(),
        ));
    for address in to {
        builder = builder.to(parse("to", address)?);
    }
    builder
        .multipart(MultiPart::alternative_plain_html(rendered.text, rendered.html))
        .map_err(|error| Refusal::never(format!("the mail cannot be built: {error}")))
}

fn parse(what: &str, address: &str) -> Result<Mailbox, Refusal> {
    address
        .parse()
        .map_err(|error| Refusal::never(format!("{address:?} is no mail address ({what}): {error}")))
}

async fn transport(server: &MailServer) -> Result<AsyncSmtpTransport<Tokio1Executor>, Refusal> {
    let tls = match server.security {
        MailSecurity::Tls => Tls::Wrapper(parameters(server).await?),
        MailSecurity::StartTls => Tls::Required(parameters(server).await?),
        MailSecurity::Plaintext => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(tls)
        .timeout(Some(Duration::from_secs(20)));
    if let Some((user, password)) = &server.login {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
    }
    Ok(builder.build())
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

fn refused(error: lettre::transport::smtp::Error) -> Refusal {
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(deeper) = deepest.source() {
        deepest = deeper;
    }
    let code = error.status().map(u16::from);
    let reason = match code {
        Some(code) => format!("the mail server answered {code}: {deepest}"),
        None if error.is_timeout() => "the mail server did not answer in time".to_owned(),
        None => format!("the mail could not be handed in: {deepest}"),
    };
    // A refused log-in (530, 534, 535) is mended in the configuration, and then the mail can still go.
    let for_ever = error.is_permanent() && !matches!(code, Some(530 | 534 | 535));
    if for_ever { Refusal::never(reason) } else { Refusal::later(reason) }
}
