use mainstay_model::CheckReport;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    checks: &'a [CheckReport],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Refusal<'a>>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    message: &'a str,
}

/// `{"checks": […]}`, one report a target, in their order.
pub(super) fn render(reports: &[CheckReport]) -> String {
    write(&Document { checks: reports, error: None })
}

/// `{"checks": [], "error": {"message"}}`: why nothing was checked.
pub(super) fn refusal(message: &str) -> String {
    write(&Document { checks: &[], error: Some(Refusal { message }) })
}

fn write(document: &Document<'_>) -> String {
    // A report is text, numbers and lists: nothing in it can fail to be written.
    let mut json = serde_json::to_string_pretty(document).unwrap_or_default();
    json.push('\n');
    json
}
