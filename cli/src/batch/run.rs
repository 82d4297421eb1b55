//! All inputs, as many at once as the service takes.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    time::{Duration, Instant},
};

use forebay::{Client, JobId, LongPoll, Retry, Submission};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::{
    advance::{Common, Trouble},
    kept::Kept,
    line::Line,
    moments::Spans,
    outcome::{Outcome, alone, in_line},
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
    show::{Show, Tally},
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
    /// Each outcome is a line of JSON on standard output, with the result unless that goes to a file.
    pub(crate) in_lines: bool,
    /// The most inputs at once.
    pub(crate) parallel: usize,
    /// How long to wait, in seconds.
    pub(crate) timeout_s: u64,
    pub(crate) retry: Retry,
    pub(crate) kept: Kept,
    /// What an earlier run did is forgotten.
    pub(crate) anew: bool,
    /// What is to be told of the folders.
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
        let common = Common {
            client,
            template: moments.of(template),
            options: &options,
            wait,
            nonce: begun.nonce,
            moments,
            line: Line::new(options.parallel),
            is_late: Cell::new(false),
            book: RefCell::new(book),
            show: &show,
            alone,
        };
        let turn = Turn {
            common: &common,
            tally: Cell::new(Tally { all: items.len(), ..Tally::default() }),
            rows: RefCell::default(),
            widest: items.iter().map(|item| item.name.chars().count()).max().unwrap_or_default(),
        };
        let outcome = unless_ended(turn.all(&items), || turn.interrupted()).await;
        show.end();
        let tally = turn.tally.get();
        if !alone {
            show.say(&tally.summary(if options.goal == Goal::Results { "done" } else { "submitted" }));
        }
        if tally.left() == 0 {
            common.book.borrow_mut().finish()?;
        }
        outcome?;
        if tally.failed > 0 {
            let mut told = format!("{} of {} inputs failed", tally.failed, items.len());
            if options.kept.is_until_done() {
                told.push_str("; the same command does what is left, with --again also what failed, with --anew all");
            }
            return Err(Failure::Job(told));
        }
        match common.book.into_inner().journal {
            Some(journal) if options.kept.is_until_done() => journal.remove(),
            _ => Ok(()),
        }
    }
}

/// One run over all inputs.
struct Turn<'a> {
    common: &'a Common<'a>,
    tally: Cell<Tally>,
    rows: RefCell<Rows>,
    /// How wide the names of the inputs are.
    widest: usize,
}

impl Turn<'_> {
    async fn all(&self, items: &[Item]) -> Result<(), Failure> {
        let options = self.common.options;
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
                        under_way.push(async move { (item, self.common.advance(item).await) });
                        continue;
                    }
                    None
                }
                Next::RestUntil { ms } if !left.is_empty() => Some(ms.saturating_sub(now_ms())),
                Next::RestUntil { .. } | Next::Full => None,
            };
            let rest = Duration::from_millis(rest_ms.unwrap_or_default());
            let (item, outcome) = tokio::select! {
                Some(done) = under_way.next() => done,
                () = tokio::time::sleep(rest), if rest_ms.is_some() => continue,
            };
            match outcome {
                Ok(outcome) => {
                    pace.went_well();
                    self.settled(item, outcome)?;
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

    /// Counts an outcome and tells of it.
    fn settled(&self, item: &Item, outcome: Outcome) -> Result<(), Failure> {
        let mut tally = self.tally.get();
        let mut text = match &outcome {
            Outcome::Submitted(job) | Outcome::Succeeded { job, .. } => progress::line(job),
            Outcome::Earlier { .. } => "done earlier".to_owned(),
            Outcome::Failed { detail, .. } => format!("failed: {detail}"),
            Outcome::Refused(problem) => format!("refused: {problem}"),
        };
        match &outcome {
            Outcome::Failed { .. } | Outcome::Refused(_) => tally.failed += 1,
            Outcome::Earlier { .. } => (tally.done, tally.earlier) = (tally.done + 1, tally.earlier + 1),
            Outcome::Submitted(_) | Outcome::Succeeded { .. } => tally.done += 1,
        }
        self.tally.set(tally);
        let (options, show) = (self.common.options, self.common.show);
        if options.in_lines {
            show.write(&format!("{}\n", in_line(item, &outcome)?))?;
        }
        if let Some((id, status)) = self.row(&outcome) {
            show.write(&self.rows.borrow_mut().add(id.as_str(), &item.name, self.widest, &status))?;
            show.moved(tally);
            return Ok(());
        }
        if let Outcome::Succeeded { file: Some(file), .. } = &outcome {
            text = format!("{text}, {}", shown(file));
        }
        if self.common.alone {
            if matches!(outcome, Outcome::Earlier { .. }) {
                show.say(&format!("{}: {text}", item.name));
            }
            // Its other steps were told already.
            return alone(outcome);
        }
        if show.is_live() && matches!(outcome, Outcome::Failed { .. } | Outcome::Refused(_)) {
            show.say(&format!("{}: {text}", item.name));
        }
        show.settled(tally, &item.name, &text);
        Ok(())
    }

    /// Id and status of what goes into the table: what was submitted, now or earlier, where that was all.
    fn row<'a>(&self, outcome: &'a Outcome) -> Option<(&'a JobId, String)> {
        if self.common.options.in_lines || self.common.options.goal == Goal::Results {
            return None;
        }
        match outcome {
            Outcome::Submitted(job) => Some((&job.id, progress::line(job))),
            Outcome::Earlier { job } => Some((job, "submitted earlier".to_owned())),
            Outcome::Succeeded { .. } | Outcome::Failed { .. } | Outcome::Refused(_) => None,
        }
    }

    fn interrupted(&self) -> String {
        match (self.common.options.kept.path(), self.common.alone) {
            (Some(_), _) => "interrupted; run the same command again to do what is left".to_owned(),
            (None, true) => "interrupted; a job that was submitted goes on: see `forebay jobs`".to_owned(),
            (None, false) => "interrupted; jobs that were submitted go on: see `forebay jobs`".to_owned(),
        }
    }
}

/// From 0 up to 1.
fn random() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / (f64::from(u32::MAX) + 1.0)
}
