//! All inputs, as many at once as the service takes.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    time::{Duration, Instant},
};

use forebay::{Client, JobId, LongPoll, Retry, Submission};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::{
    advance::{BatchContext, Trouble},
    input_status::{InputStatus, alone, in_line},
    journal_file::JournalFile,
    line::UploadLine,
    moments::Spans,
    pace::{Next, Pace},
    record::{Begun, VERSION},
    rows::Rows,
    start::{Start, start},
};
use crate::{
    failure::Failure,
    inputs::{Item, content::Kind, shown::shown},
    interrupt::unless_ended,
    progress,
    show::{InputCounts, Show},
    sink::Sink,
    span,
};

/// How far inputs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    Submitted,
    Results,
}

/// How a batch is done.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) goal: Goal,
    pub(crate) sink: Sink,
    pub(crate) kind: Option<Kind>,
    /// What failed earlier is tried again.
    pub(crate) again: bool,
    /// Each input's end is a line of JSON on standard output, with the result unless that goes to a file.
    pub(crate) in_lines: bool,
    /// The most inputs at once.
    pub(crate) parallel: usize,
    /// How long to wait, in seconds.
    pub(crate) timeout_s: u64,
    pub(crate) retry: Retry,
    pub(crate) journal: JournalFile,
    /// What an earlier run did is forgotten.
    pub(crate) anew: bool,
    /// What is to be said of the folders.
    pub(crate) left_out: Option<String>,
}

/// Inputs and what is asked for with each.
pub(crate) struct Batch<'a> {
    pub(crate) client: &'a Client,
    pub(crate) template: Submission,
    /// What the submissions have besides, counted from when the command first began.
    pub(crate) spans: Spans,
    pub(crate) begun: Begun,
    pub(crate) items: Vec<Item>,
    pub(crate) options: Options,
}

impl Begun {
    /// A journal of this request, with a nonce of its own.
    pub(crate) fn new(request: String, model: &str) -> Result<Self, Failure> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| Failure::Usage(format!("no randomness: {error}")))?;
        Ok(Self { version: VERSION, request, model: model.to_owned(), nonce: hex::encode(nonce) })
    }
}

impl Batch<'_> {
    /// Does what is left.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let Self { client, template, spans, begun, items, options } = self;
        let alone = items.len() == 1;
        let show = if alone { Show::one() } else { Show::many(items.len()) };
        if let Some(left_out) = &options.left_out {
            show.say(left_out);
        }
        let Start { begun, moments, book } = start(&options, begun, spans, &show)?;
        let wait = LongPoll::up_to(span::timeout(options.timeout_s));
        let wait = if alone { show.watched(wait) } else { wait };
        let context = BatchContext {
            client,
            template: moments.of(template),
            options: &options,
            wait,
            nonce: begun.nonce,
            moments,
            line: UploadLine::new(options.parallel),
            is_late: Cell::new(false),
            book: RefCell::new(book),
            show: &show,
            alone,
        };
        let run = BatchRun {
            context: &context,
            counts: Cell::new(InputCounts { all: items.len(), ..InputCounts::default() }),
            rows: RefCell::default(),
            widest: items.iter().map(|item| item.name.chars().count()).max().unwrap_or_default(),
        };
        let ended = unless_ended(run.all(&items), || run.interrupted()).await;
        show.end();
        let counts = run.counts.get();
        if !alone {
            show.say(&counts.summary(if options.goal == Goal::Results { "done" } else { "submitted" }));
        }
        if counts.left() == 0 {
            context.book.borrow_mut().finish()?;
        }
        ended?;
        if counts.failed > 0 {
            let mut message = format!("{} of {} inputs failed", counts.failed, items.len());
            if options.journal.is_until_done() {
                message
                    .push_str("; the same command does what is left, with --again also what failed, with --anew all");
            }
            return Err(Failure::Job(message));
        }
        match context.book.into_inner().journal {
            Some(journal) if options.journal.is_until_done() => journal.remove(),
            _ => Ok(()),
        }
    }
}

/// One run over all inputs.
struct BatchRun<'a> {
    context: &'a BatchContext<'a>,
    counts: Cell<InputCounts>,
    rows: RefCell<Rows>,
    /// How wide the names of the inputs are.
    widest: usize,
}

