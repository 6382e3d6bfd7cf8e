//! Who stands behind the gateway in these tests: a sandbox that keeps whole seconds, and one server
//! that answers for all services.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tonic::{Request, Response, Status};
use wire::kit::v1::kit_service_server::{KitService, KitServiceServer};
use wire::kit::v1::{SettleRequest, SettleResponse};

/// Starts at 2027-01-10.
pub const START: i64 = 1_799_539_200;

#[derive(Clone)]
pub struct Behind {
    pub seconds: Arc<AtomicI64>,
    /// One-shot timers, in milliseconds since 1970.
    pub timers: Arc<Mutex<Vec<i64>>>,
    /// Whether the sandbox moves when it is told to.
    pub moves: bool,
    /// Who asked, as the calls said.
    pub actors: Arc<Mutex<Vec<String>>>,
}

impl Behind {
    pub fn new() -> Self {
        Self {
            seconds: Arc::new(AtomicI64::new(START)),
            timers: Arc::default(),
            moves: true,
            actors: Arc::default(),
        }
    }

    pub fn now(&self) -> i64 {
        self.seconds.load(Ordering::SeqCst)
    }

    /// Answers the address.
    pub async fn serve(&self) -> Result<String> {
        let (read, written) = (self.clone(), self.clone());
        let clock = get(move || async move { Json(read.shown()) }).post(
            move |Json(body): Json<Value>| async move {
                let to = body["advance_to"]
                    .as_str()
                    .and_then(|to| OffsetDateTime::parse(to, &Rfc3339).ok());
                if let Some(to) = to.filter(|_| written.moves) {
                    written
                        .seconds
                        .fetch_max(to.unix_timestamp(), Ordering::SeqCst);
                }
                Json(written.shown())
            },
        );
        let grpc = tonic::service::Routes::new(KitServiceServer::new(self.clone()));
        let router: Router = grpc.into_axum_router().route("/_sandbox/clock", clock);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    fn shown(&self) -> Value {
        let now = OffsetDateTime::from_unix_timestamp(self.now())
            .ok()
            .and_then(|now| now.format(&Rfc3339).ok());
        json!({ "now": now, "idle": true, "busy": [], "activity": 1 })
    }
}

#[tonic::async_trait]
impl KitService for Behind {
    async fn settle(
        &self,
        request: Request<SettleRequest>,
    ) -> Result<Response<SettleResponse>, Status> {
        let actor = request
            .metadata()
            .get("tributary-actor")
            .and_then(|actor| actor.to_str().ok());
        self.actors
            .lock()
            .expect("not poisoned")
            .push(actor.unwrap_or_default().to_owned());
        let now = self.now() * 1000;
        let mut timers = self.timers.lock().expect("not poisoned");
        timers.retain(|due| *due > now);
        let next_due = timers.iter().min().map(|due| prost_types::Timestamp {
            seconds: due / 1000,
            nanos: i32::try_from(due % 1000 * 1_000_000).expect("below a second"),
        });
        Ok(Response::new(SettleResponse {
            idle: true,
            next_due,
            ..Default::default()
        }))
    }
}
