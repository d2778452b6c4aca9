//! The channels of the configuration: their keys, their words, and what they become.

use std::collections::BTreeMap;
use std::time::Duration;

use mainstay_model::{self as model, ChannelKind, HeaderName, ProviderName, Secret};

use super::mask::quoted;
use super::reader::Reader;
use super::sections::Root;
use super::shape::{At, Form, Given, Many, Named, Names, Spanned, section};
use super::source::Span;
use super::urls::{BaseLink, HookUrl, Mailbox};
use super::words::{Count, Hidden, Length, Name, Text, Word};

section! {
    /// A means of telling somebody: exactly one of the first keys, which names the service.
    Channel one_of(
        "email", "discord", "slack", "webhook", "teams", "telegram", "pagerduty", "alertmanager", "ntfy",
        "twilio_sms", "twilio_call", "slack_bot", "http", "program"
    ) {
        /// Mail to one address or several. Needs `mail`.
        email: Many<Mailbox> => Optional, "oncall@example.com";
        /// The address of a Discord webhook.
        discord: HookUrl => Optional, "${DISCORD_WEBHOOK}";
        /// The address of a Slack incoming webhook.
        slack: HookUrl => Optional, "${SLACK_WEBHOOK}";
        /// An HTTP endpoint of yours, which takes Standard Webhooks.
        webhook: HookUrl => Optional, "https://bot.example.com/hook";
        /// The address of a workflow of Microsoft Teams.
        teams: HookUrl => Optional, "${TEAMS_WORKFLOW}";
        /// A chat that a Telegram bot is in.
        telegram: Given<Telegram> => Optional;
        /// The integration key of a service of PagerDuty (Events API v2).
        pagerduty: Hidden => Optional, "${PAGERDUTY_ROUTING_KEY}";
        /// The address of a Prometheus Alertmanager, which the incident is sent to as an alert.
        alertmanager: HookUrl => Optional, "http://alertmanager.example.com:9093";
        /// The address of a topic of an ntfy server.
        ntfy: HookUrl => Optional, "${NTFY_TOPIC_URL}";
        /// A text message by Twilio.
        twilio_sms: Given<TwilioSms> => Optional;
        /// A telephone call by Twilio.
        twilio_call: Given<TwilioCall> => Optional;
        /// A channel of a Slack workspace, which a bot writes to: one incident is one thread.
        slack_bot: Given<SlackBot> => Optional;
        /// Any HTTP request, made of the message by templates.
        http: Given<Http> => Optional;
        /// A program on this machine and its arguments. It gets the message as JSON on its standard input; no shell is involved.
        program: Many<Text> => Optional, "[/usr/local/bin/tell, --loud]";
        /// The signing secret of `webhook`: `whsec_` and base64, or any text.
        secret: At<Hidden> => Optional, "${HOOK_SECRET}";
        /// Whose service it is, where that is one you depend on: a key of `providers`. Rehearsals count on no channel whose provider has failed.
        provider: At<Name<ProviderName>> => Optional, "acme-db";
        /// The access token of `ntfy`, or the bearer token that stands before `alertmanager`.
        token: At<Hidden> => Optional, "${NTFY_TOKEN}";
        /// The user of `ntfy`, with `password`, where no token is used.
        user: At<Text> => Optional, "mainstay";
        /// The password of `user`.
        password: At<Hidden> => Optional, "${NTFY_PASSWORD}";
        /// Where `pagerduty` is found, for its European service or a proxy. Default: `https://events.pagerduty.com`.
        api_url: At<BaseLink> => Optional, "https://events.eu.pagerduty.com";
        /// How long `program` may run before it is killed with everything that it started. Default: 30s.
        timeout: At<Length<100>> => Optional, "30s";
    }
}

section! {
    /// A chat that a Telegram bot is in.
    Telegram {
        /// The bot's token, from @BotFather.
        token: Hidden => Required, "${TELEGRAM_TOKEN}";
        /// The number of the chat, which of a group is negative, or `@` and the name of a public channel.
        chat: ChatName => Required, "\"-1001234567890\"";
        /// Where the Bot API is, for a server of your own or a proxy. Default: `https://api.telegram.org`.
        api_url: BaseLink => Optional, "https://telegram.example.com";
    }
}

