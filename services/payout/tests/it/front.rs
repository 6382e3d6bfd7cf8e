//! A door in front of the Stripe sandbox that can be made to fail, and that counts.

use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

/// What goes wrong with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Stripe does it, and the answer is lost on the way back.
    LoseReply,
    /// Stripe never sees it, and the asker hears a 500.
    Swallow,
    /// Stripe does it, and answers when the test says so.
    Late,
    /// Stripe says no.
    Refuse(&'static str),
    /// Stripe does it, and says no.
    DoAndRefuse(&'static str),
}

/// Where the balance is asked for; asked without a key.
pub const BALANCE: &str = "/v1/balance";

/// Where the platform's settings are asked for without a key, and changed.
pub const SETTINGS: &str = "/v1/balance_settings";

/// An order that came: its path, its idempotency key, and when by the wall.
pub type Order = (String, String, time::OffsetDateTime);

#[derive(Default)]
struct Desk {
    faults: Vec<(&'static str, Fault)>,
    always: Vec<(&'static str, Fault)>,
    orders: Vec<Order>,
    /// Whether transfers that are looked for are shown as not booked yet.
    unbooked: bool,
    /// How often transfers were looked for.
    looks: usize,
    /// Whether the key belongs to another platform.
    stranger: bool,
}

#[derive(Clone)]
pub struct Front {
    pub url: String,
    behind: String,
    desk: Arc<Mutex<Desk>>,
    /// Where late answers wait.
    late: Arc<tokio::sync::Notify>,
    /// Where an answer about the balance waits, if it is to.
    balance: Arc<tokio::sync::Mutex<()>>,
    /// The same for the settings.
    settings: Arc<tokio::sync::Mutex<()>>,
}

impl Front {
    pub async fn start(behind: &str) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let front = Self {
            url,
            behind: behind.to_owned(),
            desk: Arc::default(),
            late: Arc::default(),
            balance: Arc::default(),
            settings: Arc::default(),
        };
        let router = axum::Router::new().fallback(pass).with_state(front.clone());
        kit::spawn(async move { axum::serve(listener, router).await });
        Ok(front)
    }

    /// The next order to `path` fails so.
    pub fn fail_next(&self, path: &'static str, fault: Fault) {
        self.desk
            .lock()
            .expect("no test panics with it")
            .faults
            .push((path, fault));
    }

    /// Every order to `path` fails so, until told otherwise.
    pub fn fail_always(&self, path: &'static str, fault: Option<Fault>) {
        let mut desk = self.desk.lock().expect("no test panics with it");
        desk.always.retain(|(known, _)| *known != path);
        desk.always.extend(fault.map(|fault| (path, fault)));
    }

    /// Keys of the orders that came to `path`, in their order.
    pub fn keys(&self, path: &str) -> Vec<String> {
        let desk = self.desk.lock().expect("no test panics with it");
        desk.orders
            .iter()
            .filter(|(to, ..)| to == path)
            .map(|(_, key, _)| key.clone())
            .collect()
    }

    /// When the orders to `path` came, by the wall.
    pub fn times(&self, path: &str) -> Vec<time::OffsetDateTime> {
        let desk = self.desk.lock().expect("no test panics with it");
        desk.orders
            .iter()
            .filter(|(to, ..)| to == path)
            .map(|(.., at)| *at)
            .collect()
    }

    /// The answer that is late, or the next one to be, is late no more.
    pub fn answer_late(&self) {
        self.late.notify_one();
    }

    /// From now on, answers about the balance are true when they are made and late when they
    /// arrive: they wait for what this returns to be dropped.
    pub async fn hold_balance(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.balance).lock_owned().await
    }

    /// The same of answers about the platform's settings.
    pub async fn hold_settings(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.settings).lock_owned().await
    }

    /// From now on, transfers that are looked for are shown as Stripe shows them before it has
    /// booked them, or as they are.
    pub fn unbook(&self, unbooked: bool) {
        self.desk.lock().expect("no test panics with it").unbooked = unbooked;
    }

    /// How often transfers were looked for.
    pub fn looks(&self) -> usize {
        self.desk.lock().expect("no test panics with it").looks
    }

    /// From now on, the key sees no connected account and no single transfer, or all again.
    pub fn be_strange(&self, stranger: bool) {
        self.desk.lock().expect("no test panics with it").stranger = stranger;
    }

    fn looked(&self, text: String) -> String {
        let mut desk = self.desk.lock().expect("no test panics with it");
        desk.looks += 1;
        let Some(mut page) = serde_json::from_str::<serde_json::Value>(&text)
            .ok()
            .filter(|_| desk.unbooked)
        else {
            return text;
        };
        for made in page["data"].as_array_mut().into_iter().flatten() {
            made["balance_transaction"] = serde_json::Value::Null;
        }
        page.to_string()
    }

    fn orders_add(&self, path: &str) {
        let mut desk = self.desk.lock().expect("no test panics with it");
        desk.orders
            .push((path.to_owned(), String::new(), kit::Clock::system().wall()));
    }

    fn take(&self, path: &str, key: &str) -> Option<Fault> {
        let mut desk = self.desk.lock().expect("no test panics with it");
        desk.orders
            .push((path.to_owned(), key.to_owned(), kit::Clock::system().wall()));
        if let Some(at) = desk.faults.iter().position(|(to, _)| *to == path) {
            return Some(desk.faults.remove(at).1);
        }
        desk.always
            .iter()
            .find(|(to, _)| *to == path)
            .map(|(_, fault)| *fault)
    }
}

