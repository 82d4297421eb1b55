//! What stands between the program and the service: proxies, redirects, lost answers.

use std::process::Command;

use crate::{
    played::{Played, Reply, job},
    program::{bare, expect, forebay, output},
};

fn stderr_of(mut command: Command, code: i32) -> String {
    let output = command.output().unwrap();
    expect(&output, code);
    String::from_utf8(output.stderr).unwrap()
}

/// A question to a service that only a proxy can reach.
fn through(proxy: &str, url: &str, no_proxy: &str) -> Command {
    let mut command = bare(&["quota", "--patience", "0", "--url", url]);
    command.env("HTTPS_PROXY", proxy).env("NO_PROXY", no_proxy);
    command
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_password() {
    for (reply, expect) in [
        (Reply::of(403, "text/html", b"no"), "refuses a connection to jobs.example.com"),
        (Reply::of(407, "text/html", b"who?"), "wants a user and a password: HTTPS_PROXY=http://"),
    ] {
        let proxy = Played::start(move |_| reply.clone());
        let place = proxy.url().replace("http://", "");
        let shown = stderr_of(through(&format!("http://ann:secret@{place}"), "https://jobs.example.com", ""), 3);
        assert!(shown.contains(&format!("the proxy {place} (of HTTPS_PROXY)")) && shown.contains(expect), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(proxy.lines(), ["CONNECT jobs.example.com:443"]);
        assert_eq!(proxy.requests()[0].header("proxy-authorization"), Some("Basic YW5uOnNlY3JldA=="));
    }
    let shown = stderr_of(through("http://127.0.0.1:9", "https://jobs.example.com", ""), 3);
    assert!(shown.contains("the proxy 127.0.0.1:9 (of HTTPS_PROXY) does not answer: "), "{shown}");
    let shown = stderr_of(through("socks5://127.0.0.1:9", "https://jobs.example.com", ""), 2);
    assert!(shown.contains("HTTPS_PROXY names a proxy that speaks something else"), "{shown}");
}

#[test]
fn no_proxy_is_asked_for_what_is_excepted_also_by_its_address() {
    let proxy = Played::start(|_| Reply::of(403, "text/html", b"no"));
    for no_proxy in ["*", "127.0.0.1", "127.0.0.0/8", "127.0.0.1:9", "a.example, *"] {
        let shown = stderr_of(through(&proxy.url(), "https://127.0.0.1:9", no_proxy), 3);
        assert!(shown.contains("127.0.0.1:9 does not answer"), "{no_proxy}: {shown}");
    }
    assert_eq!(proxy.lines(), [""; 0]);
    stderr_of(through(&proxy.url(), "https://127.0.0.1:9", "127.0.0.1:443 a.example"), 3);
    assert_eq!(proxy.lines(), ["CONNECT 127.0.0.1:9"]);
}

#[test]
fn a_redirect_is_named_and_the_key_does_not_follow_it() {
    for status in [301, 302, 307, 308] {
        let played = Played::start(move |request| {
            let path = request.line.split(' ').nth(1).unwrap();
            Reply::of(status, "text/html", b"moved").with("location", format!("https://jobs.example.com{path}"))
        });
        for arguments in [&["quota"][..], &["jobs"], &["submit", "m", "--text", "a"], &["watch", "job_1"]] {
            let shown = stderr_of(forebay(&played, arguments), 3);
            assert!(shown.contains(&format!("{} redirects to https://jobs.example.com/v1/", played.url())), "{shown}");
            assert!(shown.contains("set FOREBAY_URL=https://jobs.example.com, or"), "{shown}");
        }
        assert_eq!(played.lines().len(), 4, "{:?}", played.lines());
    }
}

#[test]
fn a_job_that_was_called_off_stays_so() {
    let played = Played::start(|_| Reply::json(200, &job("job_1", "canceled")));
    for _ in 0..2 {
        assert_eq!(output(forebay(&played, &["cancel", "job_1"]), 0), "job_1 is canceled\n");
    }
}
