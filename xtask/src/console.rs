//! What the commands say: short lines, coloured on terminals only.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

/// Where lines go. Several steps may speak at once; each line is written whole.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    stream: Stream,
    colour: bool,
}

#[derive(Debug, Clone, Copy)]
enum Stream {
    Output,
    Errors,
    Nowhere,
}

impl Console {
    /// Speaks to standard output.
    pub fn stdout() -> Self {
        Self { stream: Stream::Output, colour: shows_colours(io::stdout().is_terminal()) }
    }

    /// Standard error: for failures, and for commands whose standard output is for programs.
    pub fn stderr() -> Self {
        Self { stream: Stream::Errors, colour: shows_colours(io::stderr().is_terminal()) }
    }

    /// Speaks to nobody: for steps whose log is enough.
    pub fn quiet() -> Self {
        Self { stream: Stream::Nowhere, colour: false }
    }

    /// One line, or several.
    pub fn line(self, text: impl AsRef<str>) {
        let text = text.as_ref();
        // A closed pipe is no reason to leave parts running: nobody listens, so nothing is said.
        let _ = match self.stream {
            Stream::Output => writeln!(io::stdout().lock(), "{text}"),
            Stream::Errors => writeln!(io::stderr().lock(), "{text}"),
            Stream::Nowhere => Ok(()),
        };
    }

    /// Writes a heading over what follows.
    pub fn heading(self, text: &str) {
        self.line(format!("\n{}", self.paint("1", text)));
    }

    /// Says that a step begins, and what it does.
    pub fn begin(self, step: &str, what: &str) {
        self.line(format!("{} {step:<16} {what}", self.paint("36", "▸")));
    }

    /// A step is still at work.
    pub fn note(self, step: &str, what: &str) {
        self.line(self.paint("2", &format!("  {step:<16} {what}")));
    }

    /// A step is done.
    pub fn done(self, step: &str, what: &str) {
        self.line(format!("{} {step:<16} {what}", self.paint("32", "✓")));
    }

    /// Says that a step failed, and why.
    pub fn failed(self, step: &str, what: &str) {
        self.line(format!("{} {step:<16} {what}", self.paint("31", "✗")));
    }

    /// Something the reader should know, but that stops nothing.
    pub fn warning(self, text: &str) {
        self.line(format!("{} {text}", self.paint("33", "!")));
    }

    /// Text in an ANSI colour, where colours are shown.
    pub fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn shows_colours(is_terminal: bool) -> bool {
    is_terminal && env::var_os("NO_COLOR").is_none()
}

/// A duration for people: `350 ms`, `7.2 s`, `45 s`, `3 min 05 s`.
pub fn duration(took: Duration) -> String {
    let seconds = took.as_secs();
    match seconds {
        0 => format!("{} ms", took.as_millis()),
        1..10 => format!("{:.1} s", took.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// A size for people, in decimal units as download sizes are given.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.0} kB", count as f64 / 1e3),
        1_000_000..10_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        10_000_000..1_000_000_000 => format!("{:.0} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        for (ms, text) in [(0, "0 ms"), (350, "350 ms"), (7_240, "7.2 s"), (45_900, "45 s"), (185_000, "3 min 05 s")] {
            assert_eq!(duration(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn sizes_read_well() {
        for (count, text) in
            [(12, "12 B"), (65_536, "66 kB"), (1_540_000, "1.5 MB"), (532_000_000, "532 MB"), (8_000_000_000, "8.0 GB")]
        {
            assert_eq!(bytes(count), text);
        }
    }
}
