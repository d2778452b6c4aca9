/// One way of connecting to one server.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Server and way, as the table shows it.
    pub(super) name: &'static str,
    pub(super) url: String,
    /// Whether the URL carries credentials, so that a check logs in and asks something.
    pub(super) logs_in: bool,
}

impl Row {
    pub(super) fn anonymous(name: &'static str, url: String) -> Row {
        Row { name, url, logs_in: false }
    }

    pub(super) fn logged_in(name: &'static str, url: String) -> Row {
        Row { name, url, logs_in: true }
    }
}
