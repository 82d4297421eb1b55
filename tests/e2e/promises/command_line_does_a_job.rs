//! The command line does jobs: one or a folder of them, in a table or as JSON, and scripts can tell how it ended. A folder
//! that was interrupted goes on where it was.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    client::{poll_closely, text},
    receiver::{Manner, Receiver},
    stack::{Hall, Stack, fixture},
    whole_day::begins_clear_of_midnight,
};

const ACCOUNT: &str = "command_line_does_a_job";
/// How many pictures the folder has.
const PICTURES: usize = 30;
/// What limits count for one picture, in milliseconds.
const PICTURE_COST_MS: u64 = 40;

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let stack = hall.shared()?;
    let forebay = Forebay { hall, stack, state: hall.scratch("command-line-state")? };
    one_job(&forebay)?;
    several_texts(&forebay)?;
    how_it_ended(&forebay)?;
    what_there_is(&forebay)?;
    several_are_watched(&forebay)?;
    webhooks(&forebay)?;
    a_folder(&forebay)
}

/// A picture: its result at once, and the same by its id.
fn one_job(forebay: &Forebay<'_>) -> Result<()> {
    let picture = forebay.fixture("coffee.png");
    let result = forebay.json(&["submit", "efficientnet-lite0", &picture, "-p", "top_k=3", "--wait"])?;
    let classes = result["classes"].as_array().context("no classes")?;
    ensure!(classes.len() == 3 && classes[0]["label"] == "espresso", "{result}");

    let submitted = forebay.lines(&["submit", "efficientnet-lite0", &picture, "--json"], 0)?;
    let [submitted] = submitted.as_slice() else { anyhow::bail!("not one line: {submitted:?}") };
    let id = text(&submitted["job"], "id")?.to_owned();
    ensure!(submitted["input"] == picture, "{submitted}");
    let waited = forebay.run(&["wait", &id, "--timeout", "90s"])?;
    ensure!(waited.status.success(), "{waited:?}");
    ensure!(String::from_utf8_lossy(&waited.stderr).contains(&format!("{id}: succeeded")), "{waited:?}");
    ensure!(forebay.json(&["get", &id, "--json"])?["status"] == "succeeded");
    let table = forebay.text(&["get", &id])?;
    ensure!(table.contains("model       efficientnet-lite0@1\n"), "{table}");
    ensure!(forebay.json(&["get", &id, "--result"])?["classes"].as_array().map(Vec::len) == Some(5));
    Ok(())
}

/// Texts from arguments and, line by line, from a file; several results are lines of JSON.
fn several_texts(forebay: &Forebay<'_>) -> Result<()> {
    let texts = ["--text", "A dam holds water back.", "--text", "The cat sleeps."];
    let folder = forebay.hall.scratch("command-line-texts")?;
    let file = folder.join("sentences.txt");
    fs::write(&file, "Gates open.\n\nWheels turn.\n")?;
    for inputs in [&texts[..], &["--lines", &file.display().to_string()]] {
        let lines = forebay.lines(&[&["submit", "all-minilm-l6-v2", "--wait"], inputs].concat(), 0)?;
        ensure!(lines.len() == 2, "{inputs:?}");
        for line in lines {
            let numbers = line["result"]["embedding"].as_array().map(Vec::len);
            ensure!(numbers == Some(384) && line["job"]["status"] == "succeeded", "{numbers:?} {}", line["input"]);
        }
    }
    Ok(())
}

fn how_it_ended(forebay: &Forebay<'_>) -> Result<()> {
    let folder = forebay.hall.scratch("command-line-ends")?;
    let whole = fixture("coffee.png")?;
    let half = folder.join("half.png");
    fs::write(&half, whole.get(..whole.len() / 2).unwrap_or_default())?;
    let half = half.display().to_string();

    let failed = forebay.run(&["submit", "efficientnet-lite0", &half, "--wait"])?;
    ended(&failed, 1, "image-undecodable")?;
    let stranger = forebay.command(&["quota"])?.env("FOREBAY_KEY", format!("fb_{}", "x".repeat(43))).output()?;
    ended(&stranger, 1, "invalid-credentials")?;
    ended(&forebay.run(&["submit", "no-such-model", &half])?, 1, "model-not-found")?;
    ended(&forebay.run(&["submit", "efficientnet-lite0", &half, "-p", "top_k=0"])?, 1, "invalid-parameter")?;
    ended(&forebay.run(&["get", "job_1"])?, 1, "malformed-job-id")?;
    ended(&forebay.run(&["submit", "efficientnet-lite0", "/nowhere.png"])?, 2, "no such file")
}

