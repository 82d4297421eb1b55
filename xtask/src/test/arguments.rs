use anyhow::{Result, bail, ensure};

use super::Check;

/// What `cargo xtask test` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct TestArguments {
    /// Run only these, by name, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub only: Vec<Check>,
    /// Also run again what nothing changed for since it passed, what is long, and a hundred times as many seeds
    #[arg(long)]
    pub all: bool,
    /// Run what the changes of the working tree can have broken: what differs from HEAD, and new files
    #[arg(long, conflicts_with_all = ["only", "all"])]
    pub changed: bool,
    /// Leave the stack of a failing promise up and say how to reach it, until Ctrl-C
    #[arg(long)]
    pub keep: bool,
    /// Name everything that can be run, with --changed only what that would run, and run nothing
    #[arg(long, conflicts_with_all = ["only", "all", "keep", "names"])]
    pub list: bool,
    /// Of the one check in --only, run just these: promises (e2e), seeds as N or FROM..TO (simulation), or the tests whose
    /// names hold one of these (unit, localstack, models)
    #[arg(last = true, value_name = "NAME", requires = "only")]
    pub names: Vec<String>,
}

impl TestArguments {
    /// What clap cannot say.
    pub(super) fn check(&self) -> Result<()> {
        if !self.names.is_empty() {
            let [check] = self.only.as_slice() else {
                bail!("names choose among the tests of one check: say one in --only");
            };
            let name = check.name();
            ensure!(check.takes_names(), "{name} runs whole: names work with {}", Check::names_of(Check::takes_names));
        }
        let may_keep = self.only.is_empty() || self.only.contains(&Check::E2e);
        ensure!(!self.keep || may_keep, "--keep is for promises: cargo xtask test --only e2e --keep -- NAME");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        test: TestArguments,
    }

    fn complaint(line: &str) -> String {
        let words = std::iter::once("test").chain(line.split_whitespace());
        match <Line as clap::Parser>::try_parse_from(words) {
            Ok(line) => line.test.check().err().map(|error| error.to_string()).unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn names_choose_within_one_check_that_can_be_divided() {
        for (line, complains) in [
            ("", ""),
            ("--only fmt,unit", ""),
            ("--only unit -- limits tokens", ""),
            ("--only e2e --keep -- image_is_classified", ""),
            ("--only simulation -- 7 9..12", ""),
            ("--keep", ""),
            ("--only fmt -- a", "fmt runs whole: names work with unit, simulation, localstack, models, e2e"),
            ("--only unit,e2e -- a", "one check"),
            ("-- a", "--only"),
            ("--only unit --keep", "--keep is for promises"),
            ("--changed --only unit", "cannot be used with"),
            ("--changed --list", ""),
            ("--list --all", "cannot be used with"),
        ] {
            let said = complaint(line);
            assert!(if complains.is_empty() { said.is_empty() } else { said.contains(complains) }, "{line}: {said}");
        }
    }
}
