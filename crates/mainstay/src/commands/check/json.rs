use mainstay_model::CheckReport;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    checks: &'a [CheckReport],
}

/// `{"checks": […]}`, one report a target, in their order.
pub(super) fn render(reports: &[CheckReport]) -> String {
    // A report is text, numbers and lists: nothing in it can fail to be written.
    let mut json = serde_json::to_string_pretty(&Document { checks: reports }).unwrap_or_default();
    json.push('\n');
    json
}
