use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::{Failure, Group, interrupt, tail};
use crate::console::{self, Console};

/// How often a long step says that it is still at work.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Runs programs of one step to their end: all output in the step's log, a sign of life every 15 s.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// Where the signs of life go.
    pub console: Console,
    /// The step's name.
    pub name: &'a str,
    /// The step's log.
    pub log: PathBuf,
    /// When the step began.
    pub started: Instant,
    /// Whether it says itself that it is still at work.
    pub shows_life: bool,
    /// Is set when another step failed: there is no use in going on.
    pub cancel: Option<&'a AtomicBool>,
}

impl<'a> Run<'a> {
    /// Begins the step's log anew.
    pub fn new(console: Console, name: &'a str, log: &Path) -> Result<Self> {
        if let Some(folder) = log.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(log, "")?;
        Ok(Self { console, name, log: log.to_path_buf(), started: Instant::now(), shows_life: true, cancel: None })
    }

    /// Runs one program; its failure is an error that shows the end of the log.
    pub fn program(&self, command: &mut Command) -> Result<()> {
        self.program_watched(command, || ())
    }

    /// The same, with something to do whenever the program is looked at.
    pub fn program_watched(&self, command: &mut Command, mut meanwhile: impl FnMut()) -> Result<()> {
        self.write_header(command)?;
        let mut group = Group::spawn(self.name, command, &self.log)?;
        let mut next_beat = Instant::now() + HEARTBEAT;
        loop {
            interrupt::check()?;
            if self.cancel.is_some_and(|cancel| cancel.load(Ordering::SeqCst)) {
                bail!("{}: stopped, because another step failed", self.name);
            }
            if let Some(status) = group.exited()? {
                group.kill();
                if status.success() {
                    return Ok(());
                }
                return Err(Failure::new(self.name, format!("failed ({status})"), &self.log).into());
            }
            if self.shows_life && Instant::now() >= next_beat {
                next_beat += HEARTBEAT;
                let last = tail(&self.log, 1).pop().unwrap_or_default();
                let elapsed = console::duration(self.started.elapsed());
                self.console.note(self.name, &format!("… {elapsed}  {}", sign_of_life(&last)));
            }
            meanwhile();
            thread::sleep(LOOK);
        }
    }

    /// The program and its arguments, for whoever reads the log. Never the environment: it may hold secrets.
    fn write_header(&self, command: &Command) -> Result<()> {
        let mut line = format!("$ {}", command.get_program().display());
        for argument in command.get_args() {
            line.push_str(&format!(" {}", argument.display()));
        }
        writeln!(OpenOptions::new().append(true).create(true).open(&self.log)?, "{line}")?;
        Ok(())
    }
}

/// What the last line of a log says about how far things are.
pub fn sign_of_life(line: &str) -> String {
    let line = line.trim();
    // pip's raw progress: "Progress 1234 of 5678", in bytes.
    let raw = line.strip_prefix("Progress ").and_then(|rest| rest.split_once(" of "));
    if let Some((at, of)) = raw
        && let (Ok(at), Ok(of)) = (at.parse(), of.parse::<u64>())
    {
        return if of == 0 { console::bytes(at) } else { format!("{} of {}", console::bytes(at), console::bytes(of)) };
    }
    line.chars().take(90).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pips_raw_progress_becomes_sizes() {
        assert_eq!(sign_of_life("Progress 213000000 of 532000000"), "213 MB of 532 MB");
        assert_eq!(sign_of_life("   Compiling syn v2.0.1"), "Compiling syn v2.0.1");
        assert_eq!(sign_of_life("Progress many of few"), "Progress many of few");
    }

    #[test]
    fn a_failed_program_shows_the_end_of_its_log() {
        let log = std::env::temp_dir().join(format!("forebay-run-{}", std::process::id()));
        let run = Run::new(Console::quiet(), "step", &log).unwrap();
        run.program(Command::new("sh").args(["-c", "echo fine"])).unwrap();
        let error = run.program(Command::new("sh").args(["-c", "echo out of luck; exit 7"])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("step failed") && text.contains("out of luck") && text.contains("fine"), "{text}");
        std::fs::remove_file(&log).unwrap();
    }
}
