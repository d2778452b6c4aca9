use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::Context;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// TLS from the first byte is served on so many addresses of the loopback network, as many hosts would be.
pub(crate) const ADDRESSES: u8 = 64;

/// A running `bench serve`; it is gone when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// TLS from the first byte.
    pub(crate) tls_port: u16,
    /// TLS after PostgreSQL's SSLRequest.
    pub(crate) postgres_port: u16,
}

impl Server {
    /// Starts this program again with `chain.pem` and `key.pem` of the directory.
    pub(crate) fn start(directory: &Path) -> anyhow::Result<Server> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().context("standard output is piped")?;
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line)?;
        let (tls, postgres) = line.trim().split_once(' ').context("the server prints two ports")?;
        Ok(Server { tls_port: tls.parse()?, postgres_port: postgres.parse()?, child })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until standard input ends, which it does when whoever started this is gone.
pub(crate) fn run(directory: &Path) -> anyhow::Result<()> {
    let acceptor = TlsAcceptor::from(Arc::new(configuration(directory)?));
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let (tls, postgres) =
            (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        println!("{} {}", tls.local_addr()?.port(), postgres.local_addr()?.port());
        std::io::stdout().flush()?;
        for last in 2..=ADDRESSES {
            let address = std::net::SocketAddr::from(([127, 0, 0, last], tls.local_addr()?.port()));
            let another = TcpListener::bind(address).await?;
            tokio::spawn(accept(another, acceptor.clone(), false));
        }
        tokio::spawn(accept(tls, acceptor.clone(), false));
        tokio::spawn(accept(postgres, acceptor, true));
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
        Ok(())
    })
}

fn configuration(directory: &Path) -> anyhow::Result<ServerConfig> {
    let file = |name: &str| -> PathBuf { directory.join(name) };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file("chain.pem"))?.collect();
    let key = PrivateKeyDer::from_pem_file(file("key.pem"))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    Ok(builder.with_single_cert(chain?, key)?)
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, postgres: bool) {
    while let Ok((connection, _)) = listener.accept().await {
        // A client that goes away is nothing to a server.
        tokio::spawn(answer(connection, acceptor.clone(), postgres));
    }
}

async fn answer(mut connection: TcpStream, acceptor: TlsAcceptor, postgres: bool) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    if postgres {
        connection.read_exact(&mut [0; 8]).await?;
        connection.write_all(b"S").await?;
    }
    let mut stream = acceptor.accept(connection).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    stream.shutdown().await
}
