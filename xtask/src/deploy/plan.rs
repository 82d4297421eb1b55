//! What is there and what each step would do, before anything is done.

use crate::console::Console;

/// One line of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    step: &'static str,
    what: String,
    weight: Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// As it is already.
    Nothing,
    /// Done.
    Change,
    /// Cannot be taken back, or interrupts.
    Loud,
}

/// The plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    lines: Vec<Line>,
}

impl Plan {
    pub(super) fn nothing(&mut self, step: &'static str, what: impl Into<String>) {
        self.push(step, what, Weight::Nothing);
    }

    pub(super) fn change(&mut self, step: &'static str, what: impl Into<String>) {
        self.push(step, what, Weight::Change);
    }

    pub(super) fn loud(&mut self, step: &'static str, what: impl Into<String>) {
        self.push(step, what, Weight::Loud);
    }

    fn push(&mut self, step: &'static str, what: impl Into<String>, weight: Weight) {
        self.lines.push(Line { step, what: what.into(), weight });
    }

    /// How many things would be done.
    pub(super) fn changes(&self) -> usize {
        self.lines.iter().filter(|line| line.weight != Weight::Nothing).count()
    }

    pub(super) fn show(&self, console: Console) {
        for line in self.shown() {
            console.line(line);
        }
    }

    fn shown(&self) -> Vec<String> {
        let mark = |weight| match weight {
            Weight::Nothing => "=",
            Weight::Change => "~",
            Weight::Loud => "!",
        };
        let shown = self.lines.iter().map(|line| {
            format!("{} {:<10} {}", mark(line.weight), line.step, line.what).replace('\n', "\n             ")
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_what_is_not_and_what_cannot_be_taken_back_are_told_apart() {
        let mut plan = Plan::default();
        plan.nothing("network", "as it is");
        plan.change("forebay", "is updated\nchange A");
        plan.loud("edge", "migration v3");
        assert_eq!(
            plan.shown(),
            ["= network    as it is", "~ forebay    is updated\n             change A", "! edge       migration v3"]
        );
        assert_eq!(plan.changes(), 2);
    }
}
