//! `forebay dlq …`: the messages that workers took several times and never finished. It speaks to SQS itself, with the
//! operator's own AWS credentials; what a job holds is never shown.

mod arguments;
mod dead_letter;
mod queue;
mod sqs;

use std::{
    io::{Write as _, stderr, stdout},
    thread::sleep,
    time::{Duration, Instant},
};

use forebay_contract::Lane;
use serde_json::{Value, json};

pub(crate) use arguments::DlqArguments;
use arguments::DlqCommand;
use dead_letter::DeadLetter;
use queue::{Counts, DeadLetterQueue};

use crate::{failure::Failure, moment, table};

/// A redrive goes on in SQS when nobody watches it any more.
const WATCH: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(500);

/// Does what is asked for.
pub(crate) fn run(arguments: &DlqArguments) -> Result<(), Failure> {
    let open = |lane| DeadLetterQueue::of(arguments.queue_url_prefix.as_deref(), lane);
    match &arguments.command {
        DlqCommand::List { lanes } => {
            let prefix = arguments.queue_url_prefix.as_deref();
            let lanes = if lanes.is_empty() { DeadLetterQueue::lanes(prefix)? } else { lanes.clone() };
            list(&lanes.into_iter().map(open).collect::<Result<Vec<_>, _>>()?, arguments.json)
        }
        DlqCommand::Show { lane, limit } => show(&open(*lane)?, *limit, arguments.json),
        DlqCommand::Redrive { lane, job: None } => redrive(&open(*lane)?),
        DlqCommand::Redrive { lane, job: Some(job) } => redrive_one(&open(*lane)?, job),
    }
}

fn list(queues: &[DeadLetterQueue], as_json: bool) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for queue in queues {
        rows.push((queue.lane, queue.counts()?));
    }
    let text = if as_json {
        let row = |(lane, counts): &(Lane, Counts)| {
            let Counts { visible, hidden } = counts;
            json!({ "lane": lane.name(), "messages": visible, "hidden": hidden })
        };
        Value::Array(rows.iter().map(row).collect()).to_string() + "\n"
    } else {
        let row = |(lane, counts): &(Lane, Counts)| {
            [lane.name().to_owned(), counts.visible.to_string(), counts.hidden.to_string()]
        };
        table::render(["LANE", "MESSAGES", "HIDDEN"], &rows.iter().map(row).collect::<Vec<_>>())
    };
    Ok(write!(stdout(), "{text}")?)
}

fn show(queue: &DeadLetterQueue, limit: usize, as_json: bool) -> Result<(), Failure> {
    let held = queue.hold(limit, |_| false)?;
    queue.release(&held)?;
    let letters: Vec<&DeadLetter> = held.iter().map(|held| &held.letter).collect();
    if as_json {
        return Ok(writeln!(stdout(), "{}", serde_json::to_string(&letters).unwrap_or_default())?);
    }
    let row = |letter: &&DeadLetter| {
        let job = letter.job_id.clone().unwrap_or_else(|| "unreadable".to_owned());
        let model = letter.model.clone().unwrap_or_else(|| "-".to_owned());
        let account = letter.account.clone().unwrap_or_else(|| "-".to_owned());
        [
            job,
            account,
            model,
            moment::show(letter.accepted_ms),
            letter.receives.to_string(),
            letter.bytes.to_string(),
            letter.message_id.clone(),
        ]
    };
    let rows: Vec<_> = letters.iter().map(row).collect();
    let headings = ["JOB", "ACCOUNT", "MODEL", "ACCEPTED", "RECEIVES", "BYTES", "MESSAGE"];
    Ok(write!(stdout(), "{}", table::render(headings, &rows))?)
}

/// All of a lane: SQS moves them itself.
fn redrive(queue: &DeadLetterQueue) -> Result<(), Failure> {
    queue.start_moving()?;
    let deadline = Instant::now() + WATCH;
    loop {
        let task = queue.moving()?;
        if task.is_over() {
            let text = format!("{} of {}: {}", queue.lane, task.moved, task.status);
            if task.status == "COMPLETED" {
                return Ok(writeln!(stdout(), "moved {} messages back to {}", task.moved, queue.lane)?);
            }
            return Err(Failure::Unanswered(format!("SQS did not move all messages: {text} {}", task.why)));
        }
        if Instant::now() > deadline {
            // Where standard error is closed, nothing is lost.
            let _ = writeln!(stderr(), "forebay: SQS is still moving; {} are moved so far", task.moved);
            return Ok(());
        }
        sleep(LOOK);
    }
}

/// One job: sent to its lane first and deleted then, so that it is never in neither.
fn redrive_one(queue: &DeadLetterQueue, job: &str) -> Result<(), Failure> {
    let wanted = |letter: &DeadLetter| letter.job_id.as_deref() == Some(job);
    let held = queue.hold(usize::MAX, wanted)?;
    let (found, others): (Vec<_>, Vec<_>) = held.into_iter().partition(|held| wanted(&held.letter));
    queue.release(&others)?;
    let Some(found) = found.first() else {
        return Err(Failure::Usage(format!("{job} is not among the dead letters of {}", queue.lane)));
    };
    queue.send_back(found)?;
    Ok(writeln!(stdout(), "moved {job} back to {}", queue.lane)?)
}
