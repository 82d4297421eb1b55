use super::{CheckResult, Row, TestCounts};

/// One line a check: what came out, how many tests, how long.
pub(super) fn render(rows: &[Row]) -> String {
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let (result, counts) = match &row.result {
                CheckResult::Passed(counts) => ("passed", counts),
                CheckResult::Unchanged(counts) => ("unchanged", counts),
                CheckResult::Failed(counts) => ("FAILED", counts),
            };
            let tests = tests(*counts);
            format!("{:<12} {result:<9} {:>7.1} s  {tests}", row.name, row.took.as_secs_f64()).trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

fn tests(TestCounts { passed, failed, ignored }: TestCounts) -> String {
    if passed + failed + ignored == 0 {
        return String::new();
    }
    format!("{passed} passed, {failed} failed, {ignored} ignored")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_table_has_a_line_a_check() {
        let row = |name, result, ms| Row::new(String::from(name), result, Duration::from_millis(ms));
        let rows = [
            row("fmt", CheckResult::Passed(TestCounts::default()), 420),
            row("unit", CheckResult::Failed(TestCounts { passed: 9, failed: 1, ignored: 0 }), 61_000),
            row("console", CheckResult::Unchanged(TestCounts { passed: 62, failed: 0, ignored: 0 }), 0),
        ];
        let expected = "fmt          passed        0.4 s\n\
                        unit         FAILED       61.0 s  9 passed, 1 failed, 0 ignored\n\
                        console      unchanged     0.0 s  62 passed, 0 failed, 0 ignored";
        assert_eq!(render(&rows), expected);
    }
}
