use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use mainstay_model::{
    ChannelName, Delivery, DeliveryId, DeliveryState, IncidentId, Landscape, Message, MessageKind, Random,
    Severity, nearest,
};
use mainstay_notify::{Courier, Outgoing, Receipt, Refusal};
use tracing::level_filters::LevelFilter;

use crate::clock;
use crate::config;

/// Try a channel.
#[derive(Debug, Args)]
pub(crate) struct Channel {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a trial message by a channel of the configuration, and show what its service says.
    Test {
        /// The channel's name in the configuration.
        name: String,
    },
}

impl Channel {
    /// Exits with 0 when the service took the message, and with 1 when not.
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let Command::Test { name } = self.command;
        let landscape = match config::load(config, &config::environment) {
            Ok(loaded) => loaded.landscape,
            Err(problems) => return super::refuse(&problems),
        };
        super::in_runtime(LevelFilter::WARN, test(landscape, name))
    }
}

#[expect(clippy::print_stdout, reason = "this is where a command speaks to the person who called it")]
async fn test(landscape: Landscape, name: String) -> anyhow::Result<()> {
    let said = trial(&landscape, &name, &crate::service::courier()?, clock::now()).await?;
    println!("{said}");
    Ok(())
}

/// Sends the message and says what came of it; an error says why it was not taken.
async fn trial(
    landscape: &Landscape,
    name: &str,
    courier: &Courier,
    now: Timestamp,
) -> anyhow::Result<String> {
    let (name, channel) = landscape.channels.get_key_value(name).ok_or_else(|| unknown(landscape, name))?;
    let delivery = delivery(name.clone(), &landscape.operator_url, now);
    let mail = landscape.mail.as_ref();
    let outgoing = Outgoing { delivery: &delivery, channel, mail, earlier: None, now };
    match courier.send(outgoing).await {
        Ok(Receipt { id: Some(id), .. }) => {
            Ok(format!("{name} works: the service took the message and said {id}."))
        }
        Ok(Receipt { id: None, .. }) => Ok(format!("{name} works: the service took the message.")),
        Err(Refusal::Later { reason, .. }) => {
            anyhow::bail!("{name} did not take the message; it would be tried again: {reason}")
        }
        Err(Refusal::NotLetIn { reason, .. }) => {
            anyhow::bail!("{name} does not let Mainstay in; mend its credentials: {reason}")
        }
        Err(Refusal::Never { reason }) => {
            anyhow::bail!("{name} did not take the message and never will as it is: {reason}")
        }
    }
}

fn unknown(landscape: &Landscape, name: &str) -> anyhow::Error {
    let known: Vec<&str> = landscape.channels.keys().map(ChannelName::as_str).collect();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None if known.is_empty() => "the configuration has no channels; add one under `channels`".into(),
        None => format!("known are {}", known.join(", ")),
    };
    anyhow::anyhow!("there is no channel {name}: {hint}")
}

fn delivery(channel: ChannelName, operator_url: &str, now: Timestamp) -> Delivery {
    let mut random = Random::seeded(clock::seed());
    let message = message(&channel, operator_url, now, &mut random);
    Delivery {
        id: DeliveryId::new(now, &mut random),
        channel,
        sequence: 1,
        created_at: now,
        message,
        again_of: None,
        state: DeliveryState::Queued { next_attempt_at: now, attempts: 0, last_error: None },
    }
}

fn message(channel: &ChannelName, operator_url: &str, now: Timestamp, random: &mut Random) -> Message {
    let id = IncidentId::new(now, random);
    let title = format!("Trial of the channel {channel}");
    let cause = "Nothing is wrong: somebody tries whether messages arrive here.".into();
    Message::about_itself(MessageKind::Test, id, Severity::Info, title, cause, operator_url, now)
}

#[cfg(test)]
mod tests {
    use mainstay_model::{Channel, ChannelKind, Secret};
    use mainstay_testkit::{Answer, Receiver};

    use super::*;

    async fn tried(name: &str, answer: Answer) -> (Result<String, String>, Receiver) {
        let receiver = Receiver::start(move |_| answer.clone()).await;
        let url = Secret::new(receiver.url("/hunter2"));
        let channel = Channel { kind: ChannelKind::Discord { url }, provider: None };
        let channels = [("ops".parse().unwrap(), channel)].into();
        let landscape =
            Landscape { channels, operator_url: "http://127.0.0.1:8080".into(), ..Landscape::default() };
        let courier = crate::service::courier().unwrap();
        let said = trial(&landscape, name, &courier, clock::now()).await;
        (said.map_err(|error| format!("{error:#}")), receiver)
    }

    #[tokio::test]
    async fn what_the_service_says_is_shown() {
        let (said, receiver) = tried("ops", Answer::new(200, r#"{"id": "77"}"#)).await;
        assert_eq!(said.unwrap(), "ops works: the service took the message and said 77.");
        let embed = &receiver.received()[0].json()["embeds"][0];
        assert_eq!(embed["title"], "Mainstay test: this channel works");
        let (said, _) = tried("ops", Answer::new(503, "busy")).await;
        assert_eq!(
            said.unwrap_err(),
            "ops did not take the message; it would be tried again: the service answered 503 Service Unavailable: busy"
        );
        let (said, _) = tried("ops", Answer::new(404, "")).await;
        assert_eq!(
            said.unwrap_err(),
            "ops did not take the message and never will as it is: the service answered 404 Not Found"
        );
    }

    #[tokio::test]
    async fn a_channel_that_does_not_exist_is_told_with_those_that_do() {
        let (said, receiver) = tried("opps", Answer::new(200, "")).await;
        assert_eq!(said.unwrap_err(), "there is no channel opps: did you mean ops?");
        assert!(receiver.received().is_empty());
        let (said, _) = tried("telephone", Answer::new(200, "")).await;
        assert_eq!(said.unwrap_err(), "there is no channel telephone: known are ops");
    }
}
