//! What the operator sets for Account and Lane objects, and how settings are read: all that is wrong at once.

use std::fmt;

use forebay_admission::lifetime::Lifetime;
use forebay_contract::SECRET_MIN_CHARS;

const DAY_MS: u64 = 86_400_000;

/// What the operator has set for the objects.
pub struct Settings {
    /// How long after the last news of a job the bucket is asked about it, in milliseconds.
    pub reconcile_after_ms: u64,
    /// The most jobs that may wait for an unreachable queue, in one object.
    pub outbox_max_jobs: usize,
    /// How long a job is kept after it was accepted, in milliseconds.
    pub retention_ms: u64,
    /// How long the bucket keeps a result after its last write, in milliseconds.
    pub result_lifetime_ms: u64,
    /// The most event streams of one object.
    pub event_streams_max: usize,
    /// The most WebSockets of one object.
    pub sockets_max: usize,
    /// How long the delivery of a webhook may take, in milliseconds.
    pub webhook_timeout_ms: u64,
}

impl Settings {
    /// What variables say that `get` gives by their names.
    pub fn of(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let mut variables = Variables::new(get);
        let settings = Self::read(&mut variables);
        variables.checked(settings)
    }

    /// What the variables say; wrong ones are complained of there.
    pub fn read(variables: &mut Variables<'_>) -> Self {
        Self {
            webhook_timeout_ms: variables.number("WEBHOOK_TIMEOUT_MS", 15_000, 60_000),
            reconcile_after_ms: variables.number("RECONCILE_AFTER_MS", 30_000, DAY_MS),
            outbox_max_jobs: variables.number("OUTBOX_MAX_JOBS", 10_000, 1_000_000) as usize,
            retention_ms: variables.number("JOB_RETENTION_DAYS", 7, 365) * DAY_MS,
            result_lifetime_ms: variables.number("RESULT_LIFETIME_DAYS", 30, 3_650) * DAY_MS,
            event_streams_max: variables.number("EVENT_STREAMS_MAX", 1_000, 1_000) as usize,
            sockets_max: variables.number("SOCKETS_MAX", 2_500, 10_000) as usize,
        }
    }

    /// What answers are held to, where the plan shows results for so long; as long as jobs are kept, unless said.
    pub fn lifetime(&self, keep_ms: Option<u64>) -> Lifetime {
        let (result_ms, retention_ms) = (self.result_lifetime_ms, self.retention_ms);
        Lifetime { keep_ms: keep_ms.unwrap_or(retention_ms), result_ms, retention_ms }
    }
}

/// What is wrong with the settings, all at once.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Faults {
    /// The names of what is not set.
    pub missing: Vec<&'static str>,
    /// The names of what is set and cannot be.
    pub wrong: Vec<&'static str>,
    /// For the log: what was found and what is allowed.
    complaints: Vec<String>,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.complaints.join("; "))
    }
}

/// Reads settings and goes on behind what is wrong: what stands in for it is never used.
pub struct Variables<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    faults: Faults,
}

impl<'a> Variables<'a> {
    /// Those that `get` gives by their names.
    pub fn new(get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { get, faults: Faults::default() }
    }

    /// `value` if nothing was wrong.
    pub fn checked<T>(self, value: T) -> Result<T, Faults> {
        let Faults { missing, wrong, .. } = &self.faults;
        if missing.is_empty() && wrong.is_empty() { Ok(value) } else { Err(self.faults) }
    }

    /// What is set and not empty.
    pub fn set(&self, name: &str) -> Option<String> {
        (self.get)(name).filter(|value| !value.is_empty())
    }

    /// A text that must be set.
    pub fn text(&mut self, name: &'static str) -> String {
        self.set(name).unwrap_or_else(|| {
            self.miss(name);
            String::new()
        })
    }

    /// A secret of ours and the one before it, newest first: while it is changed both are taken. None where neither is
    /// set.
    pub fn secrets(&mut self, name: &'static str, previous: &'static str) -> Vec<String> {
        let [newest, older] = [name, previous].map(|name| self.secret(name));
        if newest.is_none() && older.is_some() {
            self.miss(name);
        }
        newest.into_iter().chain(older).collect()
    }

