use mainstay_model::Twilio;

use super::http::{Answer, Line, api};
use crate::courier::{Receipt, Refusal};
use crate::render;

const API: &str = "https://api.twilio.com";

/// Sends a text message.
pub(crate) async fn sms(line: &Line<'_>, phone: &Twilio) -> Result<Receipt, Refusal> {
    // A messaging service chooses the number that it sends from.
    let from = if phone.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
    let body = render::sms(line.message());
    let form = [("To", phone.to.as_str()), (from, &phone.from), ("Body", &body)];
    create(line, phone, "Messages.json", &form).await
}

/// Calls and says it.
pub(crate) async fn call(line: &Line<'_>, phone: &Twilio) -> Result<Receipt, Refusal> {
    let twiml = render::twiml(line.message());
    let form = [("To", phone.to.as_str()), ("From", &phone.from), ("Twiml", &twiml)];
    create(line, phone, "Calls.json", &form).await
}

async fn create(
    line: &Line<'_>,
    phone: &Twilio,
    resource: &str,
    form: &[(&str, &str)],
) -> Result<Receipt, Refusal> {
    let segments = ["2010-04-01", "Accounts", &phone.account, resource];
    let url = api(phone.api_url.as_ref(), API, &segments)?;
    let user = phone.key.as_ref().unwrap_or(&phone.account);
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = line
        .client
        .post(url)
        .basic_auth(user, Some(phone.token.expose()))
        .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body);
    let answer = line.ask(request).await?;
    if answer.status.is_success() {
        return Ok(Receipt::of(answer.json()["sid"].as_str().map(str::to_owned)));
    }
    Err(refusal(&answer))
}

/// The status decides, but for a few codes of Twilio's that pass although it is 400: queues that are full (21611, 30001), and a rate
/// (14107, 20429). That a number is none (21211) or does not want to be written to (21610) does not pass.
fn refusal(answer: &Answer) -> Refusal {
    match answer.json()["code"].as_u64() {
        Some(14107 | 20429 | 21611 | 30001) => {
            Refusal::Later { reason: answer.refusal().to_string(), retry_after: answer.retry_after }
        }
        _ => answer.refusal(),
    }
}

/// Asks for the account, which sends nothing and costs nothing.
pub(crate) async fn probe(line: &Line<'_>, phone: &Twilio) -> Result<Receipt, Refusal> {
    let account = format!("{}.json", phone.account);
    let url = api(phone.api_url.as_ref(), API, &["2010-04-01", "Accounts", &account])?;
    let user = phone.key.as_ref().unwrap_or(&phone.account);
    let answer = line.ask(line.client.get(url).basic_auth(user, Some(phone.token.expose()))).await?;
    if answer.status.is_success() { Ok(Receipt::of(None)) } else { Err(refusal(&answer)) }
}
