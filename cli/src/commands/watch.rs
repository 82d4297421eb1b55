//! `forebay watch`

use std::{
    collections::BTreeSet,
    io::{Write as _, stderr, stdout},
};

use clap::Args;
use forebay::{Client, Error, Event, JobId, News};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::json;

use super::{CommonArguments, wait::expect_success};
use crate::{failure::Failure, interrupt::unless_ended, progress};

/// The most jobs at once: a socket watches no more.
const MOST: usize = 100;

#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    /// The jobs' ids, a hundred at most
    #[arg(value_name = "ID", required = true)]
    ids: Vec<JobId>,

    #[command(flatten)]
    common: CommonArguments,
}

/// Writes each event until all jobs ended; then ends as the first that did not succeed.
pub(crate) async fn run(arguments: &WatchArguments) -> Result<(), Failure> {
    let ids: BTreeSet<_> = arguments.ids.iter().cloned().collect();
    if ids.len() > MOST {
        return Err(Failure::Usage(format!("watch at most {MOST} jobs at once")));
    }
    let client = arguments.common.connection.client()?;
    let message = || "interrupted; jobs go on, and the same command watches again".to_owned();
    let watcher = Watcher { client, ids, as_json: arguments.common.json };
    unless_ended(watcher.until_ended(), message).await
}

/// Follows jobs for somebody, and writes what happens to them.
struct Watcher {
    client: Client,
    ids: BTreeSet<JobId>,
    as_json: bool,
}

impl Watcher {
    /// One job by its event stream, which misses nothing; several over one socket, where one comes through.
    async fn until_ended(&self) -> Result<(), Failure> {
        if self.ids.len() > 1
            && let Some(ended) = self.over_one_socket().await
        {
            return ended;
        }
        self.each_by_its_stream().await
    }

    /// `None` where there is no socket to be had.
    async fn over_one_socket(&self) -> Option<Result<(), Failure>> {
        let mut watch = self.client.watch(self.ids.iter().cloned());
        let mut news = match watch.next().await {
            Err(error) if is_missing(&error) => return None,
            news => news,
        };
        let mut first = Ok(());
        loop {
            let ended = match news {
                Ok(Some(News::Event(event))) => self.print(&event),
                Ok(Some(News::Refused { id, problem })) => refused(&id, &Error::Refused(problem).into()),
                Ok(None) => return Some(first),
                Err(error) => return Some(Err(error.into())),
            };
            match ended {
                Err(failure @ Failure::Unwritten(_)) => return Some(Err(failure)),
                ended => first = first.and(ended),
            }
            news = watch.next().await;
        }
    }

    async fn each_by_its_stream(&self) -> Result<(), Failure> {
        let mut jobs: FuturesUnordered<_> = self.ids.iter().map(|id| self.by_its_stream(id)).collect();
        let mut first = Ok(());
        while let Some(ended) = jobs.next().await {
            match ended {
                Err(failure @ Failure::Unwritten(_)) => return Err(failure),
                ended => first = first.and(ended),
            }
        }
        first
    }

    async fn by_its_stream(&self, id: &JobId) -> Result<(), Failure> {
        let mut events = self.client.events(id);
        loop {
            match events.next().await {
                Ok(Some(event)) if event.job.status.is_final() => return self.print(&event),
                Ok(Some(event)) => self.print(&event)?,
                Ok(None) => return Ok(()),
                Err(error) if self.ids.len() > 1 => return refused(id, &error.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes an event; where it is a job's end, ends as the job did.
    fn print(&self, Event { id, name, job }: &Event) -> Result<(), Failure> {
        let line = match self.as_json {
            true => json!({ "event": name, "id": id, "job": job.json }).to_string(),
            false => format!("{}  {}", job.id, progress::line(job)),
        };
        writeln!(stdout(), "{line}")?;
        if job.status.is_final() { expect_success(job) } else { Ok(()) }
    }
}

/// Reports which of several jobs cannot be followed.
fn refused(id: &JobId, failure: &Failure) -> Result<(), Failure> {
    writeln!(stderr(), "forebay: {id}: {failure}")?;
    Err(Failure::Reported(failure.exit()))
}

/// Whether the service, or what stands before it, has no WebSocket.
fn is_missing(error: &Error) -> bool {
    match error {
        Error::Foreign(_) => true,
        Error::Refused(problem) => matches!(problem.status, 404 | 405 | 426 | 501),
        _ => false,
    }
}
