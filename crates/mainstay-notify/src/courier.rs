use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{Channel, ChannelKind, Delivery, MailServer, Secret};

use crate::{http, mail, render};

/// Carries messages to the services behind channels. Cheap to share; holds the connections.
#[derive(Debug)]
pub struct Courier {
    client: reqwest::Client,
    mails: mail::Settled,
}

/// One attempt to be made.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The message and its stable identifier.
    pub delivery: &'a Delivery,
    /// The channel of that name.
    pub channel: &'a Channel,
    /// Where mail is handed in, if the configuration says so.
    pub mail: Option<&'a MailServer>,
    /// The time of this attempt.
    pub now: Timestamp,
}

/// The service accepted the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The service's own identifier for it, where it gives one; for mail also the recipients that were refused for good.
    pub id: Option<String>,
}

/// Why the service did not accept the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It may accept it later.
    #[error("{reason}")]
    Later {
        /// One sentence for people, without secrets.
        reason: String,
        /// When the service wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It never will: asking again would only do harm.
    #[error("{reason}")]
    Never {
        /// One sentence for people, without secrets.
        reason: String,
    },
}

impl Refusal {
    pub(crate) fn later(reason: impl Into<String>) -> Refusal {
        Refusal::Later { reason: reason.into(), retry_after: None }
    }

    /// Whoever we said we are was not let in. That is mended in the configuration or at the service, and then the message
    /// can still go; until then it is tried slowly, so that no account is locked for it.
    pub(crate) fn credentials(reason: impl Into<String>, retry_after: Option<Duration>) -> Refusal {
        const SLOWLY: Duration = Duration::from_secs(5 * 60);
        Refusal::Later { reason: reason.into(), retry_after: Some(retry_after.unwrap_or(SLOWLY)) }
    }

    pub(crate) fn never(reason: impl Into<String>) -> Refusal {
        Refusal::Never { reason: reason.into() }
    }
}

/// The HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client for messages")]
pub struct CourierError(#[from] reqwest::Error);

impl Courier {
    /// `tls` says which roots are trusted for the services' HTTPS.
    pub fn new(tls: rustls::ClientConfig) -> Result<Courier, CourierError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(20))
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("mainstay/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Courier { client, mails: mail::Settled::default() })
    }

    /// One sign of life.
    pub async fn beat(&self, url: &Secret, token: Option<&Secret>, now: Timestamp) -> Result<(), Refusal> {
        http::beat(&self.client, url, token, now).await
    }

    /// One attempt. It ends within half a minute, for mail within half a minute for each recipient.
    pub async fn send(&self, outgoing: Outgoing<'_>) -> Result<Receipt, Refusal> {
        let message = &outgoing.delivery.message;
        match &outgoing.channel.kind {
            ChannelKind::Email { to } => mail::send(outgoing, to, &self.mails).await,
            ChannelKind::Discord { url } => {
                http::discord(&self.client, url, outgoing.now, &render::discord(message)).await
            }
            ChannelKind::Slack { url } => {
                http::slack(&self.client, url, outgoing.now, &render::slack(message)).await
            }
            ChannelKind::Webhook { url, secret } => {
                let body = render::webhook(message).to_string();
                http::webhook(&self.client, url, secret.as_ref(), outgoing, body).await
            }
        }
    }
}
