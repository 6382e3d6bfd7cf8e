//! All services behind the gateway, as one server: it answers what a test tells it to, by method,
//! and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::Response;
use bytes::{Buf, BufMut};
use futures::future::BoxFuture;
use kit::{Error, Rejection};
use prost::Message;
use tokio::sync::Semaphore;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::UnaryService;

type Script = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync>;

/// One call that came.
#[derive(Debug, Clone)]
pub struct Call {
    /// `PayoutService/RequestPayout`.
    pub method: String,
    pub request_id: String,
    pub message: Vec<u8>,
}

#[derive(Clone, Default)]
pub struct Fake {
    scripts: Arc<Mutex<HashMap<String, Script>>>,
    held: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Fake {
    /// Answers the address. What no script answers is answered with an empty message.
    pub async fn serve(&self) -> Result<String> {
        let router = Router::new().fallback(answer).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    /// From now on `method` answers so.
    pub fn on<Q, A>(&self, method: &str, script: impl Fn(Q) -> A + Send + Sync + 'static)
    where
        Q: Message + Default,
        A: Message,
    {
        self.try_on(method, move |question: Q| Ok(script(question)));
    }

    /// From now on `method` answers or refuses so.
    pub fn try_on<Q, A>(
        &self,
        method: &str,
        script: impl Fn(Q) -> Result<A, Error> + Send + Sync + 'static,
    ) where
        Q: Message + Default,
        A: Message,
    {
        let script: Script = Arc::new(move |bytes| {
            let question = Q::decode(bytes).map_err(|why| Status::internal(why.to_string()))?;
            Ok(script(question)?.encode_to_vec())
        });
        let mut scripts = self.scripts.lock().expect("not poisoned");
        scripts.insert(method.to_owned(), script);
    }

    /// From now on `method` refuses so.
    pub fn refuse(&self, method: &str, code: &'static str) {
        self.try_on(method, move |(): ()| {
            let rejection = Rejection::new(code, "no");
            Err::<(), Error>(Error::Rejected(rejection))
        });
    }

    /// From now on `method` waits for a permit before each answer.
    pub fn hold(&self, method: &str) -> Arc<Semaphore> {
        let permits = Arc::new(Semaphore::new(0));
        let mut held = self.held.lock().expect("not poisoned");
        held.insert(method.to_owned(), Arc::clone(&permits));
        permits
    }

    /// From now on `method` waits no longer; who waits already does.
    pub fn hold_no_more(&self, method: &str) {
        self.held.lock().expect("not poisoned").remove(method);
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("not poisoned").clone()
    }

    /// Waits until so many calls have come.
    pub async fn under_way(&self, calls: usize) {
        testkit::eventually("calls to be under way", || async {
            (self.calls().len() == calls).then_some(())
        })
        .await;
    }

    /// What `method` was asked, in order.
    pub fn asked<Q: Message + Default>(&self, method: &str) -> Vec<Q> {
        let calls = self.calls().into_iter();
        let calls = calls.filter(|call| call.method == method);
        calls
            .map(|call| Q::decode(call.message.as_slice()).expect("a message"))
            .collect()
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response<tonic::body::Body> {
    let method = request.uri().path().rsplit_once('.').unwrap_or_default().1;
    let asked = Asked {
        fake,
        method: method.to_owned(),
    };
    let mut server = tonic::server::Grpc::new(Raw);
    server.unary(asked, request).await
}

/// One call under way.
struct Asked {
    fake: Fake,
    method: String,
}

impl UnaryService<Vec<u8>> for Asked {
    type Response = Vec<u8>;
    type Future = BoxFuture<'static, Result<tonic::Response<Vec<u8>>, Status>>;

    fn call(&mut self, request: tonic::Request<Vec<u8>>) -> Self::Future {
        let (fake, method) = (self.fake.clone(), self.method.clone());
        Box::pin(async move {
            fake.answered(method, request)
                .await
                .map(tonic::Response::new)
        })
    }
}

impl Fake {
    async fn answered(
        &self,
        method: String,
        request: tonic::Request<Vec<u8>>,
    ) -> Result<Vec<u8>, Status> {
        let id = request.metadata().get(kit::context::REQUEST_ID);
        let request_id = id
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let message = request.into_inner();
        let call = Call {
            method: method.clone(),
            request_id,
            message: message.clone(),
        };
        self.calls.lock().expect("not poisoned").push(call);
        let held = self
            .held
            .lock()
            .expect("not poisoned")
            .get(&method)
            .cloned();
        if let Some(permits) = held {
            permits.acquire().await.expect("never closed").forget();
        }
        let script = self
            .scripts
            .lock()
            .expect("not poisoned")
            .get(&method)
            .cloned();
        script.map_or_else(|| Ok(Vec::new()), |script| script(&message))
    }
}

/// Messages as they travel.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}
