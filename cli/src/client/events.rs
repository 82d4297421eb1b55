use std::{collections::VecDeque, time::Duration};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::{
    Call, Client,
    answer::Answer,
    backoff::Backoff,
    error::Error,
    id::JobId,
    job::Job,
    retry::Repeat,
    sse::{SseEvent, SseReader},
};

/// The service says something at least each 15 seconds; after this long the connection is taken for dead.
const SILENCE: Duration = Duration::from_secs(45);

/// What happened to a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number, growing within a job.
    pub id: Option<String>,
    /// `queued`, `running`, `progress`, `returned`, or how it ended.
    pub name: String,
    /// The job after it.
    pub job: Answer<Job>,
}

/// A job's events, in order. A connection that breaks is made again, and what was missed comes then.
#[derive(Debug)]
pub struct Events {
    client: Client,
    id: JobId,
    last: Option<String>,
    open: Option<(Incoming, SseReader)>,
    read: VecDeque<SseEvent>,
    has_ended: bool,
    /// The connections that broke since the last event.
    backoff: Backoff,
}

impl Events {
    pub(crate) fn new(client: Client, id: JobId) -> Self {
        let (last, open, read) = (None, None, VecDeque::new());
        Self { client, id, last, open, read, has_ended: false, backoff: Backoff::default() }
    }

    /// The next event; `None` after the job's end.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        while !self.has_ended {
            if let Some(event) = self.read.pop_front() {
                return self.read_event(event).map(Some);
            }
            let Err(error) = self.more().await else { continue };
            self.open = None;
            self.backoff.pause(&self.client.0.retry, error, Repeat::Harmless).await?;
        }
        Ok(None)
    }

    fn read_event(&mut self, event: SseEvent) -> Result<Event, Error> {
        let job: Answer<Job> = Answer::read(event.data.as_bytes())?;
        self.last = event.id.clone().or(self.last.take());
        self.has_ended = job.status.is_final();
        self.backoff.reset();
        Ok(Event { id: event.id, name: event.event, job })
    }

    /// Reads a piece of the stream, which is opened where it is not.
    async fn more(&mut self) -> Result<(), Error> {
        let broke = |why: &str| Error::Unanswered(format!("the events of {} broke off: {why}", self.id));
        let (stream, reader) = match &mut self.open {
            Some(open) => open,
            None => self.open.insert((open(&self.client, &self.id, self.last.clone()).await?, SseReader::default())),
        };
        let frame = tokio::time::timeout(SILENCE, stream.frame()).await.map_err(|_| broke("silence"))?;
        let frame = frame.ok_or_else(|| broke("the service closed them"))?;
        let frame = frame.map_err(|error| broke(&error.to_string()))?;
        let Some(piece) = frame.data_ref() else { return Ok(()) };
        let too_long = |_| Error::Foreign(format!("the events of {} are too long", self.id));
        self.read.extend(reader.read(piece).map_err(too_long)?);
        Ok(())
    }
}

async fn open(client: &Client, id: &JobId, last: Option<String>) -> Result<Incoming, Error> {
    let mut headers = vec![("accept", "text/event-stream".to_owned())];
    headers.extend(last.map(|last| ("last-event-id", last)));
    let call = Call { headers, ..Call::get(format!("/v1/jobs/{id}/events")) };
    let request = client.request(&call)?;
    let late = |_| Error::Unanswered("the service did not begin to tell events in time".to_owned());
    let response =
        tokio::time::timeout(client.0.idle_timeout, client.0.transport.open(request)).await.map_err(late)??;
    Ok(response.into_body())
}
