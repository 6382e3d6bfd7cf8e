//! The one way to make an HTTP client.

/// A client that keeps its connections. TLS, where a URL asks for it, is rustls over ring.
#[must_use]
pub fn client() -> reqwest::Client {
    install_tls();
    reqwest::Client::new()
}

/// Names the process' TLS provider. Two of them in one process would panic at the first
/// handshake, and none at all when a client is built, so it is named here and early.
pub fn install_tls() {
    // An error only says that it was named before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