section! {
    /// A text message by Twilio.
    TwilioSms {
        /// The SID of the account.
        account: Text => Required, "AC00000000000000000000000000000000";
        /// The SID of an API key. Default: `token` is the account's own.
        key: Text => Optional, "SK00000000000000000000000000000000";
        /// The secret of the API key, or the auth token of the account.
        token: Hidden => Required, "${TWILIO_TOKEN}";
        /// Who sends: a number, the SID of a messaging service, or a name of up to 11 letters and digits.
        from: SmsSender => Required, "\"+15550100\"";
        /// The number that gets it.
        to: PhoneNumber => Required, "\"+442079460000\"";
        /// Where the API is, for a proxy or another region. Default: `https://api.twilio.com`.
        api_url: BaseLink => Optional, "https://api.dublin.ie1.twilio.com";
    }
}

section! {
    /// A telephone call by Twilio, which says the message twice.
    TwilioCall {
        /// The SID of the account.
        account: Text => Required, "AC00000000000000000000000000000000";
        /// The SID of an API key. Default: `token` is the account's own.
        key: Text => Optional, "SK00000000000000000000000000000000";
        /// The secret of the API key, or the auth token of the account.
        token: Hidden => Required, "${TWILIO_TOKEN}";
        /// The number that calls.
        from: PhoneNumber => Required, "\"+15550100\"";
        /// The number that is called.
        to: PhoneNumber => Required, "\"+442079460000\"";
        /// Where the API is, for a proxy or another region. Default: `https://api.twilio.com`.
        api_url: BaseLink => Optional, "https://api.dublin.ie1.twilio.com";
    }
}

section! {
    /// A channel of a Slack workspace, which a bot writes to. The bot needs the scope `chat:write` and must be in the channel.
    SlackBot {
        /// The bot's token.
        token: Hidden => Required, "${SLACK_BOT_TOKEN}";
        /// The identifier of the channel, or its name.
        channel: Text => Required, "C0123456789";
        /// Where the Web API is, for a proxy. Default: `https://slack.com/api`.
        api_url: BaseLink => Optional, "https://slack.example.com/api";
    }
}

section! {
    /// Any HTTP request. Address, headers and body are templates, tried with every kind of message when this file is loaded.
    Http {
        /// Where it goes; a value in it is percent-encoded.
        url: TemplateUrl => Required, "https://example.com/alerts/{{ incident.id }}";
        /// The method.
        method: Method => Default("POST"), "PUT";
        /// Headers by name.
        headers: Names<HeaderName, Hidden> => Default(""), "{ Authorization: \"Bearer ${TOKEN}\" }";
        /// What is sent. It is JSON unless a header `Content-Type` says otherwise, and values are escaped for it: in JSON they bring
        /// their quotation marks along. Default: nothing.
        body: At<TemplateBody> => Optional, "'{\"text\": {{ headline }}}'";
        /// The status codes that mean that it was accepted. Default: 200 to 299.
        expect: Many<Count<100, 599>> => Default(""), "[200, 202]";
    }
}

/// The address of a request, which may hold template expressions and a token.
pub(super) struct TemplateUrl;

impl Word for TemplateUrl {
    type Out = Secret;
    const FORM: Form =
        Form::Text { what: "http or https URL, a template, secret", pattern: Some("^https?://.+$") };
    const WHAT: &'static str = "the address of a request";
    const SECRET: bool = true;
    const URL: bool = true;

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<Secret, String> {
        if text.starts_with("https://") || text.starts_with("http://") {
            Ok(Secret::new(text))
        } else {
            Err("write the whole address, such as https://example.com/alerts".into())
        }
    }
}

/// What a request sends. It is shown as it is written, since that helps to mend it; what variables stand for is not.
pub(super) struct TemplateBody;

impl Word for TemplateBody {
    type Out = Secret;
    const FORM: Form = Form::Text { what: "text, a template", pattern: None };
    const WHAT: &'static str = "a body";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<Secret, String> {
        if text.is_empty() {
            Err("write something, or remove the line".into())
        } else {
            Ok(Secret::new(text))
        }
    }
}

/// The number of a chat, or the name of a public channel.
pub(super) struct ChatName;

impl Word for ChatName {
    type Out = String;
    const FORM: Form = Form::Text { what: "number of a chat, or `@` and a name", pattern: None };
    const WHAT: &'static str = "a chat";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<String, String> {
        let named = text.strip_prefix('@').is_some_and(|name| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        if named || text.parse::<i64>().is_ok() {
            Ok(text.into())
        } else {
            Err("write the number of the chat, such as \"-1001234567890\", or @ and the name of a channel"
                .into())
        }
    }
}