fn what_there_is(forebay: &Forebay<'_>) -> Result<()> {
    let models = forebay.text(&["models"])?;
    ensure!(models.contains("efficientnet-lite0@1"), "{models}");
    ensure!(forebay.json(&["models", "--json"])?["models"].as_array().is_some_and(|models| models.len() >= 3));
    let quota = forebay.text(&["quota"])?;
    ensure!(quota.starts_with(&format!("account {ACCOUNT}, plan pro\n")) && quota.contains("monthly"), "{quota}");
    let plan = forebay.text(&["plan", "all-minilm-l6-v2", "--text", "something that nobody asked"])?;
    ensure!(plan.contains("accept") && plan.contains("all-minilm-l6-v2@1"), "{plan}");
    Ok(())
}

/// Several jobs over one socket, until all have ended; it ends as they did.
fn several_are_watched(forebay: &Forebay<'_>) -> Result<()> {
    let submit = |sentence: &str| -> Result<String> {
        let submitted = forebay.lines(&["submit", "all-minilm-l6-v2", "--text", sentence, "--json"], 0)?;
        Ok(text(&submitted.first().context("nothing written")?["job"], "id")?.to_owned())
    };
    let ids = [submit("Water finds its way.")?, submit("The gate is shut.")?];
    let lines = forebay.lines(&["watch", &ids[0], &ids[1], "--json"], 0)?;
    for id in &ids {
        let last = lines.iter().rfind(|line| line["job"]["id"] == id.as_str()).context("a job has no line")?;
        ensure!(last["event"] == "succeeded" && last["job"]["status"] == "succeeded", "{last}");
    }
    let shown = forebay.text(&["watch", &ids[0]])?;
    ensure!(shown.starts_with(&ids[0]) && shown.contains("succeeded"), "{shown}");
    let unknown = format!("{}0", ids[0].get(..ids[0].len() - 1).unwrap_or_default());
    ended(&forebay.run(&["watch", &ids[0], &unknown])?, 1, "job-not-found")
}

fn webhooks(forebay: &Forebay<'_>) -> Result<()> {
    let receiver = Receiver::start(Manner::Status(204))?;
    let target = receiver.url("/hook");
    let secret = forebay.text(&["webhooks", "create", &target, "--event", "job.failed"])?;
    ensure!(secret.starts_with("whsec_") && secret.lines().count() == 1, "not one secret");
    let listed = forebay.json(&["webhooks", "list", "--json"])?;
    let (hook, rest) = (text(&listed["webhooks"][0], "id")?.to_owned(), &listed["webhooks"][1]);
    ensure!(listed["webhooks"][0]["url"] == target.as_str() && rest.is_null(), "{listed}");

    let tested = forebay.text(&["webhooks", "test", &hook])?;
    ensure!(tested.contains("delivered") && receiver.next(0)?.json()?["type"] == "webhook.test", "{tested}");
    let deliveries = forebay.json(&["webhooks", "deliveries", &hook, "--json"])?;
    let delivery = text(&deliveries["deliveries"][0], "id")?;
    forebay.text(&["webhooks", "replay", &hook, delivery])?;
    ensure!(receiver.next(1)?.header("webhook-id") == delivery, "another was replayed");
    ensure!(forebay.text(&["webhooks", "rotate", &hook])? != secret, "the secret stays");

    forebay.text(&["webhooks", "update", &hook, "--disable"])?;
    ended(&forebay.run(&["webhooks", "test", &hook])?, 1, "webhook-disabled")?;
    forebay.text(&["webhooks", "delete", &hook])?;
    ended(&forebay.run(&["webhooks", "show", &hook])?, 1, "webhook-not-found")?;
    ended(&forebay.run(&["webhooks", "create", "http://169.254.169.254/"])?, 1, "webhook-target-refused")
}