async fn pass(State(front): State<Front>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let text = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let key = text("idempotency-key").unwrap_or_default().to_owned();
    let is_order = parts.method == axum::http::Method::POST;
    let asked = match parts.uri.path() {
        BALANCE if !is_order => Some((BALANCE, Arc::clone(&front.balance))),
        SETTINGS if !is_order => Some((SETTINGS, Arc::clone(&front.settings))),
        _ => None,
    };
    let is_look = !is_order && parts.uri.path() == crate::world::TRANSFERS;
    let fault = if is_order {
        front.take(parts.uri.path(), &key)
    } else {
        None
    };
    let is_strange = front.desk.lock().expect("no test panics with it").stranger;
    if is_strange && text("stripe-account").is_some() {
        return refusal(StatusCode::FORBIDDEN, "account_invalid");
    }
    if is_strange && parts.uri.path().starts_with("/v1/transfers/") {
        return refusal(StatusCode::NOT_FOUND, "resource_missing");
    }
    match fault {
        Some(Fault::Swallow) => return answer(StatusCode::INTERNAL_SERVER_ERROR, "{}".into()),
        Some(Fault::Refuse(code)) => return refusal(StatusCode::BAD_REQUEST, code),
        Some(Fault::LoseReply | Fault::Late | Fault::DoAndRefuse(_)) | None => {}
    }
    let bytes = axum::body::to_bytes(body, 1 << 20)
        .await
        .expect("the sandbox answers");
    let url = format!("{}{}", front.behind, parts.uri);
    let mut headers = parts.headers.clone();
    headers.remove("host");
    headers.remove("content-length");
    let sent = kit::http::client()
        .request(parts.method, url)
        .headers(headers)
        .body(bytes);
    // What the sandbox breaks is passed on broken.
    let Ok(reply) = sent.send().await else {
        return broken();
    };
    let (status, headers) = (reply.status(), reply.headers().clone());
    let Ok(mut text) = reply.text().await else {
        return broken();
    };
    if is_look {
        text = front.looked(text);
    }
    let mut response = answer(status, text);
    if let Some(replayed) = headers.get("idempotent-replayed") {
        response
            .headers_mut()
            .insert("idempotent-replayed", replayed.clone());
    }
    if let Some((path, held)) = asked {
        front.orders_add(path);
        drop(held.lock().await);
    }
    if fault == Some(Fault::Late) {
        front.late.notified().await;
    }
    if let Some(Fault::DoAndRefuse(code)) = fault {
        return refusal(StatusCode::BAD_REQUEST, code);
    }
    if fault == Some(Fault::LoseReply) {
        return broken();
    }
    response
}

fn refusal(status: StatusCode, code: &str) -> Response {
    let error = serde_json::json!({ "error": {
        "type": "invalid_request_error", "code": code, "message": "no",
    } });
    answer(status, error.to_string())
}

/// The connection ends before the answer does.
fn broken() -> Response {
    let broken = futures::stream::once(async { Err::<String, _>(std::io::Error::other("lost")) });
    Response::new(Body::from_stream(broken))
}

fn answer(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
}
