//! The console, in a real browser, shows jobs as they move, says plainly what is not there, and caches as it should.

use std::process::Command;

use anyhow::{Result, ensure};
use forebay_xtask::{repository::Repository, setup::node};

use crate::stack::{ADMIN_TOKEN, Hall};

pub fn check(hall: &Hall) -> Result<()> {
    let tests = hall.path("tests/console");
    ensure!(tests.join("node_modules").is_dir(), "the browser is not there: run `npm ci` in tests/console");
    let stack = hall.shared()?;
    let output = Command::new(node(&Repository::find()?)?)
        .args([
            "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON",
            "--test",
            "--test-reporter",
            "tap",
            "real/edge.test.mjs",
        ])
        .current_dir(&tests)
        .env("CONSOLE_ORIGIN", stack.origin())
        .env("CONSOLE_KEY", stack.client("console_follows_jobs")?.key())
        .env("CONSOLE_ADMIN_TOKEN", ADMIN_TOKEN)
        .output()?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    let passed = stdout.lines().find_map(|line| line.strip_prefix("# pass ")?.parse::<u32>().ok());
    ensure!(passed.is_some_and(|passed| passed > 0), "nothing ran: {stdout}");
    Ok(())
}
