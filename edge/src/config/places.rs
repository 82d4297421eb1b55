//! Where an edge may be told that something is: queues, the bucket, a resolver, a verifier.

use forebay_account::settings::Variables;

/// Which addresses an edge takes.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// Whether they may be of this machine, and by plain HTTP: for an emulator of AWS beside an edge in development.
    pub allow_loopback: bool,
}

impl Places {
    /// An address that must be set, such as `example`.
    pub fn needed(self, variables: &mut Variables<'_>, name: &'static str, example: &str) -> String {
        let url = variables.text(name);
        if !url.is_empty() {
            self.check(variables, name, &url, example);
        }
        url
    }

    /// An address that may be left out.
    pub fn optional(self, variables: &mut Variables<'_>, name: &'static str, example: &str) -> Option<String> {
        let url = variables.set(name)?;
        self.check(variables, name, &url, example);
        Some(url)
    }

    fn check(self, variables: &mut Variables<'_>, name: &'static str, url: &str, example: &str) {
        if public_host(url).is_some() || self.allow_loopback && is_http(url) {
            return;
        }
        // An edge that nobody told anything would else collect jobs for a machine that is not there.
        let what = format!(
            "the variable {name} is \"{url}\"; allowed is https:// with a public name, such as {example}; only an edge in \
             development, with ALLOW_LOOPBACK true, takes addresses of its own machine and plain HTTP"
        );
        variables.complain(name, what);
    }

    /// Queues and bucket are asked with signatures of one region: what their addresses show of it is held to that.
    pub fn check_region(self, variables: &mut Variables<'_>, region: &str, urls: [(&str, &str); 2]) {
        if region.is_empty() || self.allow_loopback {
            return;
        }
        let others = urls.iter().filter_map(|(name, url)| {
            let host = public_host(url)?;
            let found = region_of(&host).filter(|found| *found != region)?;
            Some(format!("{name} lies in {found}"))
        });
        let others: Vec<String> = others.collect();
        if !others.is_empty() {
            let others = others.join(" and ");
            let what =
                format!("the variable AWS_REGION is \"{region}\", but {others}; allowed is one region for all three");
            variables.complain("AWS_REGION", what);
        }
    }
}

fn is_http(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.starts_with('/') && !rest.is_empty())
}

/// The host of an address by HTTPS, if that is a name of public DNS and no address of a machine. The runtime takes a
/// number at the end of a host for an IPv4 address (WHATWG URL, «ends in a number»).
fn public_host(url: &str) -> Option<String> {
    let authority = url.strip_prefix("https://")?.split(['/', '?', '#']).next()?;
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    port.parse::<u16>().ok()?;
    let host = host.to_ascii_lowercase();
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let (_, last) = host.rsplit_once('.')?;
    let is_number = last.starts_with(|first: char| first.is_ascii_digit());
    (host.split('.').all(label) && !is_number && !["localhost", "local", "internal"].contains(&last)).then_some(host)
}

/// The region that a host of AWS shows: `sqs.REGION.amazonaws.com`, `BUCKET.s3.REGION.amazonaws.com` and so on, by
/// <https://docs.aws.amazon.com/general/latest/gr/sqs-service.html> and
/// <https://docs.aws.amazon.com/general/latest/gr/s3.html>. Nothing of others, and of those that show none.
fn region_of(host: &str) -> Option<&str> {
    const DOMAINS: [&str; 4] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn"];
    let labels: Vec<&str> =
        host.strip_suffix(DOMAINS.iter().find(|domain| host.ends_with(*domain))?)?.split('.').collect();
    // From the end: a bucket's name may have dots, and be called like a service.
    let service = labels.iter().rposition(|label| ["sqs", "sqs-fips", "s3", "s3-fips", "queue"].contains(label))?;
    if labels.get(service) == Some(&"queue") {
        return labels.get(service.checked_sub(1)?).copied();
    }
    labels.get(service + 1..)?.iter().find(|label| **label != "dualstack").copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_name_by_https_is_taken_and_nothing_of_this_machine() {
        for url in [
            "https://sqs.eu-west-1.amazonaws.com/123456789012/forebay",
            "https://forebay-data.s3.eu-west-1.amazonaws.com",
            "https://S3.example.com:9000/data",
        ] {
            assert!(public_host(url).is_some(), "{url}");
        }
        for url in [
            "http://sqs.eu-west-1.amazonaws.com/1/forebay",
            "http://127.0.0.1:4566/000000000000/forebay",
            "https://127.0.0.1/q",
            "https://2130706433/q",
            "https://127.0.0.0x1/q",
            "https://10.0.0.8:4566/q",
            "https://[::1]/q",
            "https://localhost:4566/q",
            "https://aws.localhost/q",
            "https://localstack:4566/q",
            "https://sqs.internal/q",
            "https://me@example.com/q",
            "https://example.com:aws/q",
            "https://example..com",
            "https://",
            "https:///q",
            "sqs.eu-west-1.amazonaws.com/1/forebay",
            "…",
        ] {
            assert_eq!(public_host(url), None, "{url}");
        }
    }

    #[test]
    fn in_development_any_http_is_taken_and_no_other_scheme() {
        for (url, expect) in [
            ("http://127.0.0.1:4566/q", true),
            ("http://sink/queue", true),
            ("https://[::1]/q", true),
            ("127.0.0.1:4566/q", false),
            ("file:///tmp/q", false),
            ("http://", false),
        ] {
            let get = |_: &str| Some(url.to_owned());
            let mut variables = Variables::new(&get);
            let found = Places { allow_loopback: true }.needed(&mut variables, "X", "https://x.example");
            assert_eq!(variables.checked(found).is_ok(), expect, "{url}");
        }
    }

    #[test]
    fn hosts_of_aws_show_their_region() {
        for (host, expect) in [
            ("sqs.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("sqs-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("sqs.us-east-2.api.aws", Some("us-east-2")),
            ("eu-west-1.queue.amazonaws.com", Some("eu-west-1")),
            ("queue.amazonaws.com", None),
            ("vpce-0a1b-2c3d.sqs.eu-central-1.vpce.amazonaws.com", Some("eu-central-1")),
            ("sqs.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("forebay-data-123456789012-eu-west-1.s3.us-west-2.amazonaws.com", Some("us-west-2")),
            ("s3.data.of.sqs.s3.us-west-2.amazonaws.com", Some("us-west-2")),
            ("s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("data.s3.dualstack.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("data.s3.amazonaws.com", None),
            ("data.s3-accelerate.amazonaws.com", None),
            ("s3.eu-west-1.example.com", None),
        ] {
            assert_eq!(region_of(host), expect, "{host}");
        }
    }
}
