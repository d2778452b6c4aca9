use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{Channel, ChannelKind, Delivery, MailServer, MessageKind, Secret};

use crate::pace::Pacer;
use crate::send;

/// Carries messages to the services behind channels. Cheap to share; holds the connections.
#[derive(Debug)]
pub struct Courier {
    client: reqwest::Client,
    pacer: Pacer,
    mails: send::Settled,
}

/// How patient a courier is.
#[derive(Debug, Clone, Copy)]
pub struct CourierOptions {
    /// How long a service may take to let itself be connected to.
    pub connect_within: Duration,
    /// How long it may take for everything, its whole answer included.
    pub answer_within: Duration,
}

impl Default for CourierOptions {
    fn default() -> CourierOptions {
        CourierOptions { connect_within: Duration::from_secs(10), answer_within: Duration::from_secs(20) }
    }
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
    /// The receipt of the latest message that this channel accepted about this incident, if there is one: it names the thread, or
    /// the message that is changed instead of sending another.
    pub earlier: Option<&'a str>,
    /// The time of this attempt.
    pub now: Timestamp,
}

/// The service accepted the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The service's own identifier for it, where it gives one; for mail also the recipients that were refused for good.
    pub id: Option<String>,
    /// Those recipients, each with the reason: whoever reads there was not told.
    pub refused: Vec<String>,
}

impl Receipt {
    /// For everybody, under this name.
    pub fn of(id: Option<String>) -> Receipt {
        Receipt { id, refused: Vec::new() }
    }
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
    /// Whoever we said we are was not let in. That is mended in the configuration or at the service, and then the message can still
    /// go.
    #[error("{reason}")]
    NotLetIn {
        /// One sentence for people, without secrets.
        reason: String,
        /// Until then it is not tried, so that no account is locked for it.
        retry_after: Duration,
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

    pub(crate) fn credentials(reason: impl Into<String>, retry_after: Option<Duration>) -> Refusal {
        const SLOWLY: Duration = Duration::from_secs(5 * 60);
        Refusal::NotLetIn { reason: reason.into(), retry_after: retry_after.unwrap_or(SLOWLY) }
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
        Courier::with_options(tls, CourierOptions::default())
    }

    /// The same with another patience.
    pub fn with_options(tls: rustls::ClientConfig, options: CourierOptions) -> Result<Courier, CourierError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_within)
            .timeout(options.answer_within)
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("mainstay/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Courier { client, pacer: Pacer::default(), mails: send::Settled::default() })
    }

    /// One sign of life.
    pub async fn beat(&self, url: &Secret, token: Option<&Secret>, now: Timestamp) -> Result<(), Refusal> {
        send::beat(&self.client, url, token, now).await
    }

    /// One attempt. It ends within a minute or the time that a program is given, for mail within half a minute for each recipient.
    pub async fn send(&self, outgoing: Outgoing<'_>) -> Result<Receipt, Refusal> {
        let line = |spacing| send::Line { client: &self.client, pacer: &self.pacer, outgoing, spacing };
        if outgoing.delivery.message.kind == MessageKind::Probe
            && let Some(answer) = self.probe(outgoing).await
        {
            return answer;
        }
        let shows = outgoing.channel.kind.shows_state();
        if outgoing.delivery.message.kind == MessageKind::TakenUp && !shows {
            // The channel was another one when that was decided.
            return Ok(Receipt::of(None));
        }
        match &outgoing.channel.kind {
            ChannelKind::Email { to } => send::mail(outgoing, to, &self.mails).await,
            ChannelKind::Discord { url } => send::discord(&line(Duration::ZERO), url).await,
            // Slack: one message a second to a channel, and a method of the Web API as often.
            ChannelKind::Slack { url } => send::slack(&line(Duration::from_secs(1)), url).await,
            ChannelKind::SlackBot(bot) => send::slack_bot(&line(Duration::from_secs(1)), bot).await,
            ChannelKind::Webhook { url, secret } => {
                send::webhook(&line(Duration::ZERO), url, secret.as_ref()).await
            }
            // Teams: four requests a second.
            ChannelKind::Teams { url } => send::teams(&line(Duration::from_millis(250)), url).await,
            ChannelKind::Telegram(chat) => send::telegram(&line(send::telegram_spacing(chat)), chat).await,
            ChannelKind::PagerDuty(service) => send::pagerduty(&line(Duration::ZERO), service).await,
            ChannelKind::Alertmanager(server) => send::alertmanager(&line(Duration::ZERO), server).await,
            ChannelKind::Ntfy(topic) => send::ntfy(&line(Duration::ZERO), topic).await,
            ChannelKind::TwilioSms(phone) => send::twilio_sms(&line(Duration::ZERO), phone).await,
            ChannelKind::TwilioCall(phone) => send::twilio_call(&line(Duration::ZERO), phone).await,
            ChannelKind::Http(spec) => send::request(&line(Duration::ZERO), spec).await,
            ChannelKind::Program(program) => send::program(outgoing, program).await,
        }
    }

    /// A trial that nobody notices; `None` where the service knows none, so that an ordinary message is the only proof.
    async fn probe(&self, outgoing: Outgoing<'_>) -> Option<Result<Receipt, Refusal>> {
        let (client, pacer, spacing) = (&self.client, &self.pacer, Duration::from_secs(1));
        let line = send::Line { client, pacer, outgoing, spacing };
        Some(match &outgoing.channel.kind {
            ChannelKind::Email { to } => send::probe_mail(outgoing, to).await,
            ChannelKind::Discord { url } => send::probe_discord(&line, url).await,
            ChannelKind::Slack { url } => send::probe_slack(&line, url).await,
            ChannelKind::SlackBot(bot) => send::probe_slack_bot(&line, bot).await,
            ChannelKind::Telegram(chat) => send::probe_telegram(&line, chat).await,
            ChannelKind::PagerDuty(service) => send::probe_pagerduty(&line, service).await,
            ChannelKind::Alertmanager(server) => send::probe_alertmanager(&line, server).await,
            ChannelKind::TwilioSms(phone) | ChannelKind::TwilioCall(phone) => {
                send::probe_twilio(&line, phone).await
            }
            // Their receivers are told by the kind of the message that nothing is wrong.
            ChannelKind::Webhook { .. } | ChannelKind::Http(_) | ChannelKind::Program(_) => return None,
            // These services post whatever they take; ntfy at least without a sound.
            ChannelKind::Teams { .. } | ChannelKind::Ntfy(_) => return None,
        })
    }
}
