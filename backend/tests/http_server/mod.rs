//! A small server of a test's own.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

/// One request as it came.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A server on the loopback that remembers what it was asked.
pub(crate) struct HttpServer {
    port: u16,
    requests: Arc<Mutex<Vec<Asked>>>,
    running: JoinHandle<()>,
}

impl HttpServer {
    /// Answers with what `answer` says: a status and a body.
    pub(crate) async fn start(answer: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (answer, remembered) = (Arc::new(answer), Arc::clone(&requests));
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, remembered) = (Arc::clone(&answer), Arc::clone(&remembered));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (answer, remembered) = (Arc::clone(&answer), Arc::clone(&remembered));
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                        let asked = Asked { path: head.uri.path().to_owned(), headers: head.headers, body };
                        let (status, text) = answer(&asked);
                        remembered.lock().unwrap().push(asked);
                        // Instance metadata says with a token how long it is good; to others it means nothing.
                        let response = Response::builder()
                            .status(status)
                            .header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
                            .body(Full::<Bytes>::from(text))
                            .unwrap();
                        Ok::<_, Infallible>(response)
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { port, requests, running }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.running.abort();
    }
}
