//! The services: one file each, which knows how a message is handed over and what the answer means.

mod alertmanager;
mod beat;
mod discord;
mod http;
mod mail;
mod ntfy;
mod pagerduty;
mod post;
mod program;
mod request;
mod signature;
mod slack;
mod slack_bot;
mod teams;
mod telegram;
mod twilio;
mod unsaid;
mod webhook;

pub use signature::sign;

pub(crate) use alertmanager::{probe as probe_alertmanager, send as alertmanager};
pub(crate) use beat::send as beat;
pub(crate) use discord::{probe as probe_discord, send as discord};
pub(crate) use http::Line;
pub(crate) use mail::{Settled, probe as probe_mail, send as mail};
pub(crate) use ntfy::send as ntfy;
pub(crate) use pagerduty::{probe as probe_pagerduty, send as pagerduty};
pub(crate) use program::send as program;
pub(crate) use request::send as request;
pub(crate) use slack::{probe as probe_slack, send as slack};
pub(crate) use slack_bot::{probe as probe_slack_bot, send as slack_bot};
pub(crate) use teams::send as teams;
pub(crate) use telegram::{probe as probe_telegram, send as telegram, spacing as telegram_spacing};
pub(crate) use twilio::{call as twilio_call, probe as probe_twilio, sms as twilio_sms};
pub(crate) use webhook::send as webhook;
