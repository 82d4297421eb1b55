//! Event streams and WebSockets.

use forebay_contract::ProblemCode::*;
use serde_json::json;

use super::super::{
    Answer, Callers, Operation, Schemas, Tag,
    bodies::{SocketError, SocketEvent},
    examples, parameters,
};
use crate::objects::Wish;

const STREAM: &str = "Server-sent events: `id` numbers the job's events, `event` is `queued`, `running`, `progress`, `returned`, \
    `succeeded`, `failed`, `canceled` or `expired`, `data` is the job as `GET /v1/jobs/{id}` tells it, in one line. The \
    stream ends after the last event; a line `: keep-alive` comes every 15 seconds in between. While the job waits, its \
    last event comes again when its place has changed.\n\n\
    With `Upgrade: websocket` it is the WebSocket of `GET /v1/events`, watching this job already.";

const SOCKET: &str = "A WebSocket for many jobs at once. The client says `SocketWish`, the service `SocketEvent` and \
    `SocketError`, each a JSON text. What has been said of a job is told at once, then what happens. At most 100 jobs that \
    have not ended, 60 messages in ten seconds, 4 KiB a message; beyond them the socket is closed with 1008 or 1009.\n\n\
    A browser, which cannot set `Authorization`, offers the subprotocols `forebay.v1` and `forebay.bearer.KEY`; the answer \
    selects `forebay.v1`.";

pub fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    // No operation has them in a body.
    schemas.given::<Wish>();
    schemas.told::<SocketEvent<'_>>();
    schemas.told::<SocketError<'_>>();
    let switched = || Answer::empty(101, "A WebSocket.").with(&["Sec-WebSocket-Protocol"]);
    let stream = json!({ "examples": { "end": { "value": examples::event_stream() } } });
    vec![
        Operation {
            description: STREAM,
            parameters: vec![parameters::job_id(schemas), parameters::last_event_id()],
            problems: &[InvalidQuery, InvalidHeader, MalformedJobId, JobNotFound, JobExpired, TooManyListeners],
            ..get(
                "/v1/jobs/{id}/events",
                "followJob",
                "Hear what happens to a job",
                vec![
                    Answer::empty(200, "A stream that ends with the job.")
                        .or("text/event-stream", stream)
                        .with(&["Cache-Control"]),
                    Answer::empty(204, "The job has ended and the client knows all of it.").with(&["Cache-Control"]),
                    switched(),
                ],
            )
        },
        Operation {
            description: SOCKET,
            problems: &[InvalidQuery, UpgradeRequired, TooManyListeners],
            ..get("/v1/events", "followJobs", "Hear what happens to many jobs", vec![switched()])
        },
    ]
}

fn get(path: &'static str, id: &'static str, summary: &'static str, answers: Vec<Answer>) -> Operation {
    Operation { path, id, summary, answers, ..Operation::of(Tag::Waiting, Callers::Accounts) }
}
