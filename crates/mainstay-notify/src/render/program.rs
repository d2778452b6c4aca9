use mainstay_model::Delivery;

use super::limit::{Unit, cut};
use super::whole;

/// What a program gets: the message as JSON on its standard input, and key facts as variables of its environment.
pub fn program(delivery: &Delivery) -> (String, Vec<(&'static str, String)>) {
    let message = &delivery.message;
    let mut body = whole(message);
    body["id"] = delivery.id.to_string().into();
    let incident = &message.incident;
    let variables = [
        ("MAINSTAY_ID", delivery.id.to_string()),
        ("MAINSTAY_CHANNEL", delivery.channel.to_string()),
        ("MAINSTAY_TYPE", message.kind.to_string()),
        ("MAINSTAY_INCIDENT", incident.id.to_string()),
        ("MAINSTAY_TITLE", incident.title.clone()),
        ("MAINSTAY_STATE", incident.state.clone()),
        ("MAINSTAY_SEVERITY", incident.severity.to_string()),
        ("MAINSTAY_CAUSE", message.cause.clone()),
        ("MAINSTAY_URL", incident.url.clone()),
        ("MAINSTAY_ACK_URL", incident.ack_url.clone().unwrap_or_default()),
        ("MAINSTAY_DRILL", message.drill.to_string()),
    ];
    // Systems bound the environment as a whole, and a NUL cannot stand in it.
    let variables = variables.map(|(name, value)| (name, cut(&value, 2000, Unit::Bytes)));
    (body.to_string(), variables.into())
}
