//! A running sandbox, a client of it, and a receiver of webhooks.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use stripe_sandbox::Options;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const START: &str = "2027-01-01T00:00:00Z";

pub fn at(text: &str) -> i64 {
    stripe_sandbox::clock::read(text).unwrap()
}

pub struct Sandbox {
    base: String,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<anyhow::Result<()>>,
}

/// One answer: status, body, and whether it was replayed.
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub replayed: bool,
}

impl Sandbox {
    pub async fn start(data: &Path) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let options = Options::new(data, at(START));
        let task = tokio::spawn(stripe_sandbox::serve(listener, options, async {
            let _ = stopped.await;
        }));
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        Self {
            base,
            client: client.build().unwrap(),
            stop: Some(stop),
            task,
        }
    }

    /// Stops without any farewell: whatever was under way is dropped, as by a kill.
    pub async fn kill(mut self) {
        drop(self.stop.take());
        self.task.await.unwrap().unwrap();
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method.parse().unwrap(), url);
        request = request.bearer_auth("sk_test_key");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method != "GET" {
            request = request.form(form);
        }
        let response = request.send().await.unwrap();
        let replayed = response.headers().contains_key("idempotent-replayed");
        let status = response.status().as_u16();
        Answer {
            status,
            body: response.json().await.unwrap_or_default(),
            replayed,
        }
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, &[], &[]).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        self.post_as(path, form, &[]).await
    }

    pub async fn post_as(&self, path: &str, form: &[(&str, &str)], who: &[(&str, &str)]) -> Value {
        let answer = self.send("POST", path, form, who).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// The code of the refusal that a request must get, with its status.
    pub async fn refused(&self, path: &str, form: &[(&str, &str)]) -> (u16, String) {
        let answer = self.send("POST", path, form, &[]).await;
        let code = answer.body["error"]["code"].as_str().unwrap_or_default();
        (answer.status, code.to_owned())
    }

    pub async fn raw_get(&self, url: &str) -> reqwest::Response {
        self.client.get(url).send().await.unwrap()
    }

    pub async fn raw_form(&self, url: &str, form: &[(&str, &str)]) -> reqwest::Response {
        self.client.post(url).form(form).send().await.unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub async fn advance(&self, to: &str) -> Value {
        self.post("/_sandbox/clock", &[("advance_to", to)]).await
    }

    pub async fn available(&self, headers: &[(&str, &str)]) -> i64 {
        let balance = self.send("GET", "/v1/balance", &[], headers).await.body;
        balance["available"][0]["amount"].as_i64().unwrap()
    }

    pub async fn top_up(&self, amount: &str) -> Value {
        self.post(
            "/v1/topups",
            &[
                ("amount", amount),
                ("currency", "usd"),
                ("description", "t"),
            ],
        )
        .await
    }

    /// A monthly price.
    pub async fn price(&self, amount: &str) -> String {
        let form = [
            ("currency", "usd"),
            ("unit_amount", amount),
            ("recurring[interval]", "month"),
            ("product_data[name]", "Plan"),
        ];
        id(&self.post("/v1/prices", &form).await)
    }

    /// A session for a subscription that starts on its own day.
    pub async fn session(&self, price: &str, more: &[(&str, &str)]) -> Value {
        let mut form = vec![
            ("mode", "subscription"),
            ("customer_email", "fan@example.com"),
            ("line_items[0][price]", price),
            ("line_items[0][quantity]", "1"),
            (
                "success_url",
                "http://site/ok?session={CHECKOUT_SESSION_ID}",
            ),
            ("subscription_data[metadata][subscriber]", "s1"),
        ];
        form.extend_from_slice(more);
        self.post("/v1/checkout/sessions", &form).await
    }

    pub async fn complete(&self, session: &Value, card: &str) -> Value {
        let path = format!("/_sandbox/checkout/{}/complete", id(session));
        self.post(&path, &[("card", card)]).await
    }

    /// A connected account that can be paid, on manual payouts.
    pub async fn creator(&self, bank: &str) -> String {
        let account = self.unfinished_creator().await;
        let path = format!("/_sandbox/accounts/{account}/complete");
        self.post(&path, &[("account_number", bank)]).await;
        let manual = [("payments[payouts][schedule][interval]", "manual")];
        self.post_as(
            "/v1/balance_settings",
            &manual,
            &[("stripe-account", &account)],
        )
        .await;
        account
    }

    pub async fn unfinished_creator(&self) -> String {
        let form = [
            ("type", "express"),
            ("country", "US"),
            ("capabilities[transfers][requested]", "true"),
        ];
        id(&self.post("/v1/accounts", &form).await)
    }

    pub async fn transfer(&self, to: &str, amount: &str) -> Value {
        let form = [("amount", amount), ("currency", "usd"), ("destination", to)];
        self.post("/v1/transfers", &form).await
    }

    /// Waits until no webhook is in hand.
    pub async fn idle(&self) {
        eventually(async || self.get("/_sandbox/clock").await["idle"] == true).await;
    }
}

pub fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// Asks again until it is so, for at most twenty seconds.
pub async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(Instant::now() < end, "it never came to be");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A webhook as it arrived.
#[derive(Clone)]
pub struct Arrival {
    pub signature: String,
    pub body: String,
}

impl Arrival {
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

struct Inbox {
    status: Mutex<u16>,
    arrivals: Mutex<Vec<Arrival>>,
}

/// Receives webhooks and answers them with a status that can be changed.
pub struct Receiver {
    inbox: Arc<Inbox>,
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Receiver {
    pub async fn start(status: u16) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), status).await
    }

    pub async fn start_at(address: SocketAddr, status: u16) -> Self {
        let inbox = Arc::new(Inbox {
            status: Mutex::new(status),
            arrivals: Mutex::default(),
        });
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(receive).with_state(inbox.clone());
        let task = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self {
            inbox,
            address,
            task,
        }
    }

    pub fn answer_with(&self, status: u16) {
        *self.inbox.status.lock().unwrap() = status;
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.inbox.arrivals.lock().unwrap().clone()
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub fn kinds(&self) -> Vec<String> {
        let kind = |arrival: &Arrival| arrival.event()["type"].as_str().unwrap().to_owned();
        self.arrivals().iter().map(kind).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: String) -> StatusCode {
    let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
    inbox
        .arrivals
        .lock()
        .unwrap()
        .push(Arrival { signature, body });
    StatusCode::from_u16(*inbox.status.lock().unwrap()).unwrap()
}

/// An endpoint for everything on the platform (or on connected accounts), and its secret.
pub async fn listen(sandbox: &Sandbox, receiver: &Receiver, connect: bool) -> (String, String) {
    let (url, connect) = (receiver.url(), connect.to_string());
    let form = [
        ("url", url.as_str()),
        ("enabled_events[0]", "*"),
        ("connect", &connect),
    ];
    let endpoint = sandbox.post("/v1/webhook_endpoints", &form).await;
    (
        id(&endpoint),
        endpoint["secret"].as_str().unwrap().to_owned(),
    )
}
