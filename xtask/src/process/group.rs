use std::{
    env,
    fs::OpenOptions,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::Failure;

/// How often a dying group is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A program and everything it starts: one process group, one log file, stopped as a whole and on drop.
///
/// Should this process itself be killed, a guard (a shell that waits for the end of a pipe that only we hold open)
/// kills the group. That also reaches grandchildren, such as the workerd that wrangler starts, which a parent-death
/// signal would not.
#[derive(Debug)]
pub struct Group {
    name: String,
    child: Child,
    guard: Child,
    log: PathBuf,
    status: Option<ExitStatus>,
    stopped: bool,
}

impl Group {
    /// Starts `command` in a group of its own; what it says is appended to `log`.
    pub fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        if let Some(folder) = log.parent() {
            std::fs::create_dir_all(folder)?;
        }
        forget_who_runs_us(command);
        let out = OpenOptions::new().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            // Ctrl-C on the terminal reaches us alone; we stop the parts in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("{name}: cannot start {}", command.get_program().display()))?;
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -s KILL -- \"-$1\" 2>/dev/null", "guard", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start sh")?;
        Ok(Self { name: name.to_owned(), child, guard, log: log.to_path_buf(), status: None, stopped: false })
    }

    /// The part's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id of the leader, which is the group's id too.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where the part's output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How the leader ended, if it has.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// An error that shows the end of the log, if the leader has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.exited()? {
            None => Ok(()),
            Some(status) => Err(Failure::new(&self.name, format!("ended unasked ({status})"), &self.log).into()),
        }
    }

    /// Whether it is this part, and not another program, that listens on the TCP port; taken for granted where the
    /// system does not tell.
    pub fn listens_on(&self, port: u16) -> bool {
        super::listener::is_of_group(self.child.id(), port).unwrap_or(true)
    }

    /// Sends a signal to the leader alone.
    pub fn signal_leader(&mut self, signal: Signal) -> Result<()> {
        if self.exited()?.is_none() {
            nix::sys::signal::kill(self.pid(), signal)?;
        }
        Ok(())
    }

    /// Stops all of it where it is, until [`Self::thaw`].
    pub fn freeze(&self) {
        self.signal_group(Signal::SIGSTOP);
    }

    /// It goes on where it was.
    pub fn thaw(&self) {
        self.signal_group(Signal::SIGCONT);
    }

    /// Sends SIGTERM, waits up to `patience` for the whole group to end, then kills what is left.
    pub fn stop(&mut self, patience: Duration) {
        self.signal_group(Signal::SIGTERM);
        self.thaw();
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline && !self.is_gone() {
            thread::sleep(LOOK);
        }
        self.kill();
    }

    /// Kills the whole group at once.
    pub fn kill(&mut self) {
        if self.stopped {
            return;
        }
        self.signal_group(Signal::SIGKILL);
        if self.status.is_none() {
            self.status = self.child.wait().ok();
        }
        self.release_guard();
        self.stopped = true;
    }

    /// Lets the group run on after this value is gone, for as long as what is given back lives.
    pub fn leave(&mut self) -> Left {
        self.stopped = true;
        Left { _pipe: self.guard.stdin.take() }
    }

    /// Waits for the leader to end, at most until `deadline`.
    pub fn wait_until(&mut self, deadline: Instant) -> Result<Option<ExitStatus>> {
        super::interrupt::poll(deadline, LOOK, || self.exited())
    }

    /// The guard must not outlive the group: the group's number may be given to others.
    fn release_guard(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }

    fn is_gone(&mut self) -> bool {
        matches!(self.exited(), Ok(Some(_))) && killpg(self.pid(), None) == Err(Errno::ESRCH)
    }

    fn signal_group(&self, signal: Signal) {
        if !self.stopped {
            let _ = killpg(self.pid(), signal);
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

/// A group that outlives its value; the guard kills it once this is dropped, or this process ends.
#[derive(Debug)]
pub struct Left {
    _pipe: Option<ChildStdin>,
}

/// `cargo xtask` tells this program its own package in variables. Some build scripts depend on variables of these names:
/// passed on, they would build again whenever cargo is run in the other way.
fn forget_who_runs_us(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.stopped {
            self.stop(Duration::from_secs(5));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("forebay-group-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn eventually(mut what: impl FnMut() -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if what() {
                return true;
            }
            thread::sleep(LOOK);
        }
        false
    }

    #[test]
    fn grandchildren_that_ignore_the_polite_signal_end_too() {
        let log = log("grandchildren");
        let mut group = Group::spawn("part", &mut shell("(trap '' TERM; sleep 600) & echo up; wait"), &log).unwrap();
        assert!(eventually(|| super::super::tail(&log, 1) == ["up"]));
        group.stop(Duration::from_millis(300));
        assert!(eventually(|| killpg(group.pid(), None) == Err(Errno::ESRCH)));
        std::fs::remove_file(&log).unwrap();
    }

    #[test]
    fn a_part_that_ends_unasked_is_reported_with_the_end_of_its_log() {
        let log = log("ended");
        let mut group = Group::spawn("part", &mut shell("echo no more disk; exit 3"), &log).unwrap();
        assert!(eventually(|| group.check_alive().is_err()));
        let text = group.check_alive().unwrap_err().to_string();
        assert!(text.contains("part ended unasked") && text.contains("no more disk"), "{text}");
        std::fs::remove_file(&log).unwrap();
    }

    #[test]
    fn a_part_is_distinguished_from_another_program_on_its_port() {
        let log = log("listens");
        let other = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let listen = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1]); time.sleep(60)";
        // A grandchild, as workerd is.
        let mut group = Group::spawn("part", shell("python3 -uc \"$0\" & wait").arg(listen), &log).unwrap();
        assert!(eventually(|| super::super::tail(&log, 1).len() == 1));
        let port: u16 = super::super::tail(&log, 1)[0].parse().unwrap();
        assert!(group.listens_on(port));
        assert!(!group.listens_on(other.local_addr().unwrap().port()));
        group.kill();
        std::fs::remove_file(&log).unwrap();
    }

    #[test]
    fn a_group_that_is_left_lives_until_nobody_keeps_it() {
        let log = log("left");
        let mut group = Group::spawn("part", &mut shell("sleep 600"), &log).unwrap();
        let (pid, left) = (group.pid(), group.leave());
        drop(group);
        assert_eq!(killpg(pid, None), Ok(()));
        drop(left);
        // Nobody has waited for the leader: it stays in the table, ended.
        let ended = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        assert!(eventually(ended));
        std::fs::remove_file(&log).unwrap();
    }

    #[test]
    fn the_guard_kills_the_group_when_its_pipe_closes() {
        let log = log("guard");
        let mut group = Group::spawn("part", &mut shell("sleep 600"), &log).unwrap();
        drop(group.guard.stdin.take());
        assert!(eventually(|| group.exited().unwrap().is_some()));
        std::fs::remove_file(&log).unwrap();
    }
}
