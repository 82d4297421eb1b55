//! A service whose WebSockets say what a test says.

use std::{
    net::TcpListener,
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message, accept_hdr,
    handshake::server::{ErrorResponse, Request, Response},
};

use crate::{played::job, program::bare};

/// The service. It ends with the test.
pub struct Sockets {
    url: String,
    wishes: Arc<Mutex<Vec<Value>>>,
}

impl Sockets {
    /// Each connection says what `play(number)` gives, once it has heard what to watch. All but the last `of` break then.
    pub fn start(of: usize, play: impl Fn(usize) -> Vec<Value> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let wishes = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&wishes);
        thread::spawn(move || {
            for number in 0..of {
                let (stream, _) = listener.accept().unwrap();
                let mut socket = accept_hdr(stream, let_in).unwrap();
                let wish = socket.read().unwrap();
                heard.lock().unwrap().push(serde_json::from_str(wish.to_text().unwrap()).unwrap());
                for text in play(number) {
                    socket.send(Message::text(text.to_string())).unwrap();
                }
                if number + 1 == of {
                    while socket.read().is_ok() {}
                }
            }
        });
        Self { url, wishes }
    }

    /// The program with this service.
    pub fn forebay(&self, arguments: &[&str]) -> Command {
        let mut forebay = bare(arguments);
        forebay.env("FOREBAY_URL", &self.url).env("FOREBAY_KEY", "fb_test");
        forebay
    }

    /// The first message of each connection.
    pub fn wishes(&self) -> Vec<Value> {
        self.wishes.lock().unwrap().clone()
    }
}

/// What is said of a job.
pub fn news(id: &str, number: u32, status: &str) -> Value {
    json!({"type": "job", "event": status, "id": number, "job": job(id, status)})
}

#[expect(clippy::result_large_err, reason = "the library's own type")]
fn let_in(request: &Request, response: Response) -> Result<Response, ErrorResponse> {
    assert_eq!(request.uri().path(), "/v1/events");
    assert_eq!(request.headers()["authorization"], "Bearer fb_test");
    Ok(response)
}
