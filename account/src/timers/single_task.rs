use std::cell::Cell;

/// A task of an object that runs once at a time: whoever asks for it while it runs has asked for nothing more.
#[derive(Debug, Default)]
pub struct SingleTask(Cell<bool>);

impl SingleTask {
    /// Whether the task is to be started: it does not run. From here on it counts as running.
    pub fn begin(&self) -> bool {
        !self.0.replace(true)
    }

    /// The task is over, or past the point from which on it may be asked for again.
    pub fn end(&self) {
        self.0.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_begins_and_the_next_after_its_end() {
        let task = SingleTask::default();
        assert_eq!([task.begin(), task.begin()], [true, false]);
        task.end();
        assert!(task.begin());
    }
}
