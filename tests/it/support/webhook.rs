//! A small HTTP server that keeps what was posted to it and answers as it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

/// Ends with the test.
pub struct HttpServer {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    status: AtomicU16,
    location: Mutex<String>,
    retry_after: Mutex<String>,
    body: Mutex<String>,
    requests: Mutex<Vec<Received>>,
    ended: AtomicBool,
}

#[derive(Debug, Clone)]
pub struct Received {
    /// `POST /path`.
    pub line: String,
    pub body: String,
    /// What it was answered with.
    pub status: u16,
}

impl Received {
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("JSON expected ({error}): {}", self.body))
    }
}

impl HttpServer {
    /// Answers 200.
    pub fn start() -> HttpServer {
        HttpServer::on(TcpListener::bind(("127.0.0.1", 0)).expect("a port"))
    }

    /// On a port that was free before.
    pub fn at(port: u16) -> HttpServer {
        let mut listener = None;
        super::wait_for("the port is free", || {
            listener = TcpListener::bind(("127.0.0.1", port)).ok();
            listener.is_some()
        });
        HttpServer::on(listener.expect("the port"))
    }

    fn on(listener: TcpListener) -> HttpServer {
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared {
            status: AtomicU16::new(200),
            location: Mutex::default(),
            retry_after: Mutex::default(),
            body: Mutex::new("ok".to_owned()),
            requests: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let served = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if served.ended.load(Ordering::SeqCst) {
                    return;
                }
                let served = served.clone();
                // a client that breaks off is no error of the test
                std::thread::spawn(move || served.answer(stream).ok());
            }
        });
        HttpServer { port, shared }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn set_status(&self, status: u16) {
        self.shared.status.store(status, Ordering::SeqCst);
    }

    pub fn set_body(&self, body: &str) {
        *self.shared.body.lock().expect("the body") = body.to_owned();
    }

    pub fn redirect_to(&self, location: &str) {
        *self.shared.location.lock().expect("the location") = location.to_owned();
        self.set_status(302);
    }

    /// Says so with every answer.
    pub fn retry_after(&self, value: &str) {
        *self.shared.retry_after.lock().expect("the time") = value.to_owned();
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.requests.lock().expect("the requests").clone()
    }

    /// What was answered with 2xx.
    pub fn taken(&self) -> Vec<Received> {
        self.received().into_iter().filter(|request| (200..300).contains(&request.status)).collect()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // wakes the thread that waits for the next connection
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let status = self.status.load(Ordering::SeqCst);
        let line = line.trim().trim_end_matches(" HTTP/1.1").to_owned();
        let body = String::from_utf8_lossy(&body).into_owned();
        if !line.is_empty() {
            self.requests.lock().expect("the requests").push(Received { line, body, status });
        }
        let answer = self.body.lock().expect("the body").clone();
        let location = match self.location.lock().expect("the location").as_str() {
            "" => String::new(),
            location => format!("location: {location}\r\n"),
        };
        let retry_after = match self.retry_after.lock().expect("the time").as_str() {
            "" => String::new(),
            value => format!("retry-after: {value}\r\n"),
        };
        write!(
            &stream,
            "HTTP/1.1 {status} x\r\n{location}{retry_after}content-length: {}\r\nconnection: close\r\n\r\n{answer}",
            answer.len()
        )
    }
}
