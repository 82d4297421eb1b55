/// How the program ends: what scripts can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Refused = 1,
    Usage = 2,
    Unanswered = 3,
    TimedOut = 4,
    Unwritten = 5,
    Interrupted = 130,
    Terminated = 143,
}

impl Exit {
    /// For the operating system.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

/// All of them, for `--help`; the README has the same.
pub(crate) const HELP: &str = "Exit codes:
  0    done
  1    refused by the service, or a job failed
  2    wrong usage: arguments, configuration, files that cannot be read
  3    no answer from the service
  4    a job goes on, or a webhook's test was not tried yet, and the time to wait for it is over
  5    the output could not be written
  130  interrupted (Ctrl-C); 143 terminated

Example: forebay submit all-minilm-l6-v2 --text 'A dam holds water back.' --wait";

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!("../README.md");

    #[test]
    fn help_and_readme_list_every_exit_code() {
        for exit in [
            Exit::Refused,
            Exit::Usage,
            Exit::Unanswered,
            Exit::TimedOut,
            Exit::Unwritten,
            Exit::Interrupted,
            Exit::Terminated,
        ] {
            let code = exit.code();
            assert!(HELP.contains(&format!("  {code} ")) || HELP.contains(&format!("; {code} ")), "{code}");
            assert!(README.contains(&format!("| {code} |")), "{code}");
        }
    }
}
