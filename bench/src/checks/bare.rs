use std::sync::Arc;

use mainstay_testkit::Pki;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{SERVER_NAME, runtime};

/// PostgreSQL's SSLRequest: its length and 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What comes before the handshake.
#[derive(Clone, Copy)]
pub(super) enum Opening {
    Tls,
    Postgres,
}

/// The least that a verified check can cost: connect, handshake with full verification and no resumption, close.
pub(super) fn subject(
    pki: &Pki,
    port: u16,
    opening: Opening,
) -> anyhow::Result<impl FnMut(u32) -> anyhow::Result<()> + use<>> {
    let connector = TlsConnector::from(Arc::new(configuration(pki)?));
    let name = ServerName::try_from(SERVER_NAME)?;
    let runtime = runtime()?;
    Ok(move |checks| {
        for _ in 0..checks {
            runtime.block_on(check(&connector, name.clone(), port, opening))?;
        }
        Ok(())
    })
}

fn configuration(pki: &Pki) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(pki.root().clone())?;
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_root_certificates(roots);
    let mut configuration = builder.with_no_client_auth();
    configuration.resumption = Resumption::disabled();
    Ok(configuration)
}

async fn check(
    connector: &TlsConnector,
    name: ServerName<'static>,
    port: u16,
    opening: Opening,
) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "this is what the probe is compared with")]
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    connection.set_nodelay(true)?;
    if let Opening::Postgres = opening {
        connection.write_all(&SSL_REQUEST).await?;
        connection.read_exact(&mut [0]).await?;
    }
    let mut stream = connector.connect(name, connection).await?;
    stream.shutdown().await?;
    Ok(())
}
