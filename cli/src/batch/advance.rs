//! One input on its way: submitted, waited for, its result put where it belongs.

use std::cell::{Cell, RefCell};

use forebay::{Answer, Client, Error, Input, Job, JobId, JobStatus, LongPoll, Submission};

use super::{
    input_status::InputStatus,
    journal::Journal,
    ledger::{Circumstances, Ledger, Step},
    line::UploadLine,
    moments::Moments,
    naming,
    record::Record,
    run::{Goal, Options},
};
use crate::{failure::Failure, inputs::Item, progress, show::Show, sink::Sink};

/// What all inputs have in common.
pub(super) struct BatchContext<'a> {
    pub(super) client: &'a Client,
    pub(super) template: Submission,
    pub(super) options: &'a Options,
    pub(super) wait: LongPoll,
    pub(super) nonce: String,
    /// What the template has, too.
    pub(super) moments: Moments,
    pub(super) line: UploadLine,
    /// It is too late for the deadline: nothing more is submitted.
    pub(super) is_late: Cell<bool>,
    pub(super) book: RefCell<Book>,
    pub(super) show: &'a Show,
    /// There is one input alone: its steps are shown.
    pub(super) alone: bool,
}

/// What is known, in memory and, where there is a journal, on disk.
pub(super) struct Book {
    pub(super) ledger: Ledger,
    pub(super) journal: Option<Journal>,
    /// The moments of this run, as long as nothing has them.
    pub(super) unwritten: Option<Moments>,
    /// The next run has those of this one, or of an earlier.
    pub(super) has_moments: bool,
}

/// Why an input did not come to an end.
pub(super) enum Trouble {
    /// The service pushes back, or is silent: later.
    Later(Error),
    /// It is too late to submit this input and any other; what is under way goes on. The first says why.
    Late(Option<Failure>),
    /// It is of no use to go on with any.
    All(Failure),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        if error.is_transient() { Self::Later(error) } else { Self::All(error.into()) }
    }
}

impl Book {
    /// Something is about to have this run's moments.
    pub(super) fn begin(&mut self) -> Result<(), Trouble> {
        let Some(moments) = self.unwritten.take() else { return Ok(()) };
        self.has_moments = true;
        self.enter(&Record::Moments(moments))
    }

    /// Nothing is left: the same command, with what is new by then, is a new one.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        match (&mut self.journal, self.has_moments) {
            (Some(journal), true) => journal.add(&Record::Finished {}),
            _ => Ok(()),
        }
    }

    fn enter(&mut self, record: &Record) -> Result<(), Trouble> {
        if let Some(journal) = &mut self.journal {
            journal.add(record).map_err(Trouble::All)?;
        }
        self.ledger.enter(record);
        Ok(())
    }
}

impl BatchContext<'_> {
    /// Takes an input as far as it goes.
    pub(super) async fn advance(&self, item: &Item) -> Result<InputStatus, Trouble> {
        let input = match item.read(self.options.kind) {
            Ok(input) => input,
            Err(detail) => return Ok(InputStatus::Failed { job: None, detail }),
        };
        let name = naming::item(&input);
        match self.round(item, &name, &input).await {
            // What the service forgot meanwhile is submitted anew, once.
            Err(Trouble::All(Failure::Refused(problem)))
                if matches!(problem.status, 404 | 410) && self.knows(&name) =>
            {
                self.book.borrow_mut().ledger.forget(&name);
                self.round(item, &name, &input).await
            }
            status => status,
        }
    }

    fn knows(&self, name: &str) -> bool {
        let step = self.book.borrow().ledger.step(name, Circumstances::default());
        matches!(step, Step::Wait { .. } | Step::Fetch { .. })
    }

    async fn round(&self, item: &Item, name: &str, input: &Input) -> Result<InputStatus, Trouble> {
        let has_result = self.options.sink.found(item).is_some();
        let circumstances = Circumstances { has_result, again: self.options.again };
        let step = self.book.borrow().ledger.step(name, circumstances);
        let (attempt, job) = match step {
            Step::Done { job } => return Ok(InputStatus::Earlier { job }),
            Step::Failed { job, detail } => return Ok(InputStatus::Failed { job: Some(job), detail }),
            Step::Wait { job, .. } if self.options.goal == Goal::Submitted => return Ok(InputStatus::Earlier { job }),
            Step::Wait { attempt, job } => (attempt, self.ended(&job).await?),
            Step::Fetch { attempt, job } => (attempt, self.client.job(&job).await?),
            Step::Submit { attempt } => {
                let submission = self.template.clone().input(input.clone());
                let key = naming::key(&self.nonce, name, attempt, self.moments);
                let job = match self.submit(&submission.idempotency_key(key), naming::weight(input)).await? {
                    Ok(job) => job,
                    Err(problem) => return Ok(InputStatus::Refused(problem)),
                };
                let (item, id) = (name.to_owned(), job.id.clone());
                self.book.borrow_mut().enter(&Record::Submitted { item, attempt, job: id })?;
                self.show_job(&job);
                match (self.options.goal, job.status.is_final()) {
                    (Goal::Submitted, _) => return Ok(InputStatus::Submitted(Box::new(job))),
                    (Goal::Results, true) => (attempt, job),
                    (Goal::Results, false) => (attempt, self.ended(&job.id).await?),
                }
            }
        };
        self.conclude(item, name, attempt, job).await
    }

    async fn ended(&self, id: &JobId) -> Result<Answer<Job>, Trouble> {
        Ok(self.client.wait_watched(id, self.wait, |job| self.show_job(job)).await?)
    }

    /// Writes down how a job ended, after its result is where it belongs.
    async fn conclude(&self, item: &Item, name: &str, attempt: u32, job: Answer<Job>) -> Result<InputStatus, Trouble> {
        let (id, status) = (job.id.clone(), job.status);
        let ended = |detail: String| Record::Ended {
            item: name.to_owned(),
            attempt,
            job: id.clone(),
            status,
            detail,
            retryable: job.failure.as_ref().is_some_and(|failure| failure.retryable),
        };
        if status != JobStatus::Succeeded {
            let detail = progress::why(&job);
            self.book.borrow_mut().enter(&ended(detail.clone()))?;
            return Ok(InputStatus::Failed { job: Some(id), detail });
        }
        let result = self.client.result(&id).await?;
        let goes_into_a_line = self.options.in_lines && self.options.sink == Sink::Stdout;
        let file = match goes_into_a_line {
            true => None,
            false => self.options.sink.put(item, &result).map_err(Trouble::All)?,
        };
        self.book.borrow_mut().enter(&ended(String::new()))?;
        Ok(InputStatus::Succeeded { job: Box::new(job), result, file })
    }

    fn show_job(&self, job: &Job) {
        match (self.alone, self.options.goal) {
            (true, _) => self.show.job(job),
            (false, Goal::Results) => self.show.one_of_many(job),
            // It has its row in the table, and is not followed.
            (false, Goal::Submitted) => {}
        }
    }
}
