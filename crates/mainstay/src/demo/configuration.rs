use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use super::{inbox, provider};

/// Where the pretend world listens.
pub(super) struct Ports {
    pub(super) acme: provider::Ports,
    pub(super) payco: u16,
    /// Where the shop reaches its database.
    pub(super) relay: u16,
    pub(super) inbox: inbox::Ports,
}

/// The configuration of the demo, as a user would write it.
pub(super) fn text(ports: &Ports) -> std::io::Result<String> {
    let (operator, public) = (free_port(8080)?, free_port(8081)?);
    let provider::Ports { mysql, postgres, .. } = ports.acme;
    let (payco, relay, inbox::Ports { http, smtp }) = (ports.payco, ports.relay, ports.inbox);
    Ok(format!(
        r#"# The configuration of the demo. Change it while it runs: Mainstay takes over what is right and refuses what is wrong.
server: {{ listen: 127.0.0.1:{operator}, public_url: "http://127.0.0.1:{operator}", data_dir: ./data }}

providers:
  acme-db: {{ name: Acme Databases, status_page: https://status.acme.example, contacts: [support@acme.example], sla: 99.95% }}
  payco: {{ name: Payco, contacts: [help@payco.example] }}

dependencies:
  orders-db:
    provider: acme-db
    url: mysql://monitor:demo@127.0.0.1:{mysql}/orders
    tls: {{ ca_file: acme-ca.pem, server_name: eu-west.acme.example }}
    every: 2s
    timeout: 1s
    used_by: [checkout]
    criticality: critical
  ledger-db:
    provider: acme-db
    url: postgres://monitor:demo@127.0.0.1:{postgres}/ledger
    tls: {{ ca_file: acme-ca.pem, server_name: eu-west.acme.example }}
    every: 2s
    timeout: 1s
    used_by: [payments]
    criticality: high
    relay: {{ listen: 127.0.0.1:{relay} }}
  payment-api:
    provider: payco
    url: tls://127.0.0.1:{payco}
    tls: {{ ca_file: acme-ca.pem, server_name: api.payco.example }}
    every: 5s
    timeout: 2s
    used_by: [payments]
  shop-certificate:
    url: file:shop.pem
    tls: {{ ca_file: acme-ca.pem, server_name: shop.example.com }}
    every: 30s
    used_by: [website]

components:
  checkout: {{ name: Checkout, group: Shop }}
  payments: {{ name: Payments, group: Shop }}
  website: {{ name: Website }}

channels:
  oncall-mail: {{ email: oncall@example.com }}
  bot: {{ webhook: "http://127.0.0.1:{http}/hook", secret: whsec_ZGVtby1kZW1vLWRlbW8tZGVtby1kZW1v }}
routes:
  - {{ severity: [page, high], to: [oncall-mail, bot] }}
  - {{ to: [bot] }}
mail: {{ smtp: "smtp://127.0.0.1:{smtp}", from: "Mainstay <mainstay@example.com>" }}

status_page: {{ title: Example Shop, listen: 127.0.0.1:{public}, public_url: "http://127.0.0.1:{public}", auto_publish: true }}
"#
    ))
}

/// The usual port when it is free, else any.
pub(super) fn free_port(usual: u16) -> std::io::Result<u16> {
    let bind = |port: u16| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let listener = bind(usual).or_else(|_| bind(0))?;
    Ok(listener.local_addr()?.port())
}
