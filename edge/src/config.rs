//! What the operator sets: `vars` and secrets of the Worker.

use std::{cell::OnceCell, fmt, rc::Rc};

use worker::Env;

use forebay_admission::{administrate::AdminToken, lifetime::Lifetime};

/// Everything from the environment; read once an isolate, whose variables never change.
pub struct Config {
    /// The queue URL of a lane is this, a dash and the lane's name.
    pub queue_url_prefix: String,
    /// The bucket, path-style or virtual-hosted, without a slash at the end.
    pub bucket_url: String,
    /// The region and keys that requests to both are signed with.
    pub signer: crate::aws::Signer,
    /// Signs and checks reports.
    pub report_secret: String,
    /// What the operator manages keys with; without it nobody does.
    pub admin_token: Option<AdminToken>,
    /// The largest input that travels inside its message, in bytes.
    pub inline_limit_bytes: usize,
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
    /// How long a catalogue from the namespace is trusted, in milliseconds.
    pub catalog_recheck_ms: u64,
    /// Challenges; `None` when they are not set up.
    pub turnstile: Option<Turnstile>,
    /// How webhooks are delivered.
    pub webhooks: Webhooks,
}

/// How webhooks are delivered.
pub struct Webhooks {
    /// Whether this machine may be told, by plain HTTP too: for local use.
    pub allow_loopback: bool,
    /// Where the addresses of names are looked up (DNS over HTTPS, JSON); without it only what a URL shows is checked.
    pub resolver_url: Option<String>,
    /// How long a delivery may take, in milliseconds.
    pub timeout_ms: u64,
}

/// How challenges are set and checked.
pub struct Turnstile {
    /// The widget's public key.
    pub site_key: String,
    /// The key that checks its tokens.
    pub secret_key: String,
    /// Where tokens are checked.
    pub url: String,
}

/// Cloudflare's own.
const SITEVERIFY_URL: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

/// A message is at most 1 MiB; base64 adds a third to an input.
const LARGEST_INLINE_BYTES: usize = 700_000;
const DAY_MS: u64 = 86_400_000;

thread_local! {
    static CONFIG: OnceCell<Rc<Config>> = const { OnceCell::new() };
}

impl Config {
    /// The isolate's configuration; says which variables are missing or wrong.
    pub fn of(env: &Env) -> Result<Rc<Self>, Faults> {
        if let Some(config) = CONFIG.with(|cell| cell.get().cloned()) {
            return Ok(config);
        }
        let config = Rc::new(Self::read(&|name| env.var(name).ok().map(|value| value.to_string()))?);
        Ok(CONFIG.with(|cell| cell.get_or_init(|| config).clone()))
    }

    /// What answers are held to, where the plan shows results for so long; as long as jobs are kept, unless said.
    pub fn lifetime(&self, keep_ms: Option<u64>) -> Lifetime {
        let (result_ms, retention_ms) = (self.result_lifetime_ms, self.retention_ms);
        Lifetime { keep_ms: keep_ms.unwrap_or(retention_ms), result_ms, retention_ms }
    }

    /// What variables say.
    pub fn read(var: &dyn Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let mut settings = Settings { var, faults: Faults::default() };
        let config = Self {
            turnstile: settings.turnstile(),
            webhooks: Webhooks {
                allow_loopback: settings.truth("WEBHOOK_ALLOW_LOOPBACK"),
                resolver_url: settings.set("WEBHOOK_RESOLVER_URL"),
                timeout_ms: settings.number("WEBHOOK_TIMEOUT_MS", 15_000, 60_000),
            },
            queue_url_prefix: settings.text("QUEUE_URL_PREFIX"),
            bucket_url: settings.text("BUCKET_URL").trim_end_matches('/').to_owned(),
            signer: crate::aws::Signer {
                region: settings.text("AWS_REGION"),
                access_key_id: settings.text("AWS_ACCESS_KEY_ID"),
                secret_access_key: settings.text("AWS_SECRET_ACCESS_KEY"),
                session_token: settings.set("AWS_SESSION_TOKEN"),
            },
            report_secret: settings.text("REPORT_SECRET"),
            admin_token: settings.admin_token(),
            inline_limit_bytes: settings.number("INLINE_LIMIT_BYTES", 65_536, LARGEST_INLINE_BYTES as u64) as usize,
            reconcile_after_ms: settings.number("RECONCILE_AFTER_MS", 30_000, DAY_MS),
            outbox_max_jobs: settings.number("OUTBOX_MAX_JOBS", 10_000, 1_000_000) as usize,
            retention_ms: settings.number("JOB_RETENTION_DAYS", 7, 365) * DAY_MS,
            result_lifetime_ms: settings.number("RESULT_LIFETIME_DAYS", 30, 3_650) * DAY_MS,
            event_streams_max: settings.number("EVENT_STREAMS_MAX", 1_000, 1_000) as usize,
            sockets_max: settings.number("SOCKETS_MAX", 2_500, 10_000) as usize,
            catalog_recheck_ms: settings.number("CATALOG_RECHECK_MS", 30_000, DAY_MS),
        };
        let Faults { missing, wrong, .. } = &settings.faults;
        if missing.is_empty() && wrong.is_empty() { Ok(config) } else { Err(settings.faults) }
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
struct Settings<'a> {
    var: &'a dyn Fn(&str) -> Option<String>,
    faults: Faults,
}

impl Settings<'_> {
    fn set(&self, name: &str) -> Option<String> {
        (self.var)(name).filter(|value| !value.is_empty())
    }