/// Interrupted, and run again: each picture has its result, and is paid for once.
fn a_folder(forebay: &Forebay<'_>) -> Result<()> {
    let folder = forebay.hall.scratch("command-line-folder")?;
    let (pictures, out) = (folder.join("pictures"), folder.join("out"));
    fs::create_dir_all(pictures.join("more"))?;
    let picture = fixture("rocket.jpg")?;
    for number in 0..PICTURES {
        // What comes after a JPEG's end is not looked at: another file, the same picture.
        let place = if number.is_multiple_of(2) { "" } else { "more/" };
        fs::write(pictures.join(format!("{place}{number:02}.jpg")), [&picture[..], &[number as u8]].concat())?;
    }
    let (pictures, results) = (pictures.display().to_string(), out.display().to_string());
    let arguments = ["submit", "efficientnet-lite0", &pictures, "--out", &results, "--parallel", "4"];
    let before = forebay.spent()?;

    let first = forebay.command(&arguments)?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // Before the last one has.
    poll_closely("a picture has its result", || Ok(if results_in(&out)? > 0 { Ok(()) } else { Err("none") }))?;
    ensure!(Command::new("kill").args(["-INT", &first.id().to_string()]).status()?.success(), "not interrupted");
    ended(&first.wait_with_output()?, 130, "run the same command again")?;
    ensure!(results_in(&out)? < PICTURES, "it was done before it could be interrupted");

    let second = forebay.run(&arguments)?;
    ended(&second, 0, &format!("{PICTURES} inputs: {PICTURES} done"))?;
    ensure!(results_in(&out)? == PICTURES, "{second:?}");
    let result: Value = serde_json::from_slice(&fs::read(out.join("more/07.jpg.result.json"))?)?;
    ensure!(result["classes"][0]["label"] == "missile", "{result}");
    let journal = fs::read_to_string(out.join(".forebay-journal"))?;
    let lines = journal.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    let jobs: BTreeSet<_> = lines.iter().filter_map(|line| line["ended"]["job"].as_str()).collect();
    ensure!(jobs.len() == PICTURES, "{} jobs for {PICTURES} pictures", jobs.len());
    ensure!(forebay.spent()? - before == PICTURES as u64 * PICTURE_COST_MS, "a picture was paid for twice");

    let third = forebay.run(&arguments)?;
    ended(&third, 0, &format!("{PICTURES} of them earlier"))
}

/// How many results lie in a folder and those below it.
fn results_in(folder: &Path) -> Result<usize> {
    let mut count = 0;
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(".result.json") {
                count += 1;
            }
        }
    }
    Ok(count)
}

fn ended(output: &Output, code: i32, why: &str) -> Result<()> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(code) && stderr.contains(why), "expected {code} and {why:?}: {output:?}");
    Ok(())
}

/// The command line as a caller has it.
struct Forebay<'a> {
    hall: &'a Hall,
    stack: &'a Stack,
    state: PathBuf,
}

impl Forebay<'_> {
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut forebay = Command::new(self.hall.cli());
        forebay
            .args(arguments)
            .env("FOREBAY_URL", self.stack.origin())
            .env("FOREBAY_KEY", self.stack.client(ACCOUNT)?.key());
        // What it remembers of submissions is not this machine's.
        forebay.env("XDG_STATE_HOME", &self.state);
        forebay.env("FOREBAY_CONFIG", "/nowhere").env_remove("FOREBAY_PROFILE").stdin(Stdio::null());
        Ok(forebay)
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        self.command(arguments)?.output().with_context(|| format!("{}", self.hall.cli().display()))
    }

    /// Standard output of a command that must end well.
    fn text(&self, arguments: &[&str]) -> Result<String> {
        let output = self.run(arguments)?;
        ended(&output, 0, "")?;
        Ok(String::from_utf8(output.stdout)?)
    }

    fn json(&self, arguments: &[&str]) -> Result<Value> {
        Ok(serde_json::from_str(&self.text(arguments)?)?)
    }

    fn lines(&self, arguments: &[&str], code: i32) -> Result<Vec<Value>> {
        let output = self.run(arguments)?;
        ended(&output, code, "")?;
        String::from_utf8(output.stdout)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// What the account has spent of its month, in milliseconds.
    fn spent(&self) -> Result<u64> {
        self.stack.client(ACCOUNT)?.used("monthly")
    }

    fn fixture(&self, name: &str) -> String {
        self.hall.path("tests/fixtures").join(name).display().to_string()
    }
}
