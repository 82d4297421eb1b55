use std::fmt;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::{build::cargo, console::Console, process::Run, repository::Repository};

/// What one decision of a limit costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Decision {
    /// The algorithm, and whether it lets most through or not; `governor` is the crate of that name.
    pub(super) name: String,
    /// Nanoseconds: criterion's estimate of the median.
    pub(super) ns: f64,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<32} {:>7.0} ns a decision", self.name, self.ns)
    }
}

/// The five algorithms, and governor's token bucket beside ours, by criterion.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<Vec<Decision>> {
    let name = "bench-limits";
    console.begin(name, "nanoseconds a decision, by criterion (the release build takes 2 min the first time)");
    let log = repository.step_log(name);
    let run = Run::new(console, name, &log)?;
    let mut bench = cargo(repository);
    bench.args(["bench", "--package", "forebay-limits", "--bench", "limits", "--", "--output-format", "bencher"]);
    run.program(&mut bench)?;
    let decisions = decisions(&std::fs::read_to_string(&log).with_context(|| log.display().to_string())?)?;
    console.done(name, &crate::console::duration(run.started.elapsed()));
    Ok(decisions)
}

/// Reads lines such as `test token-bucket/passes ... bench:          22 ns/iter (+/- 1)`.
fn decisions(output: &str) -> Result<Vec<Decision>> {
    let lines = output.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("test ")?.split_once(" ... bench:")?;
        let ns = rest.split("ns/iter").next()?.trim().replace(',', "").parse().ok()?;
        Some(Decision { name: name.trim().to_owned(), ns })
    });
    let decisions: Vec<Decision> = lines.collect();
    ensure!(!decisions.is_empty(), "the bench of the limits told nothing");
    Ok(decisions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_criterion_is_a_decision() {
        let output = "   Compiling x\ntest token-bucket/passes ... bench:          22 ns/iter (+/- 1)\n\n\
                      test sliding-log/passes ... bench:       1,020 ns/iter (+/- 30)\n";
        let found = decisions(output).unwrap();
        assert_eq!(found.iter().map(|one| one.ns).collect::<Vec<_>>(), [22.0, 1020.0]);
        assert_eq!(found[0].name, "token-bucket/passes");
        assert!(decisions("nothing").is_err());
    }
}
