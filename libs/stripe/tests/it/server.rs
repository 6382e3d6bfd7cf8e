//! A server that says what a test tells it to say, byte by byte, and remembers what it heard.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as it came over the wire.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Method and target: `POST /v1/transfers`.
    pub line: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// The head of a success, half of its body, and the end of the connection.
    HalfAnAnswer,
    /// The connection ends without a word.
    HangUp,
    /// Silence for as long as the client cares to wait.
    Silence,
}

impl Reply {
    pub fn json(status: u16, body: impl ToString) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: body.to_string(),
        }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

pub struct Server {
    pub url: String,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Server {
    /// Answers request number `n`, from 0, with `script(n, request)`.
    pub async fn start(script: impl Fn(usize, &Heard) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (connections, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(vec![])));
        let server = Self {
            url,
            connections: connections.clone(),
            heard: heard.clone(),
        };
        let script = Arc::new(script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, script.clone(), heard.clone()));
            }
        });
        server
    }

    /// Always the same reply.
    pub async fn always(reply: Reply) -> Self {
        Self::start(move |_, _| reply.clone()).await
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<impl Fn(usize, &Heard) -> Reply>,
    heard: Arc<Mutex<Vec<Heard>>>,
) {
    let mut buffer = Vec::new();
    while let Some(request) = next_request(&mut stream, &mut buffer).await {
        let number = {
            let mut heard = heard.lock().unwrap();
            heard.push(request.clone());
            heard.len() - 1
        };
        let bytes = match script(number, &request) {
            Reply::Answer {
                status,
                headers,
                body,
            } => answer(status, &headers, &body),
            Reply::HalfAnAnswer => {
                let half = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"id\":\"tr_1\",";
                let _ = stream.write_all(half.as_bytes()).await;
                return;
            }
            Reply::HangUp => return,
            Reply::Silence => {
                // Until the client goes away.
                let _ = stream.read(&mut [0]).await;
                return;
            }
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

fn answer(status: u16, headers: &[(&'static str, String)], body: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{text}\r\n{body}").into_bytes()
}

async fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Heard> {
    loop {
        if let Some((request, length)) = parse(buffer) {
            buffer.drain(..length);
            return Some(request);
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => buffer.extend_from_slice(&chunk[..read]),
        }
    }
}

/// The first whole request of the buffer, and its length in bytes.
fn parse(buffer: &[u8]) -> Option<(Heard, usize)> {
    let text = std::str::from_utf8(buffer).ok()?;
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut heard = Heard {
        line,
        headers,
        body: String::new(),
    };
    let length = heard
        .header("content-length")
        .map_or(0, |it| it.parse().unwrap());
    heard.body = rest.get(..length)?.to_owned();
    Some((heard, head.len() + 4 + length))
}
