//! Event streams and WebSockets.

use forebay_contract::ProblemCode::*;
use serde_json::json;

use super::super::{
    Answer, Callers, Operation, Schemas, Tag,
    bodies::{SocketError, SocketEvent},
    examples, parameters,
};
use forebay_account::Wish;

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

pub fn of_job(schemas: &mut Schemas) -> Operation {
    let stream = json!({ "examples": { "end": { "value": examples::event_stream() } } });
    Operation {
        id: "followJob",
        summary: "Hear what happens to a job",
        description: STREAM,
        parameters: vec![parameters::job_id(schemas), parameters::last_event_id()],
        answers: vec![
            Answer::empty(200, "A stream that ends with the job.")
                .or("text/event-stream", stream)
                .with(&["Cache-Control", "X-Accel-Buffering"]),
            Answer::empty(204, "The job has ended and the client knows all of it.").with(&["Cache-Control"]),
            switched(),
        ],
        problems: &[InvalidQuery, InvalidHeader, MalformedJobId, JobNotFound, JobExpired, TooManyListeners],
        ..Operation::of(Tag::Waiting, Callers::Accounts)
    }
}

pub fn of_many(schemas: &mut Schemas) -> Operation {
    // No operation has them in a body.
    schemas.given::<Wish>();
    schemas.told::<SocketEvent<'_>>();
    schemas.told::<SocketError<'_>>();
    Operation {
        id: "followJobs",
        summary: "Hear what happens to many jobs",
        description: SOCKET,
        answers: vec![switched()],
        problems: &[InvalidQuery, UpgradeRequired, TooManyListeners],
        ..Operation::of(Tag::Waiting, Callers::Accounts)
    }
}

fn switched() -> Answer {
    Answer::empty(101, "A WebSocket.").with(&["Sec-WebSocket-Protocol"])
}
