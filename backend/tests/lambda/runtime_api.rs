use std::{
    process::Stdio,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::timeout,
};

use crate::cloud::Delivery;

/// How long one event may take.
const TIME: Duration = Duration::from_secs(60);

/// A function's process, and the Runtime API it asks for events: what AWS documents under «Lambda runtime API».
pub(crate) struct Function {
    api: TcpListener,
    _process: Child,
    events: u32,
}

impl Function {
    pub(crate) async fn start(program: &str, environment: &[(String, String)]) -> Self {
        let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut command = Command::new(program);
        command
            .envs(environment.iter().cloned())
            .env("AWS_LAMBDA_RUNTIME_API", api.local_addr().unwrap().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "forebay")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Self { api, _process: command.spawn().unwrap(), events: 0 }
    }

    /// Brings these messages as one event; the ids of those that the function wants again.
    pub(crate) async fn answer(&mut self, messages: &[Delivery]) -> Vec<String> {
        let event = json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() }).to_string();
        self.events += 1;
        let answer = timeout(TIME, self.exchange(&event, self.events)).await.expect("an answer in time");
        let failures = answer["batchItemFailures"].as_array().expect("a partial batch response");
        failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    async fn exchange(&self, event: &str, number: u32) -> Value {
        let deadline = SystemTime::now() + TIME;
        let deadline_ms = deadline.duration_since(UNIX_EPOCH).unwrap().as_millis();
        let mut brought = false;
        loop {
            let (mut stream, _) = self.api.accept().await.unwrap();
            let (path, body) = read(&mut stream).await;
            if path.ends_with("/invocation/next") {
                if brought {
                    // Asked again before it answered on another connection: it waits for the next event.
                    continue;
                }
                brought = true;
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\
                     lambda-runtime-aws-request-id: {number}\r\nlambda-runtime-deadline-ms: {deadline_ms}\r\n\
                     lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:0:function:forebay\r\n\
                     lambda-runtime-trace-id: Root=1-0-0\r\n\r\n",
                    event.len()
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(event.as_bytes()).await.unwrap();
            } else {
                stream
                    .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .await
                    .unwrap();
                assert!(path.ends_with(&format!("/invocation/{number}/response")), "{path}: {body}");
                return serde_json::from_str(&body).unwrap();
            }
        }
    }
}

/// The path and the body of one request.
async fn read(stream: &mut TcpStream) -> (String, String) {
    let mut text = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        text.extend_from_slice(&chunk[..count]);
        let said = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = said.split_once("\r\n\r\n") else {
            assert!(count > 0, "a request was broken off");
            continue;
        };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let path = said.split(' ').nth(1).unwrap().to_owned();
        if head.contains("transfer-encoding: chunked") {
            if body.ends_with("0\r\n\r\n") {
                let lines: Vec<&str> = body.split("\r\n").collect();
                return (path, lines.iter().skip(1).step_by(2).copied().collect());
            }
        } else if body.len() >= length.unwrap_or(0) {
            return (path, body.to_owned());
        }
        assert!(count > 0, "a request was broken off");
    }
}

/// As an event source mapping writes it.
fn record(message: &Delivery) -> Value {
    json!({
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": { "ApproximateReceiveCount": message.receive_count },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": message.queue_arn,
        "awsRegion": "us-east-1",
    })
}
