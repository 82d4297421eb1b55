//! What the operator sets: `vars` and secrets of the Worker.

use std::rc::Rc;

use forebay_account::settings::{Faults, Settings, Variables};

use crate::aws::{Signer, s3::Bucket};
use forebay_admission::administrate::AdminToken;

/// Everything from the environment.
pub struct Config {
    /// The queue URL of a lane is this, a dash and the lane's name.
    pub queue_url_prefix: String,
    /// The bucket, path-style or virtual-hosted, without a slash at the end.
    pub bucket_url: String,
    /// The region and keys that requests to both are signed with.
    pub signer: Signer,
    /// Signs and checks reports.
    pub report_secret: String,
    /// What the operator manages keys with; without it nobody does.
    pub admin_token: Option<AdminToken>,
    /// The largest input that travels inside its message, in bytes.
    pub inline_limit_bytes: usize,
    /// What concerns Account and Lane objects.
    pub account: Rc<Settings>,
    /// How long a catalog from the namespace is trusted, in milliseconds.
    pub catalog_recheck_ms: u64,
    /// Challenges; `None` when they are not set up.
    pub turnstile: Option<Turnstile>,
    /// How webhooks are delivered.
    pub webhooks: Webhooks,
}

/// How webhooks are delivered.
pub struct Webhooks {
    /// Whether deliveries may go to this machine, by plain HTTP too: for local use.
    pub allow_loopback: bool,
    /// Where the addresses of names are looked up (DNS over HTTPS, JSON); without it only what a URL shows is checked.
    pub resolver_url: Option<String>,
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

/// Where tokens are checked unless the operator says otherwise: Cloudflare's own verifier.
const SITEVERIFY_URL: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

/// A message is at most 1 MiB; base64 adds a third to an input.
const LARGEST_INLINE_BYTES: usize = 700_000;
const DAY_MS: u64 = 86_400_000;

impl Config {
    /// The bucket, as it is asked.
    pub fn bucket(&self) -> Bucket<'_> {
        Bucket { url: &self.bucket_url, signer: &self.signer }
    }

    /// What variables say.
    pub fn read(var: &dyn Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let mut variables = Variables::new(var);
        let config = Self {
            turnstile: turnstile(&mut variables),
            webhooks: Webhooks {
                allow_loopback: variables.truth("WEBHOOK_ALLOW_LOOPBACK"),
                resolver_url: variables.set("WEBHOOK_RESOLVER_URL"),
            },
            queue_url_prefix: variables.text("QUEUE_URL_PREFIX"),
            bucket_url: variables.text("BUCKET_URL").trim_end_matches('/').to_owned(),
            signer: Signer {
                region: variables.text("AWS_REGION"),
                access_key_id: variables.text("AWS_ACCESS_KEY_ID"),
                secret_access_key: variables.text("AWS_SECRET_ACCESS_KEY"),
                session_token: variables.set("AWS_SESSION_TOKEN"),
            },
            account: Rc::new(Settings::read(&mut variables)),
            report_secret: variables.text("REPORT_SECRET"),
            admin_token: admin_token(&mut variables),
            inline_limit_bytes: variables.number("INLINE_LIMIT_BYTES", 65_536, LARGEST_INLINE_BYTES as u64) as usize,
            catalog_recheck_ms: variables.number("CATALOG_RECHECK_MS", 30_000, DAY_MS),
        };
        variables.checked(config)
    }
}

fn admin_token(variables: &mut Variables<'_>) -> Option<AdminToken> {
    let token = AdminToken::new(&variables.set("ADMIN_TOKEN")?);
    if token.is_none() {
        let what = "the secret ADMIN_TOKEN is too short; allowed are 16 characters and more";
        variables.complain("ADMIN_TOKEN", what.to_owned());
    }
    token
}

/// Both keys or neither.
fn turnstile(variables: &mut Variables<'_>) -> Option<Turnstile> {
    if variables.set("TURNSTILE_SITE_KEY").is_none() && variables.set("TURNSTILE_SECRET_KEY").is_none() {
        return None;
    }
    let (site_key, secret_key) = (variables.text("TURNSTILE_SITE_KEY"), variables.text("TURNSTILE_SECRET_KEY"));
    let url = variables.set("TURNSTILE_URL").unwrap_or_else(|| SITEVERIFY_URL.to_owned());
    Some(Turnstile { site_key, secret_key, url })
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
        assert_eq!((config.inline_limit_bytes, config.account.outbox_max_jobs), (65_536, 10_000));
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