    /// What is set; complained of where it could be guessed. The complaint tells its length and nothing else of it.
    fn secret(&mut self, name: &'static str) -> Option<String> {
        let secret = self.set(name)?;
        let chars = secret.chars().count();
        if chars < SECRET_MIN_CHARS {
            let what = format!("the secret {name} has {chars} characters; allowed are {SECRET_MIN_CHARS} and more");
            self.complain(name, what);
        }
        Some(secret)
    }

    /// A whole number from 1 to `most`; `default` where none is set.
    pub fn number(&mut self, name: &'static str, default: u64, most: u64) -> u64 {
        let Some(value) = (self.get)(name) else { return default };
        value.parse().ok().filter(|number| (1..=most).contains(number)).unwrap_or_else(|| {
            let what = format!("the variable {name} is \"{value}\"; allowed is a whole number from 1 to {most}");
            self.complain(name, what);
            default
        })
    }

    /// `true` or `false`; the latter where nothing is set.
    pub fn truth(&mut self, name: &'static str) -> bool {
        match self.set(name).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(value) => {
                self.complain(name, format!("the variable {name} is \"{value}\"; allowed are true and false"));
                false
            }
        }
    }

    /// Something is not set that must be.
    pub fn miss(&mut self, name: &'static str) {
        self.faults.missing.push(name);
        self.faults.complaints.push(format!("the variable or secret {name} is not set"));
    }

    /// Something is set that cannot be.
    pub fn complain(&mut self, name: &'static str, what: String) {
        self.faults.wrong.push(name);
        self.faults.complaints.push(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Settings, Faults> {
        Settings::of(&|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn defaults_fill_what_is_left_out_and_complaints_name_what_is_wrong() {
        let settings = read("", "").unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!((settings.outbox_max_jobs, settings.retention_ms), (10_000, 7 * DAY_MS));
        for value in ["0", "-1", "366", "many", ""] {
            let faults = read("JOB_RETENTION_DAYS", value).err().unwrap();
            assert_eq!((faults.missing.as_slice(), faults.wrong.as_slice()), (&[][..], &["JOB_RETENTION_DAYS"][..]));
            assert!(faults.to_string().contains("1 to 365"));
        }
        assert!(read("SOCKETS_MAX", "3").is_ok_and(|settings| settings.sockets_max == 3));
    }

    #[test]
    fn secrets_are_long_and_two_at_most_and_the_older_never_stands_alone() {
        let (long, other, short) = ("n".repeat(32), "o".repeat(40), "s".repeat(31));
        let (long, other, short) = (Some(long.as_str()), Some(other.as_str()), Some(short.as_str()));
        for (newest, older, expect) in [
            (None, None, Ok(0)),
            (long, None, Ok(1)),
            (long, Some(""), Ok(1)),
            (long, other, Ok(2)),
            (short, None, Err((&[][..], &["X"][..]))),
            (long, short, Err((&[], &["X_PREVIOUS"]))),
            (short, short, Err((&[], &["X", "X_PREVIOUS"]))),
            (None, other, Err((&["X"], &[]))),
        ] {
            let get = |name: &str| if name == "X" { newest } else { older }.map(str::to_owned);
            let mut variables = Variables::new(&get);
            let secrets = variables.secrets("X", "X_PREVIOUS");
            match (variables.checked(secrets), expect) {
                (Ok(secrets), Ok(count)) => assert_eq!((secrets.len(), secrets.first()), (count, get("X").as_ref())),
                (Err(faults), Err((missing, wrong))) => {
                    assert_eq!((faults.missing.as_slice(), faults.wrong.as_slice()), (missing, wrong));
                    let words = faults.to_string();
                    assert!(!words.contains("sss") && !words.contains("ooo"), "{words}");
                    assert!(
                        wrong.is_empty() || words.contains("has 31 characters; allowed are 32 and more"),
                        "{words}"
                    );
                }
                (found, expect) => panic!("{newest:?} {older:?}: {found:?}, not {expect:?}"),
            }
        }
    }

    #[test]
    fn truth_is_one_of_two_words() {
        for (value, expect) in
            [(None, Ok(false)), (Some("true"), Ok(true)), (Some("false"), Ok(false)), (Some("yes"), Err(()))]
        {
            let get = |_: &str| value.map(str::to_owned);
            let mut variables = Variables::new(&get);
            let truth = variables.truth("X");
            assert_eq!(variables.checked(truth).map_err(|_| ()), expect, "{value:?}");
        }
    }
}
