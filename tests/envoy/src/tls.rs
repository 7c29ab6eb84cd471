//! A certificate authority made for one test process, and the server side that it vouches for.
//!
//! Invariant: nothing is installed anywhere; only clusters that are given [`authority`] trust it.

use std::sync::{Arc, LazyLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// The only server name that the fake's certificate holds for.
pub const SERVER_NAME: &str = "provider.test";

struct Authority {
    pem: String,
    server: Arc<ServerConfig>,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(Authority::make);

/// The authority's certificate, PEM.
pub fn authority() -> &'static str {
    &AUTHORITY.pem
}

/// Accepts TLS for [`SERVER_NAME`], offering HTTP/2 before HTTP/1.1.
pub(crate) fn acceptor() -> TlsAcceptor {
    TlsAcceptor::from(Arc::clone(&AUTHORITY.server))
}

impl Authority {
    fn make() -> Self {
        let mut parameters = CertificateParams::new([]).expect("parameters of an authority");
        // Without a name of its own the leaf would pass for self-signed.
        parameters
            .distinguished_name
            .push(DnType::CommonName, "authority of one test run");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key"))
            .expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let leaf =
            CertificateParams::new([SERVER_NAME.to_owned()]).expect("parameters of a server");
        let certificate = leaf.signed_by(&key, &issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a private key");
        let mut server =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("protocol versions")
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .expect("a server configuration");
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self {
            pem: issuer.pem(),
            server: Arc::new(server),
        }
    }
}
