/// How many tests passed, failed and were ignored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TestCounts {
    pub(super) passed: u32,
    pub(super) failed: u32,
    pub(super) ignored: u32,
}

impl TestCounts {
    /// Adds up the closing lines of every test program in a log: cargo's, the TAP that Node.js writes, and unittest's.
    pub(super) fn of(log: &str) -> Self {
        let mut counts = Self::default();
        for line in log.lines().filter_map(|line| line.trim().strip_prefix("test result: ")) {
            for part in line.split(['.', ';']) {
                let mut words = part.split_whitespace();
                let (Some(Ok(count)), Some(what)) = (words.next().map(str::parse::<u32>), words.next()) else {
                    continue;
                };
                match what {
                    "passed" => counts.passed += count,
                    "failed" => counts.failed += count,
                    "ignored" => counts.ignored += count,
                    _ => {}
                }
            }
        }
        for (what, count) in log.lines().filter_map(tap_count) {
            match what {
                "pass" => counts.passed += count,
                "fail" | "cancelled" => counts.failed += count,
                "skipped" | "todo" => counts.ignored += count,
                _ => {}
            }
        }
        counts.add_unittests(log);
        counts
    }

    /// `Ran 12 tests in 3.4s`, and two lines on `FAILED (failures=1, errors=1, skipped=2)`.
    fn add_unittests(&mut self, log: &str) {
        let mut ran = 0;
        for line in log.lines() {
            if let Some(count) = line.strip_prefix("Ran ").and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok())
            {
                ran = count;
                continue;
            }
            if ran == 0 || !(line == "OK" || line.starts_with("OK (") || line.starts_with("FAILED (")) {
                continue;
            }
            let named = |name: &str| {
                let mut parts = line.split(['(', ')', ',', ' ']).filter_map(|part| part.split_once('='));
                parts
                    .find(|(what, _)| *what == name)
                    .and_then(|(_, count)| count.parse::<u32>().ok())
                    .unwrap_or_default()
            };
            let (failed, ignored) = (named("failures") + named("errors"), named("skipped"));
            self.passed += ran.saturating_sub(failed + ignored);
            self.failed += failed;
            self.ignored += ignored;
            ran = 0;
        }
    }

    /// `12 passed, 1 ignored, `; empty for checks that are no tests.
    pub(super) fn shown(self) -> String {
        let parts = [(self.passed, "passed"), (self.failed, "failed"), (self.ignored, "ignored")];
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}, ")).collect()
    }
}

/// `# pass 12`
fn tap_count(line: &str) -> Option<(&str, u32)> {
    let (what, count) = line.strip_prefix("# ")?.split_once(' ')?;
    Some((what, count.parse().ok()?))
}

/// The tests of cargo's test programs that a log names, and those among them that failed.
pub(super) fn tests(log: &str) -> (Vec<&str>, Vec<&str>) {
    let lines = log.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "));
    let all: Vec<(&str, &str)> = lines.collect();
    let failed = all.iter().filter(|(_, outcome)| *outcome == "FAILED").map(|(name, _)| *name).collect();
    (all.into_iter().map(|(name, _)| name).collect(), failed)
}

/// What cargo and the test programs say at their end: each program's name, what it counted and its closing line.
/// Programs without any test are left out.
pub(super) fn closing_lines(log: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut program = None;
    for line in log.lines().map(str::trim) {
        if line.starts_with("Running ") || line.starts_with("Doc-tests ") {
            program = Some(line);
        } else if line.starts_with("counted: ") {
            lines.extend(program.take().map(str::to_owned));
            lines.push(line.to_owned());
        } else if line.starts_with("test result: ") {
            let is_empty = line.contains(" 0 passed; 0 failed; 0 ignored;");
            if !is_empty {
                lines.extend(program.take().map(str::to_owned));
                lines.push(line.to_owned());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "   Compiling x\n     Running unittests src/lib.rs (target/debug/deps/x-1)\n\nrunning 2 tests\ntest a ... \
                       ok\n\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in \
                       0.00s\n\n     Running unittests src/main.rs (target/debug/deps/x-2)\n\ntest result: ok. 0 passed; 0 \
                       failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n   Doc-tests x\n\ntest result: \
                       FAILED. 3 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s\n";

    #[test]
    fn unittests_tests_are_counted() {
        let log = "test_a (a.A) ... ok\n\nRan 104 tests in 33.0s\n\nOK\nRan 9 tests in 1s\n\nFAILED (failures=1, errors=2, \
                   skipped=3)\nOK\nRan 1 test in 0.1s\n\nOK (skipped=1)\n";
        assert_eq!(TestCounts::of(log), TestCounts { passed: 107, failed: 3, ignored: 4 });
    }

    #[test]
    fn every_program_counts() {
        assert_eq!(TestCounts::of(LOG), TestCounts { passed: 5, failed: 4, ignored: 1 });
        assert_eq!(TestCounts::of(LOG).shown(), "5 passed, 4 failed, 1 ignored, ");
        assert_eq!(TestCounts::of("warning: nothing").shown(), "");
        let tap = "ok 1 - a\n1..1\n# tests 9\n# pass 6\n# fail 1\n# cancelled 1\n# skipped 1\n# duration_ms 1.5\n";
        assert_eq!(TestCounts::of(tap), TestCounts { passed: 6, failed: 2, ignored: 1 });
    }

    #[test]
    fn tests_are_known_by_their_names() {
        let log = "test a::b ... ok\ntest c ... FAILED\ntest d - e (line 3) ... ignored\ntest result: ok. 2 passed\nx ... y\n";
        assert_eq!(tests(log), (vec!["a::b", "c", "d - e (line 3)"], vec!["c"]));
    }

    #[test]
    fn closing_lines_are_kept_whole_and_empty_programs_left_out() {
        let lines = closing_lines(LOG);
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0], "Running unittests src/lib.rs (target/debug/deps/x-1)");
        assert!(lines[1].starts_with("test result: ok. 2 passed; 0 failed"));
        assert_eq!(lines[2], "Doc-tests x");
    }
}
