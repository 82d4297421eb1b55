use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Client, answer::Answer, backoff::Backoff, error::Error, events::Event, id::JobId, job::Job, problem::Problem,
    retry::Repeat, websocket::Socket,
};

/// A message may have 4 KiB: so many ids fit in it, however long they are.
const IDS_A_MESSAGE: usize = 35;

/// What is heard of many jobs.
#[derive(Debug, Clone)]
pub enum News {
    /// Something happened to a job, or this is where it stands.
    Event(Box<Event>),
    /// A job cannot be watched: there is none of that id in the account, or too many are watched.
    Refused {
        /// The job that is not watched.
        id: JobId,
        /// Why it is not.
        problem: Box<Problem>,
    },
}

/// Many jobs over one WebSocket, a hundred open ones at most. A connection that breaks is made again; then each job is
/// told of as it stands, not with all that happened in between: [`Client::events`] has that, for one job.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    /// What was last heard of each that has not ended.
    last: BTreeMap<JobId, Option<(u64, Value)>>,
    open: Option<Socket>,
    /// The connections that broke since the last news.
    backoff: Backoff,
}

/// What the service says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Message {
    Job {
        event: String,
        id: u64,
        job: Value,
    },
    Error {
        problem: Value,
        /// The id that the problem is about, where it is about one.
        #[serde(default)]
        job: Option<String>,
    },
    #[serde(other)]
    Unknown,
}

impl Client {
    /// What happens to several jobs, as it happens. [`Error::Foreign`] where no WebSocket comes through.
    pub fn watch(&self, ids: impl IntoIterator<Item = JobId>) -> Watch {
        let last = ids.into_iter().map(|id| (id, None)).collect();
        Watch { client: self.clone(), last, open: None, backoff: Backoff::default() }
    }
}

impl Watch {
    /// The next news; `None` once all jobs ended.
    pub async fn next(&mut self) -> Result<Option<News>, Error> {
        while !self.last.is_empty() {
            match self.heard().await {
                Ok(Some(news)) => {
                    self.backoff.reset();
                    return Ok(Some(news));
                }
                Ok(None) => {}
                Err(error) => {
                    self.open = None;
                    self.backoff.pause(&self.client.0.retry, error, Repeat::Harmless).await?;
                }
            }
        }
        if let Some(socket) = self.open.take() {
            socket.close().await;
        }
        Ok(None)
    }

    async fn heard(&mut self) -> Result<Option<News>, Error> {
        let socket = match &mut self.open {
            Some(socket) => socket,
            None => self.open.insert(open(&self.client, self.last.keys()).await?),
        };
        let text = socket.hear().await?;
        read(&mut self.last, &text)
    }
}

async fn open(client: &Client, ids: impl Iterator<Item = &JobId>) -> Result<Socket, Error> {
    let mut socket = Socket::open(client, "/v1/events").await?;
    let ids: Vec<_> = ids.collect();
    for ids in ids.chunks(IDS_A_MESSAGE) {
        socket.say(json!({ "watch": ids }).to_string()).await?;
    }
    Ok(socket)
}

/// What a message says that was not said before.
fn read(last: &mut BTreeMap<JobId, Option<(u64, Value)>>, text: &str) -> Result<Option<News>, Error> {
    match Answer::<Message>::read(text.as_bytes())?.value {
        Message::Job { event, id, job } => {
            let job: Answer<Job> = Answer::of(job)?;
            let Some(known) = last.get_mut(&job.id) else { return Ok(None) };
            let now = (id, job.json.clone());
            // After a new connection: the same again, or less than is known.
            if known.as_ref().is_some_and(|known| known.0 > id || *known == now) {
                return Ok(None);
            }
            *known = Some(now);
            if job.status.is_final() {
                last.remove(&job.id);
            }
            Ok(Some(News::Event(Box::new(Event { id: Some(id.to_string()), name: event, job }))))
        }
        Message::Error { problem, job } => {
            let status = problem.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
            let problem = Problem::of(status.unwrap_or_default(), problem.to_string().as_bytes());
            match job.map(|job| job.parse::<JobId>()) {
                Some(Ok(id)) if last.remove(&id).is_some() => {
                    Ok(Some(News::Refused { id, problem: Box::new(problem) }))
                }
                Some(_) => Ok(None),
                None => Err(problem.into()),
            }
        }
        Message::Unknown => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(event: &str, id: u64, job: &str) -> String {
        json!({"type": "job", "event": event, "id": id, "job": {"id": job, "status": event}}).to_string()
    }

    fn watched(ids: &[&str]) -> BTreeMap<JobId, Option<(u64, Value)>> {
        ids.iter().map(|id| (id.parse().unwrap(), None)).collect()
    }

    #[test]
    fn what_was_heard_is_not_heard_again_after_a_new_connection() {
        let mut last = watched(&["job_1", "job_2"]);
        let mut says_something = |text: &str| read(&mut last, text).unwrap().is_some();
        assert!(says_something(&job("queued", 1, "job_1")));
        assert!(says_something(&job("running", 2, "job_1")));
        assert!(!says_something(&job("running", 2, "job_1")), "the same again");
        assert!(!says_something(&job("queued", 1, "job_1")), "less than is known");
        assert!(!says_something(&job("queued", 1, "job_3")), "of a job that nobody watches");
        assert!(says_something(&job("succeeded", 3, "job_1")));
        assert!(!says_something(&job("succeeded", 3, "job_1")), "it has ended");
        assert!(!says_something(r#"{"type": "news"}"#));
        assert_eq!(last.len(), 1);
    }

    #[test]
    fn a_problem_is_of_its_job_or_of_the_whole_connection() {
        let mut last = watched(&["job_1"]);
        let problem = json!({"title": "No", "code": "job-not-found", "status": 404, "detail": "", "retryable": false});
        let of = |job: Value| json!({"type": "error", "problem": problem, "job": job}).to_string();
        assert!(read(&mut last, &of(json!("job_2"))).unwrap().is_none());
        let news = read(&mut last, &of(json!("job_1"))).unwrap();
        assert!(matches!(&news, Some(News::Refused { problem, .. }) if problem.status == 404), "{news:?}");
        assert!(last.is_empty());
        let whole = read(&mut last, &of(Value::Null)).unwrap_err();
        assert_eq!(whole.problem().unwrap().code, "job-not-found");
        assert!(read(&mut last, "[]").is_err() && read(&mut last, "no").is_err());
    }

    #[test]
    fn a_wish_is_never_too_long() {
        let ids = vec!["x".repeat(100); IDS_A_MESSAGE];
        assert!(json!({ "watch": ids }).to_string().len() <= 4_096);
    }
}
