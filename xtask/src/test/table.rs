use super::{Outcome, Row};

/// One line a check: what came out, how many tests, how long.
pub(super) fn render(rows: &[Row]) -> String {
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let (outcome, tally) = match &row.outcome {
                Outcome::Passed(tally) => ("passed", tally),
                Outcome::Unchanged(tally) => ("unchanged", tally),
                Outcome::Failed(tally) => ("FAILED", tally),
            };
            let tests = counts(tally.passed, tally.failed, tally.ignored);
            format!("{:<12} {outcome:<9} {:>7.1} s  {tests}", row.name, row.took.as_secs_f64()).trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

fn counts(passed: u32, failed: u32, ignored: u32) -> String {
    if passed + failed + ignored == 0 {
        return String::new();
    }
    format!("{passed} passed, {failed} failed, {ignored} ignored")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::Tally, *};

    #[test]
    fn the_table_has_a_line_a_check() {
        let row = |name, outcome, ms| Row::new(String::from(name), outcome, Duration::from_millis(ms));
        let rows = [
            row("fmt", Outcome::Passed(Tally::default()), 420),
            row("unit", Outcome::Failed(Tally { passed: 9, failed: 1, ignored: 0 }), 61_000),
            row("console", Outcome::Unchanged(Tally { passed: 62, failed: 0, ignored: 0 }), 0),
        ];
        let expected = "fmt          passed        0.4 s\n\
                        unit         FAILED       61.0 s  9 passed, 1 failed, 0 ignored\n\
                        console      unchanged     0.0 s  62 passed, 0 failed, 0 ignored";
        assert_eq!(render(&rows), expected);
    }
}