    fn text(&mut self, name: &'static str) -> String {
        self.set(name).unwrap_or_else(|| {
            self.faults.missing.push(name);
            self.faults.complaints.push(format!("the variable or secret {name} is not set"));
            String::new()
        })
    }

    fn number(&mut self, name: &'static str, default: u64, most: u64) -> u64 {
        let Some(value) = (self.var)(name) else { return default };
        value.parse().ok().filter(|number| (1..=most).contains(number)).unwrap_or_else(|| {
            let what = format!("the variable {name} is \"{value}\"; allowed is a whole number from 1 to {most}");
            self.complain(name, what);
            default
        })
    }

    fn truth(&mut self, name: &'static str) -> bool {
        match self.set(name).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(value) => {
                self.complain(name, format!("the variable {name} is \"{value}\"; allowed are true and false"));
                false
            }
        }
    }

    fn admin_token(&mut self) -> Option<AdminToken> {
        let token = AdminToken::new(&self.set("ADMIN_TOKEN")?);
        if token.is_none() {
            let what = "the secret ADMIN_TOKEN is too short; allowed are 16 characters and more";
            self.complain("ADMIN_TOKEN", what.to_owned());
        }
        token
    }

    /// Both keys or neither.
    fn turnstile(&mut self) -> Option<Turnstile> {
        if self.set("TURNSTILE_SITE_KEY").is_none() && self.set("TURNSTILE_SECRET_KEY").is_none() {
            return None;
        }
        let (site_key, secret_key) = (self.text("TURNSTILE_SITE_KEY"), self.text("TURNSTILE_SECRET_KEY"));
        let url = self.set("TURNSTILE_URL").unwrap_or_else(|| SITEVERIFY_URL.to_owned());
        Some(Turnstile { site_key, secret_key, url })
    }

    fn complain(&mut self, name: &'static str, what: String) {
        self.faults.wrong.push(name);
        self.faults.complaints.push(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changed: &str, value: Option<&str>) -> Result<Config, String> {
        faults(changed, value).map_err(|faults| faults.to_string())
    }

    fn faults(changed: &str, value: Option<&str>) -> Result<Config, Faults> {
        Config::read(&|name| match name {
            _ if name == changed => value.map(str::to_owned),
            "ADMIN_TOKEN" | "INLINE_LIMIT_BYTES" | "RECONCILE_AFTER_MS" | "OUTBOX_MAX_JOBS" | "JOB_RETENTION_DAYS" => {
                None
            }
            "RESULT_LIFETIME_DAYS" | "CATALOG_RECHECK_MS" | "EVENT_STREAMS_MAX" | "SOCKETS_MAX" => None,
            _ if name.starts_with("TURNSTILE_") || name.starts_with("WEBHOOK_") => None,
            _ => Some("x/".to_owned()),
        })
    }

    #[test]
    fn defaults_fill_what_may_be_left_out_and_complaints_name_the_rest() {
        let config = read("", None).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((config.inline_limit_bytes, config.outbox_max_jobs), (65_536, 10_000));
        assert_eq!(config.bucket_url, "x");
        for name in ["QUEUE_URL_PREFIX", "BUCKET_URL", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "REPORT_SECRET"] {
            for value in [None, Some("")] {
                assert!(read(name, value).err().unwrap().contains(name));
            }
        }
        assert!(read("TURNSTILE_SITE_KEY", Some("0x4")).err().unwrap().contains("TURNSTILE_SECRET_KEY"));
        assert!(config.admin_token.is_none());
        assert!(!config.webhooks.allow_loopback && config.webhooks.resolver_url.is_none());
        assert!(read("WEBHOOK_ALLOW_LOOPBACK", Some("true")).is_ok_and(|config| config.webhooks.allow_loopback));
        assert!(read("WEBHOOK_ALLOW_LOOPBACK", Some("yes")).err().unwrap().contains("WEBHOOK_ALLOW_LOOPBACK"));
        assert!(read("ADMIN_TOKEN", Some("0123456789abcdef")).is_ok_and(|config| config.admin_token.is_some()));
        assert!(read("ADMIN_TOKEN", Some("0123456789abcde")).err().unwrap().contains("ADMIN_TOKEN"));
        for value in ["0", "-1", "700001", "many", ""] {
            assert!(read("INLINE_LIMIT_BYTES", Some(value)).err().unwrap().contains("1 to 700000"));
        }
    }

    #[test]
    fn all_that_is_missing_is_named_at_once_and_values_stay_in_the_log() {
        let everything = Config::read(&|_| None).err().unwrap();
        let needed = [
            "QUEUE_URL_PREFIX",
            "BUCKET_URL",
            "AWS_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "REPORT_SECRET",
        ];
        assert_eq!((everything.missing, everything.wrong), (needed.to_vec(), Vec::new()));
        let short = faults("ADMIN_TOKEN", Some("0123456789abcde")).err().unwrap();
        assert_eq!((short.missing.as_slice(), short.wrong.as_slice()), (&[][..], &["ADMIN_TOKEN"][..]));
        assert!(!short.to_string().contains("0123"));
        let half = faults("TURNSTILE_SITE_KEY", Some("0x4")).err().unwrap();
        assert_eq!(half.missing, ["TURNSTILE_SECRET_KEY"]);
    }
}
