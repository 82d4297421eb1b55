use std::{net::TcpListener, path::PathBuf, process::Stdio, time::Duration};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::cloud::Delivery;

/// How long one event, or a start, may take.
const TIME: Duration = Duration::from_secs(60);

/// A function's process, and cargo-lambda's emulator, which it asks for events.
pub(crate) struct Function {
    client: Client<HttpConnector, Full<Bytes>>,
    invocations: String,
    _emulator: Child,
    _process: Child,
}

impl Function {
    /// Starts the program of this package by its name.
    pub(crate) async fn start(name: &str, program: &str, environment: &[(String, String)]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut emulator = Command::new(cargo_lambda());
        emulator
            // It knows the functions of the package that it stands in.
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1", "--invoke-port"])
            .arg(port.to_string());
        let emulator = spawn(&mut emulator);
        let answers = async {
            while TcpStream::connect(&address).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(TIME, answers).await.expect("the emulator starts");

        let mut process = Command::new(program);
        process
            .envs(environment.iter().cloned())
            .env("AWS_LAMBDA_RUNTIME_API", format!("http://{address}/.rt/{name}"))
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1");
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            invocations: format!("http://{address}/2015-03-31/functions/{name}/invocations"),
            _emulator: emulator,
            _process: spawn(&mut process),
        }
    }

    /// Brings these messages as one event; the ids of those that the function wants again.
    pub(crate) async fn answer(&self, messages: &[Delivery]) -> Vec<String> {
        let event = json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() });
        let answer = timeout(TIME, self.invoke(&event)).await.expect("an answer in time");
        let failures = answer["batchItemFailures"].as_array().expect("a partial batch response");
        failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    async fn invoke(&self, event: &Value) -> Value {
        let request = Request::post(&self.invocations).body(Full::from(event.to_string())).unwrap();
        let answer = self.client.request(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }
}

/// Where set-up put it.
fn cargo_lambda() -> PathBuf {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.tools/cargo-lambda/bin/cargo-lambda");
    assert!(program.exists(), "cargo-lambda is missing: run `cargo xtask test --only localstack`, which installs it");
    program
}

fn spawn(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap()
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
