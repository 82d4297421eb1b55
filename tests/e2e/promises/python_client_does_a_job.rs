//! The Python client, as it is installed, does jobs: waiting and asynchronous, one or many, to their results or what is
//! wrong with them; and every example for Python and JavaScript runs as it stands in its page.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use forebay_xtask::{
    repository::Repository,
    setup::{PYTHON_CLIENT, node},
    test::installed_client,
};

use crate::{
    stack::{Hall, TINY_PLAN},
    whole_day::begins_clear_of_midnight,
};

const ACCOUNT: &str = "python_client_does_a_job";

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let stack = hall.shared()?;
    let repository = Repository::find()?;
    let python = PYTHON_CLIENT.path(&repository);
    let client = hall.scratch("python-client")?;
    let installed = installed_client(&repository, &client).output();
    let installed =
        installed.with_context(|| format!("{} is not there: cargo xtask test brings it", python.display()))?;
    ensure!(installed.status.success(), "not installed: {}", String::from_utf8_lossy(&installed.stderr));

    let output = Command::new(&python)
        .args(["-m", "unittest", "discover", "--start-directory", "tests/real"])
        .current_dir(hall.path("clients/python"))
        .env("PYTHONPATH", &client)
        .env("FOREBAY_URL", stack.origin())
        .env("FOREBAY_KEY", stack.client(ACCOUNT)?.key())
        .env("FOREBAY_TINY_KEY", stack.new_client("python-client-of-a-tiny-plan", TINY_PLAN)?.key())
        .env("FOREBAY_NODE", node(&repository)?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}{said}", String::from_utf8_lossy(&output.stdout));
    let ran = said.lines().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse::<u32>().ok());
    ensure!(ran.is_some_and(|ran| ran > 20) && !said.contains("skipped"), "too little ran: {said}");
    Ok(())
}
