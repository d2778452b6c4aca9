use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A server whose own certificate is followed by one of this many bytes, which is none.
pub(super) fn server_config(bytes: usize) -> Arc<ServerConfig> {
    let issued =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a name is a valid name");
    let chain = vec![issued.cert.der().clone(), CertificateDer::from(vec![0x30; bytes])];
    let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).expect("rcgen writes PKCS #8");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key is the first certificate's");
    Arc::new(config)
}