/// A telephone number as the whole world reads it (E.164).
pub(super) struct PhoneNumber;

impl Word for PhoneNumber {
    type Out = String;
    // Without a pattern, because other readers of YAML take the digits for a number.
    const FORM: Form = Form::Text { what: "telephone number with `+` and country code", pattern: None };
    const WHAT: &'static str = "a telephone number";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<String, String> {
        if is_phone_number(text) {
            Ok(text.into())
        } else {
            Err("write it with + and the country code, digits only, such as +442079460000".into())
        }
    }
}

fn is_phone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or("");
    (2..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
}

/// Who a text message is from.
pub(super) struct SmsSender;

impl Word for SmsSender {
    type Out = String;
    const FORM: Form =
        Form::Text { what: "telephone number, SID of a messaging service, or name", pattern: None };
    const WHAT: &'static str = "a sender of text messages";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<String, String> {
        let service = text
            .strip_prefix("MG")
            .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()));
        // Twilio's documentation, "Alphanumeric Sender ID".
        let name = (1..=11).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" +-_&".contains(&b))
            && text.bytes().any(|b| b.is_ascii_alphabetic());
        if service || name || is_phone_number(text) {
            Ok(text.into())
        } else {
            Err("write a number such as \"+15550100\", the SID of a messaging service (MG…), or up to 11 letters and digits".into())
        }
    }
}

/// The method of an HTTP request.
pub(super) struct Method;

impl Word for Method {
    type Out = String;
    const FORM: Form = Form::Choice { words: &["POST", "PUT", "PATCH", "GET", "DELETE"] };
    const WHAT: &'static str = "a method";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<String, String> {
        match text {
            "POST" | "PUT" | "PATCH" | "GET" | "DELETE" => Ok(text.into()),
            _ => Err("write one of POST, PUT, PATCH, GET, DELETE".into()),
        }
    }
}

/// Keys of a channel that belong to one service or two, and templates that cannot be filled in.
pub(super) fn errors(root: &Root, reader: &mut Reader<'_>) {
    for Named { name, span, value } in root.channels.iter().flatten() {
        let Some(channel) = value else { continue };
        if channel.email.is_some() && root.mail.is_none() {
            let message =
                format!("the channel {} sends mail, and there is no mail server", quoted(name.as_str()));
            let hint = "add `mail: { smtp: \"smtps://user:${SMTP_PASSWORD}@smtp.example.com\", from: status@example.com }`";
            reader.error(*span, message, hint);
        }
        strangers(channel, reader);
        login(channel, *span, reader);
        empty_program(channel, *span, reader);
        template(channel, *span, reader);
    }
}

/// Keys that say nothing about this service.
fn strangers(channel: &Channel, reader: &mut Reader<'_>) {
    let hook = channel.webhook.is_some();
    let ntfy = channel.ntfy.is_some();
    let bearer = ntfy || channel.alertmanager.is_some();
    let span = |key: &Option<Spanned<Secret>>| key.as_ref().map(|key| key.span);
    let keys = [
        (span(&channel.secret), hook, "only a `webhook` has a secret"),
        (span(&channel.token), bearer, "only `ntfy` and `alertmanager` have a token here"),
        (channel.user.as_ref().map(|key| key.span), ntfy, "only `ntfy` has a user"),
        (span(&channel.password), ntfy, "only `ntfy` has a password"),
        (
            channel.api_url.as_ref().map(|key| key.span),
            channel.pagerduty.is_some(),
            "only `pagerduty` has an api_url here",
        ),
        (
            channel.timeout.as_ref().map(|key| key.span),
            channel.program.is_some(),
            "only a `program` has a timeout",
        ),
    ];
    for (span, belongs, message) in keys {
        if let Some(span) = span
            && !belongs
        {
            reader.error(span, message, "remove the line");
        }
    }
}

fn login(channel: &Channel, span: Span, reader: &mut Reader<'_>) {
    match (&channel.user, &channel.password, &channel.token) {
        (Some(user), Some(_), Some(_)) => {
            reader.error(
                user.span,
                "there are both a token and a user with a password",
                "remove one of them",
            );
        }
        (Some(_), None, _) => {
            reader.error(span, "there is a user without a password", "add `password`, or use a `token`")
        }
        (None, Some(_), _) => {
            reader.error(span, "there is a password without a user", "add `user`, or use a `token`")
        }
        _ => {}
    }
}

