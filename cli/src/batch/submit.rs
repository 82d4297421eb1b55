//! The submission of one input.

use forebay::{Answer, Error, Job, Problem, Submission};

use super::advance::{BatchContext, Trouble};
use crate::{failure::Failure, moment};

impl BatchContext<'_> {
    /// Submits, unless it is too late; `Err` within is a refusal of this input alone.
    pub(super) async fn submit(
        &self,
        submission: &Submission,
        bytes: u64,
    ) -> Result<Result<Answer<Job>, Box<Problem>>, Trouble> {
        let now_ms = moment::now_ms();
        if self.is_late.get() {
            return Err(Trouble::Late(None));
        }
        if self.moments.are_over(now_ms) {
            self.is_late.set(true);
            let over = self.moments.over(self.options.journal.path().is_some(), now_ms);
            return Err(Trouble::Late(Some(Failure::Job(over))));
        }
        self.book.borrow_mut().begin()?;
        match self.line.submit(self.client, submission, bytes).await {
            Ok(job) => Ok(Ok(job)),
            Err(Error::Refused(problem)) if concerns_input(&problem) => Ok(Err(problem)),
            Err(Error::Refused(problem)) if concerns_deadline(&problem) => {
                let is_first = !self.is_late.replace(true);
                Err(Trouble::Late(is_first.then_some(Failure::Refused(problem))))
            }
            // Nothing here sends another request under a key; what a service of another version makes of one may be.
            Err(Error::Refused(problem))
                if problem.code == "idempotency-mismatch" && self.options.journal.path().is_some() =>
            {
                let advice = "an earlier run sent something else under this key: --anew begins from the start";
                Err(Trouble::All(Failure::Job(format!("{problem}; {advice}"))))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a refusal is about the deadline, which all inputs share and which comes nearer.
fn concerns_deadline(problem: &Problem) -> bool {
    matches!(problem.code.as_str(), "deadline-infeasible" | "invalid-deadline")
}

/// Whether a refusal is about this input alone; others would meet every input.
fn concerns_input(problem: &Problem) -> bool {
    let code = problem.code.as_str();
    matches!(problem.status, 413 | 415) || code.starts_with("image-") || code.starts_with("input-")
}