impl BatchRun<'_> {
    async fn all(&self, items: &[Item]) -> Result<(), Failure> {
        let options = self.context.options;
        let mut pace = Pace::new(options.parallel, options.retry);
        let mut left: VecDeque<&Item> = items.iter().collect();
        let mut under_way = FuturesUnordered::new();
        let mut late = None;
        let begun = Instant::now();
        let now_ms = || u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        while !(left.is_empty() && under_way.is_empty()) {
            let rest_ms = match pace.next(under_way.len(), now_ms()) {
                Next::Begin => {
                    if let Some(item) = left.pop_front() {
                        under_way.push(async move { (item, self.context.advance(item).await) });
                        continue;
                    }
                    None
                }
                Next::RestUntil { ms } if !left.is_empty() => Some(ms.saturating_sub(now_ms())),
                Next::RestUntil { .. } | Next::Full => None,
            };
            let rest = Duration::from_millis(rest_ms.unwrap_or_default());
            let (item, advanced) = tokio::select! {
                Some(done) = under_way.next() => done,
                () = tokio::time::sleep(rest), if rest_ms.is_some() => continue,
            };
            match advanced {
                Ok(status) => {
                    pace.went_well();
                    self.count(item, status)?;
                }
                Err(Trouble::Later(error)) => {
                    let named = error.problem().and_then(|problem| problem.retry_after);
                    if !pace.pushed_back(now_ms(), named, random()) {
                        return Err(error.into());
                    }
                    left.push_front(item);
                }
                Err(Trouble::Late(why)) => late = late.or(why),
                Err(Trouble::All(failure)) => return Err(failure),
            }
        }
        late.map_or(Ok(()), Err)
    }

    /// Counts an input that has come as far as it will, and shows it.
    fn count(&self, item: &Item, status: InputStatus) -> Result<(), Failure> {
        let mut counts = self.counts.get();
        let mut text = match &status {
            InputStatus::Submitted(job) | InputStatus::Succeeded { job, .. } => progress::line(job),
            InputStatus::Earlier { .. } => "done earlier".to_owned(),
            InputStatus::Failed { detail, .. } => format!("failed: {detail}"),
            InputStatus::Refused(problem) => format!("refused: {problem}"),
        };
        match &status {
            InputStatus::Failed { .. } | InputStatus::Refused(_) => counts.failed += 1,
            InputStatus::Earlier { .. } => (counts.done, counts.earlier) = (counts.done + 1, counts.earlier + 1),
            InputStatus::Submitted(_) | InputStatus::Succeeded { .. } => counts.done += 1,
        }
        self.counts.set(counts);
        let (options, show) = (self.context.options, self.context.show);
        if options.in_lines {
            show.write(&format!("{}\n", in_line(item, &status)?))?;
        }
        if let Some((id, status)) = self.row(&status) {
            show.write(&self.rows.borrow_mut().add(id.as_str(), &item.name, self.widest, &status))?;
            show.moved(counts);
            return Ok(());
        }
        if let InputStatus::Succeeded { file: Some(file), .. } = &status {
            text = format!("{text}, {}", shown(file));
        }
        if self.context.alone {
            if matches!(status, InputStatus::Earlier { .. }) {
                show.say(&format!("{}: {text}", item.name));
            }
            // Its other steps were shown already.
            return alone(status);
        }
        if show.is_live() && matches!(status, InputStatus::Failed { .. } | InputStatus::Refused(_)) {
            show.say(&format!("{}: {text}", item.name));
        }
        show.one_ended(counts, &item.name, &text);
        Ok(())
    }

    /// Id and status of what goes into the table: what was submitted, now or earlier, where that was all.
    fn row<'a>(&self, status: &'a InputStatus) -> Option<(&'a JobId, String)> {
        if self.context.options.in_lines || self.context.options.goal == Goal::Results {
            return None;
        }
        match status {
            InputStatus::Submitted(job) => Some((&job.id, progress::line(job))),
            InputStatus::Earlier { job } => Some((job, "submitted earlier".to_owned())),
            InputStatus::Succeeded { .. } | InputStatus::Failed { .. } | InputStatus::Refused(_) => None,
        }
    }

    fn interrupted(&self) -> String {
        match (self.context.options.journal.path(), self.context.alone) {
            (Some(_), _) => "interrupted; run the same command again to do what is left".to_owned(),
            (None, true) => "interrupted; a job that was submitted goes on: see `forebay jobs`".to_owned(),
            (None, false) => "interrupted; jobs that were submitted go on: see `forebay jobs`".to_owned(),
        }
    }
}

/// A number from 0 up to 1, for pauses that differ.
fn random() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / (f64::from(u32::MAX) + 1.0)
}
