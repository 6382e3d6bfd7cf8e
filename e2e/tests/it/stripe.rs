//! Stripe's sandbox as an operator has it: by its public API, with a key.

use serde_json::Value;

#[derive(Clone)]
pub struct Stripe {
    http: reqwest::Client,
    pub url: String,
    pub key: String,
}

impl Stripe {
    pub fn at(url: &str, key: &str) -> Self {
        // An error only says that the provider was named before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A sandbox that is started anew does not know the connections of the last one.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0);
        let http = http.no_proxy().tls_certs_only([]);
        Self {
            http: http.build().expect("a client"),
            url: url.to_owned(),
            key: key.to_owned(),
        }
    }

    pub async fn get(&self, path: &str) -> Value {
        self.send(path, self.http.get(format!("{}{path}", self.url)))
            .await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = self.http.post(format!("{}{path}", self.url));
        self.send(path, request.form(form)).await
    }

    async fn send(&self, path: &str, request: reqwest::RequestBuilder) -> Value {
        let answer = request.bearer_auth(&self.key).send().await;
        let answer = answer.expect("an answer");
        let status = answer.status();
        let body: Value = answer.json().await.expect("JSON");
        assert!(status.is_success(), "{path}: {body}");
        body
    }
}