fn empty_program(channel: &Channel, span: Span, reader: &mut Reader<'_>) {
    if channel.program.as_ref().is_some_and(Vec::is_empty) {
        reader.error(
            span,
            "the channel names no program",
            "write for example `program: [/usr/local/bin/tell]`",
        );
    }
}

/// A template is tried now, with messages of every kind, and not for the first time when something is down.
fn template(channel: &Channel, span: Span, reader: &mut Reader<'_>) {
    let Some(Some(http)) = &channel.http else { return };
    let span = http.body.as_ref().map_or(span, |body| body.span);
    let Some(spec) = http.spec() else { return };
    if let Err(error) = mainstay_notify::check_request(&spec) {
        let hint = "see docs/channels.md for what a template can name";
        reader.error(span, format!("no message can be sent with this request: {error}"), hint);
    }
}

impl Http {
    fn spec(&self) -> Option<model::HttpRequest> {
        let headers = self.headers.as_ref()?.iter();
        let headers: Option<BTreeMap<_, _>> =
            headers.map(|named| Some((named.name.clone(), named.value.clone()?))).collect();
        let expect = self.expect.as_ref()?.iter().filter_map(|code| u16::try_from(*code).ok()).collect();
        Some(model::HttpRequest {
            method: self.method.clone()?,
            url: self.url.clone()?,
            headers: headers?,
            body: self.body.as_ref().map(|body| body.value.clone()),
            expect,
        })
    }
}

/// The channel that was read.
pub(super) fn channel(_: &model::ChannelName, read: Channel) -> Option<model::Channel> {
    let provider = read.provider.as_ref().map(|provider| provider.value.clone());
    Some(model::Channel { kind: kind(read)?, provider })
}

fn kind(read: Channel) -> Option<ChannelKind> {
    /// Long enough for a modem, short enough for an incident.
    const TIMEOUT: Duration = Duration::from_secs(30);
    let (token, password) = (read.token.map(|key| key.value), read.password.map(|key| key.value));
    let api_url = read.api_url.map(|key| key.value);
    // Exactly one of them is there.
    let simple = [
        read.email.map(|to| ChannelKind::Email { to }),
        read.discord.map(|url| ChannelKind::Discord { url }),
        read.slack.map(|url| ChannelKind::Slack { url }),
        read.webhook.map(|url| ChannelKind::Webhook { url, secret: read.secret.map(|key| key.value) }),
        read.teams.map(|url| ChannelKind::Teams { url }),
        read.pagerduty.map(|routing_key| ChannelKind::PagerDuty(model::PagerDuty { routing_key, api_url })),
        read.alertmanager
            .map(|url| ChannelKind::Alertmanager(model::Alertmanager { url, token: token.clone() })),
        read.ntfy.map(|url| {
            let user = read.user.map(|key| key.value).zip(password);
            let user = user.map(|(user, password)| model::Login::Password { user, password });
            ChannelKind::Ntfy(model::Ntfy { url, login: token.map(model::Login::Token).or(user) })
        }),
        read.program.map(|command| {
            let timeout = read.timeout.map_or(TIMEOUT, |key| key.value);
            ChannelKind::Program(model::Program { command, timeout })
        }),
    ];
    if let Some(kind) = simple.into_iter().flatten().next() {
        return Some(kind);
    }
    if let Some(chat) = read.telegram {
        let Telegram { token, chat, api_url } = chat?;
        return Some(ChannelKind::Telegram(model::Telegram { token: token?, chat: chat?, api_url }));
    }
    if let Some(bot) = read.slack_bot {
        let SlackBot { token, channel, api_url } = bot?;
        return Some(ChannelKind::SlackBot(model::SlackBot { token: token?, channel: channel?, api_url }));
    }
    if let Some(phone) = read.twilio_sms {
        let TwilioSms { account, key, token, from, to, api_url } = phone?;
        let (account, token) = (account?, token?);
        return Some(ChannelKind::TwilioSms(model::Twilio {
            account,
            key,
            token,
            from: from?,
            to: to?,
            api_url,
        }));
    }
    if let Some(phone) = read.twilio_call {
        let TwilioCall { account, key, token, from, to, api_url } = phone?;
        let (account, token) = (account?, token?);
        return Some(ChannelKind::TwilioCall(model::Twilio {
            account,
            key,
            token,
            from: from?,
            to: to?,
            api_url,
        }));
    }
    read.http??.spec().map(ChannelKind::Http)
}
