//! What the operator sets: `vars` and secrets of the Worker.

mod places;
#[cfg(test)]
mod wrangler;

use std::rc::Rc;

use forebay_account::settings::{Faults, Settings, Variables};

use crate::aws::{Signer, s3::Bucket};
use forebay_admission::administrate::AdminToken;
use places::Places;

/// Everything from the environment.
pub struct Config {
    /// The queue URL of a lane is this, a dash and the lane's name.
    pub queue_url_prefix: String,
    /// The bucket, path-style or virtual-hosted, without a slash at the end.
    pub bucket_url: String,
    /// The region and keys that requests to both are signed with.
    pub signer: Signer,
    /// Any of them may have signed a report: the one that workers sign with, and while it is changed the one before.
    pub report_secrets: Vec<String>,
    /// What the operator manages keys with, and while it is changed the one before; where there is none nobody does.
    pub admin_tokens: Vec<AdminToken>,
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

const QUEUES_EXAMPLE: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/forebay";
const BUCKET_EXAMPLE: &str = "https://forebay-data.s3.eu-west-1.amazonaws.com";
const RESOLVER_EXAMPLE: &str = "https://cloudflare-dns.com/dns-query";

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
        let places = Places { allow_loopback: variables.truth("ALLOW_LOOPBACK") };
        let queue_url_prefix = places.needed(&mut variables, "QUEUE_URL_PREFIX", QUEUES_EXAMPLE);
        let bucket_url = places.needed(&mut variables, "BUCKET_URL", BUCKET_EXAMPLE).trim_end_matches('/').to_owned();
        let region = variables.text("AWS_REGION");
        let urls = [("QUEUE_URL_PREFIX", queue_url_prefix.as_str()), ("BUCKET_URL", bucket_url.as_str())];
        places.check_region(&mut variables, &region, urls);
        let config = Self {
            turnstile: turnstile(&mut variables, places),
            webhooks: Webhooks {
                allow_loopback: variables.truth("WEBHOOK_ALLOW_LOOPBACK"),
                resolver_url: places.optional(&mut variables, "WEBHOOK_RESOLVER_URL", RESOLVER_EXAMPLE),
            },
            queue_url_prefix,
            bucket_url,
            signer: Signer {
                region,
                access_key_id: variables.text("AWS_ACCESS_KEY_ID"),
                secret_access_key: variables.text("AWS_SECRET_ACCESS_KEY"),
                session_token: variables.set("AWS_SESSION_TOKEN"),
            },
            account: Rc::new(Settings::read(&mut variables)),
            report_secrets: report_secrets(&mut variables),
            admin_tokens: admin_tokens(&mut variables),
            inline_limit_bytes: variables.number("INLINE_LIMIT_BYTES", 65_536, LARGEST_INLINE_BYTES as u64) as usize,
            catalog_recheck_ms: variables.number("CATALOG_RECHECK_MS", 30_000, DAY_MS),
        };
        variables.checked(config)
    }
}

/// Reports are taken from nobody else, so one is needed.
fn report_secrets(variables: &mut Variables<'_>) -> Vec<String> {
    let secrets = variables.secrets("REPORT_SECRET", "REPORT_SECRET_PREVIOUS");
    if secrets.is_empty() {
        variables.miss("REPORT_SECRET");
    }
    secrets
}

/// Those that are too short have been complained of.
fn admin_tokens(variables: &mut Variables<'_>) -> Vec<AdminToken> {
    let tokens = variables.secrets("ADMIN_TOKEN", "ADMIN_TOKEN_PREVIOUS");
    tokens.iter().filter_map(|token| AdminToken::new(token)).collect()
}

