use std::collections::BTreeSet;

/// A dependency to be written down.
pub(super) struct Planned {
    pub(super) name: String,
    /// Without its password.
    pub(super) url: String,
    pub(super) provider: Option<String>,
    pub(super) variable: Option<Variable>,
}

/// The environment variable that holds a password.
pub(super) struct Variable {
    pub(super) name: String,
    /// Whose password it is.
    pub(super) of: String,
}

const HEAD: &str = "\
# What Mainstay watches, whom it tells, and what it shows.
# Check this file with `mainstay config check`; every key is explained in docs/reference/configuration.md.
# Keep secrets out of it: ${NAME} is an environment variable, ${file:/run/secrets/name} the content of a file.

server:
  listen: 127.0.0.1:8080           # the operator's pages; keep them private
  data_dir: ./mainstay-data
  # public_url: https://ops.example.com   # links in messages begin with it
";

const TAIL: &str = "
# The parts of your own service as customers know them; the status page shows them.
# Name them under `used_by` of what they need.
# components:
#   checkout: { name: Checkout, group: API }

# The means of telling somebody, and who is told of what.
# channels:
#   ops-discord: { discord: \"${DISCORD_WEBHOOK}\" }
#   ops-slack: { slack: \"${SLACK_WEBHOOK}\" }
#   oncall-mail: { email: oncall@example.com }
#   bot: { webhook: https://bot.example.com/hook, secret: \"${HOOK_SECRET}\" }
# routes:
#   - { severity: [page, high], to: [oncall-mail, ops-discord] }
#   - { to: ops-discord }          # everything
# mail:                            # needed by email channels
#   smtp: smtps://user:${SMTP_PASSWORD}@smtp.example.com
#   from: Example Status <status@example.com>

status_page:
  title: Status
  listen: 127.0.0.1:8081           # the public page
  # public_url: https://status.example.com
";

/// The text of a first configuration.
pub(super) fn render(plan: &[Planned]) -> String {
    [HEAD, &providers(plan), &dependencies(plan), TAIL].concat()
}

fn providers(plan: &[Planned]) -> String {
    let names: BTreeSet<&str> = plan.iter().filter_map(|planned| planned.provider.as_deref()).collect();
    let mut text = String::from("\n# The third parties that you rely on.\n");
    if names.is_empty() {
        text.push_str("# providers:\n#   acme: { name: Acme Databases, status_page: https://status.acme.example, sla: 99.95% }\n");
        return text;
    }
    text.push_str("providers:\n");
    for name in names {
        text.push_str(&format!(
            "  {name}:\n    name: {name}\n    # status_page: https://status.{name}.example\n    # contacts: [support@{name}.example]\n"
        ));
    }
    text
}

fn dependencies(plan: &[Planned]) -> String {
    let mut text = String::from("\n# What you connect to.\ndependencies:\n");
    if plan.is_empty() {
        text.push_str("  example:                         # put what you rely on in its place\n    url: https://example.com\n");
    }
    for planned in plan {
        text.push_str(&format!("  {}:\n", planned.name));
        if let Some(provider) = &planned.provider {
            text.push_str(&format!("    provider: {provider}\n"));
        }
        text.push_str(&format!("    url: {}\n", quoted(&planned.url)));
    }
    text.push_str("    # every: 30s                   # time between checks\n");
    text.push_str("    # criticality: critical        # critical, high, normal or low\n");
    text.push_str("    # tls: { ca_file: ca.pem }     # for a certificate authority of the provider's own\n");
    text
}

/// The text in YAML's double quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
