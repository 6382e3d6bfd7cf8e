//! The one way to make an HTTP client for what runs beside us.

/// A client that keeps its connections, for plain HTTP inside the deployment: the sandbox, and
/// NATS' monitoring. It trusts no certificate at all, and so needs none on the machine.
///
/// # Panics
/// When the TLS library itself cannot be set up, which no input of ours decides.
#[must_use]
pub fn client() -> reqwest::Client {
    install_tls();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .expect("a client without roots depends on nothing that could be missing")
}

/// Names the process' TLS provider. Two of them in one process would panic at the first
/// handshake, and none at all when a client is built, so it is named here and early.
pub fn install_tls() {
    // An error only says that it was named before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
