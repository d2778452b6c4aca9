//! What each service needs to be told a message by. What grants access is a [`Secret`].

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{HeaderName, Secret};

/// A chat of a Telegram bot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Telegram {
    /// The bot's token.
    pub token: Secret,
    /// The chat's number, or `@` and the name of a public channel.
    pub chat: String,
    /// Where the Bot API is, without a trailing slash. Absent: `https://api.telegram.org`.
    pub api_url: Option<String>,
}

/// A service of PagerDuty, by its Events API v2.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PagerDuty {
    /// The integration key of the service.
    pub routing_key: Secret,
    /// Where the Events API is, without a trailing slash. Absent: `https://events.pagerduty.com`.
    pub api_url: Option<String>,
}

/// A Prometheus Alertmanager.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Alertmanager {
    /// Its address, to which `/api/v2/alerts` is added; it may hold user and password.
    pub url: Secret,
    /// A bearer token, where a proxy in front of it wants one.
    pub token: Option<Secret>,
}

/// A topic of an ntfy server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ntfy {
    /// The topic's address. On a public server whoever knows it can read along, so it is a secret.
    pub url: Secret,
    /// Who may write to it, where the server asks.
    pub login: Option<Login>,
}

/// How one says who one is to an HTTP server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Login {
    /// `Authorization: Bearer …`.
    Token(Secret),
    /// `Authorization: Basic …`.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
}

/// A telephone that Twilio reaches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Twilio {
    /// The account's SID, `AC…`.
    pub account: String,
    /// The SID of an API key, `SK…`. Absent: `token` is the account's own.
    pub key: Option<String>,
    /// The secret of the key, or the account's auth token.
    pub token: Secret,
    /// Who sends: a number in E.164 form; for text messages also the SID of a messaging service, or a name.
    pub from: String,
    /// The number that is reached, in E.164 form.
    pub to: String,
    /// Where the API is, without a trailing slash. Absent: `https://api.twilio.com`.
    pub api_url: Option<String>,
}

/// A channel of a Slack workspace, by a bot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SlackBot {
    /// The bot's token, `xoxb-…`.
    pub token: Secret,
    /// The channel's identifier, such as `C0123456789`, or its name.
    pub channel: String,
    /// Where the Web API is, without a trailing slash. Absent: `https://slack.com/api`.
    pub api_url: Option<String>,
}

/// An HTTP request that is made of each message. Address, headers and body are templates.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpRequest {
    /// The method, in capitals.
    pub method: String,
    /// Where it goes.
    pub url: Secret,
    /// Headers; their values may hold tokens.
    pub headers: BTreeMap<HeaderName, Secret>,
    /// What is sent, which may hold a token; absent for a request without a body.
    pub body: Option<Secret>,
    /// The status codes that mean that it was accepted. Empty: 200 to 299.
    pub expect: Vec<u16>,
}

/// A program on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Program {
    /// The program and its arguments, at least one.
    pub command: Vec<String>,
    /// How long it may run.
    pub timeout: Duration,
}
