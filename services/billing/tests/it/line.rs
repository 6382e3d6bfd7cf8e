//! A way to Stripe that loses or delays answers, or gives others.

use std::sync::{Arc, Mutex};

use anyhow::Result;
use testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub const CHANGES: &str = "POST /v1/subscriptions/";
pub const READINGS: &str = "GET /v1/subscriptions/";
pub const PAGES: &str = "POST /v1/checkout/sessions ";
pub const OPEN_PAGES: &str = "GET /v1/checkout/sessions?";
pub const PRICES: &str = "GET /v1/prices";

pub struct Line {
    pub url: String,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    now: Mutex<Now>,
    release: Notify,
}

#[derive(Default)]
struct Now {
    /// Answers to questions that begin like this are lost.
    loses: Option<&'static str>,
    /// The next answer to one that begins like this is held; taken down by that.
    holds: Option<&'static str>,
    /// The next question that begins like this is held; taken down by that.
    delays: Option<&'static str>,
    /// Questions that begin like this are refused before they reach Stripe.
    refuses: Option<&'static str>,
    /// Held at this moment.
    held: bool,
    /// Idempotency keys of the changes that went out.
    keys: Vec<String>,
}

impl Line {
    pub async fn to(stripe: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let faults = Arc::new(Faults::default());
        let (shared, stripe) = (Arc::clone(&faults), stripe.replace("http://", ""));
        kit::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(stripe) = TcpStream::connect(&stripe).await {
                    kit::spawn(carry(client, stripe, Arc::clone(&shared)));
                }
            }
        });
        Ok(Self { url, faults })
    }

    /// Loses the answers to questions that begin like this, until told otherwise.
    pub fn lose(&self, what: Option<&'static str>) {
        self.faults.now(|now| now.loses = what);
    }

    /// Refuses questions that begin like this, from now on.
    pub fn refuse(&self, what: &'static str) {
        self.faults.now(|now| now.refuses = Some(what));
    }

    pub fn hold_next(&self, what: &'static str) {
        self.faults.now(|now| now.holds = Some(what));
    }

    pub fn delay_next(&self, what: &'static str) {
        self.faults.now(|now| now.delays = Some(what));
    }

    pub async fn until_held(&self) {
        eventually("something to be held", || async {
            self.faults.now(|now| now.held).then_some(())
        })
        .await;
    }

    pub fn release(&self) {
        self.faults.release.notify_one();
    }

    pub fn keys(&self) -> Vec<String> {
        self.faults.now(|now| now.keys.clone())
    }
}

impl Faults {
    fn now<T>(&self, work: impl FnOnce(&mut Now) -> T) -> T {
        work(&mut self.now.lock().expect("no poison"))
    }

    fn judge(&self, question: &[u8]) -> Fate {
        let like = |what: &str| question.starts_with(what.as_bytes());
        self.now(|now| {
            if like(CHANGES) {
                now.keys.extend(key_of(question));
            }
            Fate {
                refused: now.refuses.is_some_and(like),
                lost: now.loses.is_some_and(like),
                held: now.holds.take_if(|what| like(what)).is_some(),
                delayed: now.delays.take_if(|what| like(what)).is_some(),
            }
        })
    }

    async fn hold(&self) {
        self.now(|now| now.held = true);
        self.release.notified().await;
        self.now(|now| now.held = false);
    }
}

#[derive(Default)]
struct Fate {
    refused: bool,
    lost: bool,
    held: bool,
    delayed: bool,
}

const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\
    content-length: 68\r\n\r\n\
    {\"error\":{\"type\":\"invalid_request_error\",\"code\":\"resource_missing\"}}";

async fn carry(mut client: TcpStream, mut stripe: TcpStream, faults: Arc<Faults>) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    let mut fate = Fate::default();
    loop {
        let sent = tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(length) if length > 0 => {
                    fate = faults.judge(&asked[..length]);
                    if fate.delayed {
                        faults.hold().await;
                    }
                    if fate.refused {
                        if client.write_all(REFUSAL).await.is_err() {
                            return;
                        }
                        continue;
                    }
                    stripe.write_all(&asked[..length]).await
                }
                _ => return,
            },
            read = stripe.read(&mut answered) => match read {
                Ok(length) if length > 0 && !fate.lost => {
                    if std::mem::take(&mut fate.held) {
                        faults.hold().await;
                    }
                    client.write_all(&answered[..length]).await
                }
                _ => return,
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The idempotency key in a question's head.
fn key_of(question: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(question).to_lowercase();
    let (_, rest) = head.split_once("idempotency-key: ")?;
    Some(rest.lines().next()?.to_owned())
}