/// Both keys or neither.
fn turnstile(variables: &mut Variables<'_>, places: Places) -> Option<Turnstile> {
    if variables.set("TURNSTILE_SITE_KEY").is_none() && variables.set("TURNSTILE_SECRET_KEY").is_none() {
        return None;
    }
    let (site_key, secret_key) = (variables.text("TURNSTILE_SITE_KEY"), variables.text("TURNSTILE_SECRET_KEY"));
    let url = places.optional(variables, "TURNSTILE_URL", SITEVERIFY_URL).unwrap_or_else(|| SITEVERIFY_URL.to_owned());
    Some(Turnstile { site_key, secret_key, url })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    fn read(changed: &str, value: Option<&str>) -> Result<Config, String> {
        faults(&[(changed, value)]).map_err(|faults| faults.to_string())
    }

    /// What must be set, and these in place of theirs.
    fn faults(changed: &[(&str, Option<&str>)]) -> Result<Config, Faults> {
        Config::read(&|name| {
            let value = match name {
                "QUEUE_URL_PREFIX" => Some(QUEUES_EXAMPLE),
                "BUCKET_URL" => Some("https://forebay-data.s3.eu-west-1.amazonaws.com/"),
                "AWS_REGION" => Some("eu-west-1"),
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("key"),
                "REPORT_SECRET" => Some(LONG),
                _ => None,
            };
            let changed = changed.iter().find(|(changed, _)| *changed == name);
            changed.map_or(value, |(_, value)| *value).map(str::to_owned)
        })
    }

    #[test]
    fn defaults_fill_what_may_be_left_out_and_complaints_name_the_rest() {
        let config = read("", None).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((config.inline_limit_bytes, config.account.outbox_max_jobs), (65_536, 10_000));
        assert_eq!(config.bucket_url, BUCKET_EXAMPLE);
        for name in ["QUEUE_URL_PREFIX", "BUCKET_URL", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "REPORT_SECRET"] {
            for value in [None, Some("")] {
                assert!(read(name, value).err().unwrap().contains(name));
            }
        }
        assert!(read("TURNSTILE_SITE_KEY", Some("0x4")).err().unwrap().contains("TURNSTILE_SECRET_KEY"));
        assert!(!config.webhooks.allow_loopback && config.webhooks.resolver_url.is_none());
        assert!(read("WEBHOOK_ALLOW_LOOPBACK", Some("true")).is_ok_and(|config| config.webhooks.allow_loopback));
        assert!(read("WEBHOOK_ALLOW_LOOPBACK", Some("yes")).err().unwrap().contains("WEBHOOK_ALLOW_LOOPBACK"));
        for value in ["0", "-1", "700001", "many", ""] {
            assert!(read("INLINE_LIMIT_BYTES", Some(value)).err().unwrap().contains("1 to 700000"));
        }
    }

    #[test]
    fn an_address_of_this_machine_is_refused_unless_the_edge_is_in_development() {
        let turnstile = [("TURNSTILE_SITE_KEY", Some("0x4")), ("TURNSTILE_SECRET_KEY", Some("0x5"))];
        for name in ["QUEUE_URL_PREFIX", "BUCKET_URL", "WEBHOOK_RESOLVER_URL", "TURNSTILE_URL"] {
            let local = [turnstile[0], turnstile[1], (name, Some("http://127.0.0.1:4566/x"))];
            let refused = faults(&local).err().unwrap();
            assert_eq!((refused.missing.len(), refused.wrong.as_slice()), (0, &[name][..]));
            let words = refused.to_string();
            assert!(words.contains("http://127.0.0.1:4566/x") && words.contains("ALLOW_LOOPBACK"), "{words}");
            for (word, expect) in [("true", true), ("false", false)] {
                let told = [&local[..], &[("ALLOW_LOOPBACK", Some(word))]].concat();
                assert_eq!(faults(&told).is_ok(), expect, "{name} {word}");
            }
        }
    }

    #[test]
    fn a_region_that_is_not_that_of_queues_and_bucket_is_named_once() {
        let other = faults(&[("AWS_REGION", Some("us-east-1"))]).err().unwrap();
        assert_eq!((other.missing.len(), other.wrong.as_slice()), (0, &["AWS_REGION"][..]));
        let words = other.to_string();
        for part in ["\"us-east-1\"", "QUEUE_URL_PREFIX lies in eu-west-1", "BUCKET_URL lies in eu-west-1"] {
            assert!(words.contains(part), "{words}");
        }
        let apart = read("BUCKET_URL", Some("https://data.s3.us-west-2.amazonaws.com")).err().unwrap();
        assert!(apart.contains("BUCKET_URL lies in us-west-2") && !apart.contains("QUEUE_URL_PREFIX"), "{apart}");
        // Where no host tells of a region, none is compared.
        let elsewhere =
            [("QUEUE_URL_PREFIX", Some("https://q.example.com/1/f")), ("BUCKET_URL", Some("https://b.example.com"))];
        assert!(faults(&[elsewhere[0], elsewhere[1], ("AWS_REGION", Some("garage"))]).is_ok());
    }

    #[test]
    fn secrets_are_long_and_the_one_before_is_taken_too() {
        let config = read("", None).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((config.report_secrets.len(), config.admin_tokens.len()), (1, 0));
        for (name, previous) in [("REPORT_SECRET", "REPORT_SECRET_PREVIOUS"), ("ADMIN_TOKEN", "ADMIN_TOKEN_PREVIOUS")] {
            for wrong in [name, previous] {
                let short =
                    faults(&[(wrong, Some(&LONG[1..])), (name, Some(LONG)), (previous, Some(LONG))]).err().unwrap();
                assert_eq!((short.missing.len(), short.wrong.as_slice()), (0, &[wrong][..]));
                assert!(!short.to_string().contains("1234"), "{short}");
            }
            let alone = faults(&[(name, None), (previous, Some(LONG))]).err().unwrap();
            assert_eq!((alone.missing.as_slice(), alone.wrong.len()), (&[name][..], 0));
        }
        let two =
            [("REPORT_SECRET_PREVIOUS", Some(LONG)), ("ADMIN_TOKEN", Some(LONG)), ("ADMIN_TOKEN_PREVIOUS", Some(LONG))];
        let config = faults(&two).unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!((config.report_secrets.len(), config.admin_tokens.len()), (2, 2));
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
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
        let half = faults(&[("TURNSTILE_SITE_KEY", Some("0x4"))]).err().unwrap();
        assert_eq!(half.missing, ["TURNSTILE_SECRET_KEY"]);
    }
}
