//! What is written to standard error while one waits: a moving line on a terminal, plain lines elsewhere.

use std::{
    cell::Cell,
    fmt,
    io::{self, IsTerminal as _, Write as _, stderr, stdout},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use forebay::{Job, JobStatus, LongPoll};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::{progress, under_way::UnderWay};

/// One job of which only the state is known.
const SPINNER: &str = "{spinner} {msg} {elapsed:.dim}";
/// One job that says how far it is.
const BAR: &str = "{bar:24} {msg} {elapsed:.dim}";
/// Many jobs; what is said of those under way is made anew with each tick.
const MANY: &str = "{wide_bar} {pos} of {len}, {eta} left{prefix}{under_way}";

/// Who watches standard error, and what was drawn there last.
#[derive(Debug)]
pub(crate) enum Show {
    Terminal {
        bar: ProgressBar,
        /// Those of many jobs that are under way.
        under_way: Arc<Mutex<UnderWay>>,
    },
    /// A pipe or a log, with what the one job's status was in the last line.
    Lines(Cell<Option<JobStatus>>),
}

/// How many inputs stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InputCounts {
    pub(crate) all: usize,
    pub(crate) done: usize,
    /// How many of those that are done were done in an earlier run.
    pub(crate) earlier: usize,
    pub(crate) failed: usize,
}

impl Show {
    /// For one job, of which every step is shown.
    pub(crate) fn one() -> Self {
        Self::with(ProgressBar::new_spinner, SPINNER)
    }

    /// For many jobs, whose number is shown.
    pub(crate) fn many(count: usize) -> Self {
        Self::with(|| ProgressBar::new(count as u64), MANY)
    }

    fn with(bar: impl FnOnce() -> ProgressBar, template: &str) -> Self {
        let style = ProgressStyle::with_template(template);
        match style {
            Ok(style) if stderr().is_terminal() => {
                let under_way = Arc::<Mutex<UnderWay>>::default();
                let drawn = Arc::clone(&under_way);
                let style = style.with_key("under_way", move |_: &ProgressState, line: &mut dyn fmt::Write| {
                    let under_way = drawn.lock().unwrap_or_else(PoisonError::into_inner);
                    // What cannot be drawn now is drawn with the next tick.
                    let _ = line.write_str(&under_way.line(Instant::now()));
                });
                let bar = bar().with_style(style).with_finish(indicatif::ProgressFinish::AndClear);
                bar.enable_steady_tick(Duration::from_millis(120));
                Self::Terminal { bar, under_way }
            }
            _ => Self::Lines(Cell::new(None)),
        }
    }

    /// Whether positions are worth asking for again and again.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::Terminal { .. })
    }

    /// The same wait, with a look each two seconds where somebody looks on.
    pub(crate) fn watched(&self, wait: LongPoll) -> LongPoll {
        let hold = if self.is_live() { Duration::from_secs(2) } else { wait.hold };
        LongPoll { hold, ..wait }
    }

    /// The one job stands so now.
    pub(crate) fn job(&self, job: &Job) {
        match self {
            Self::Terminal { bar, .. } => {
                draw_progress(bar, job);
                bar.set_message(progress::line(job));
            }
            Self::Lines(shown) if shown.replace(Some(job.status)) != Some(job.status) => {
                self.say(&format!("{}: {}", job.id, progress::line(job)));
            }
            Self::Lines(_) => {}
        }
    }

    /// One of many that are waited for stands so.
    pub(crate) fn one_of_many(&self, job: &Job) {
        if let Self::Terminal { under_way, .. } = self {
            under_way.lock().unwrap_or_else(PoisonError::into_inner).update(job, Instant::now());
        }
    }

    /// Moves the bar to how many have ended by now.
    pub(crate) fn moved(&self, counts: InputCounts) {
        if let Self::Terminal { bar, .. } = self {
            bar.set_position(counts.ended() as u64);
            if counts.failed > 0 {
                bar.set_prefix(format!(", {} failed", counts.failed));
            }
        }
    }

    /// One of many has ended.
    pub(crate) fn one_ended(&self, counts: InputCounts, name: &str, text: &str) {
        match self {
            Self::Terminal { .. } => self.moved(counts),
            Self::Lines(_) => self.say(&format!("[{}/{}] {name}: {text}", counts.ended(), counts.all)),
        }
    }

    /// Text for standard output, which may be the same terminal.
    pub(crate) fn write(&self, text: &str) -> io::Result<()> {
        let write = || stdout().write_all(text.as_bytes());
        match self {
            Self::Terminal { bar, .. } => bar.suspend(write),
            Self::Lines(_) => write(),
        }
    }

    /// A line that stays.
    pub(crate) fn say(&self, line: &str) {
        let line = line.replace(char::is_control, " ");
        let write = || {
            // Where standard error is closed nobody reads it.
            let _ = writeln!(stderr(), "{line}");
        };
        match self {
            Self::Terminal { bar, .. } => bar.suspend(write),
            Self::Lines(_) => write(),
        }
    }

    /// Clears what moves: nothing will move any more.
    pub(crate) fn end(&self) {
        if let Self::Terminal { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

/// A bar while the job says how far it is, a spinner else: also again, when another worker begins from the start.
fn draw_progress(bar: &ProgressBar, job: &Job) {
    let progress = job.progress.filter(|progress| job.status == JobStatus::Running && progress.total > 0);
    if progress.is_some() != bar.length().is_some()
        && let Ok(style) = ProgressStyle::with_template(if progress.is_some() { BAR } else { SPINNER })
    {
        bar.set_style(style);
    }
    match progress {
        Some(progress) => {
            bar.set_length(progress.total);
            bar.set_position(progress.done.min(progress.total));
        }
        None => bar.unset_length(),
    }
}

impl InputCounts {
    fn ended(self) -> usize {
        self.done + self.failed
    }

    /// How many have not ended.
    pub(crate) fn left(self) -> usize {
        self.all.saturating_sub(self.ended())
    }

    /// Such as `20 inputs: 17 done, 3 of them earlier; 1 failed; 2 left`; `done` is what was to be done with them.
    pub(crate) fn summary(self, done: &str) -> String {
        let mut summary = format!("{} inputs: {} {done}", self.all, self.done);
        for (count, text) in
            [(self.earlier, ", {} of them earlier"), (self.failed, "; {} failed"), (self.left(), "; {} left")]
        {
            if count > 0 {
                summary.push_str(&text.replace("{}", &count.to_string()));
            }
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_what_there_is_to_say() {
        let counts = InputCounts { all: 20, done: 17, earlier: 3, failed: 1 };
        assert_eq!(counts.summary("done"), "20 inputs: 17 done, 3 of them earlier; 1 failed; 2 left");
        assert_eq!(
            InputCounts { all: 2, done: 2, ..InputCounts::default() }.summary("submitted"),
            "2 inputs: 2 submitted"
        );
    }
}
