//! What `infra/worker/` does on a machine, with AWS, systemd and the driver played by scripts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod http_server;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use clap::CommandFactory as _;
use forebay_backend::{doctor::OLDEST_DRIVER, pipeline::PipelineError, settings::Settings};
use http_server::HttpServer;
use sha2::{Digest as _, Sha256};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/worker");
const UNIT: &str = include_str!("../../infra/worker/forebay-worker.service");
const UNHEALTHY_UNIT: &str = include_str!("../../infra/worker/forebay-worker-unhealthy.service");
const IMAGE: &str = include_str!("../../infra/worker/Dockerfile");
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const DRIVER: &str = "echo 590.10";

/// A machine in a folder, with programs that play what it has.
struct Machine(PathBuf);

impl Machine {
    fn new(name: &str, driver: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("machine-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let machine = Self(root);
        machine.program("bin/systemctl", "echo \"$@\" >> \"$FOREBAY_ROOT/systemctl\"");
        machine.program("bin/nvidia-smi", driver);
        machine
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.0.join(relative)
    }

    fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_default()
    }

    fn program(&self, relative: &str, body: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/bash\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a script of the folder with nothing else of this environment.
    fn run(&self, script: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let mut command = Command::new("bash");
        command.arg(format!("{FOLDER}/{script}")).args(arguments).env_clear().env("PATH", path);
        command.env("FOREBAY_ROOT", &self.0).envs(variables.iter().copied()).output().unwrap()
    }

    /// An archive of a worker that says this version, which AWS gives out, and its hash.
    fn offer(&self, version: &str) -> String {
        self.program("made/forebay-worker/forebay-worker", &format!("echo forebay-worker {version}"));
        for (unit, text) in [("forebay-worker", UNIT), ("forebay-worker-unhealthy", UNHEALTHY_UNIT)] {
            fs::write(self.path(&format!("made/forebay-worker/{unit}.service")), text).unwrap();
        }
        let mut tar = Command::new("tar");
        tar.args(["--create", "--gzip", "--file"]).arg(self.path("offered")).arg("--directory").arg(self.path("made"));
        assert!(tar.arg("forebay-worker").status().unwrap().success());
        self.program("bin/aws", "cp \"$FOREBAY_ROOT/offered\" \"${@: -1}\"");
        hex::encode(Sha256::digest(fs::read(self.path("offered")).unwrap()))
    }

    fn install(&self, sha256: &str, more: &[(&str, &str)]) -> Output {
        let mut variables = vec![
            ("FOREBAY_PACKAGE", "s3://code/worker.tar.gz"),
            ("FOREBAY_PACKAGE_SHA256", sha256),
            ("FOREBAY_QUEUE_URL_PREFIX", "https://sqs.eu-west-1.amazonaws.com/1/forebay"),
            ("FOREBAY_BUCKET", "data"),
            ("AWS_REGION", "eu-west-1"),
        ];
        variables.extend(more);
        self.run("user-data.sh", &[], &variables)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What the unit says under a key.
fn unit(key: &str) -> &'static str {
    UNIT.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_else(|| panic!("no {key}"))
}

#[test]
fn the_unit_knows_how_the_worker_ends() {
    let status = PipelineError::DeviceHung.exit_status().to_string();
    assert_eq!((unit("RestartForceExitStatus"), unit("Restart")), (status.as_str(), "on-failure"));
    // The worker says that it ends within 30 seconds of SIGTERM, which is tested in signals.rs.
    assert!(unit("TimeoutStopSec").parse::<u64>().unwrap() > 30);
    assert_eq!(unit("KillSignal"), "SIGTERM");
    assert!(IMAGE.contains("\nSTOPSIGNAL SIGTERM\n") && IMAGE.contains("--stop-timeout 35"));
}

#[test]
fn variables_that_are_set_are_settings_of_the_worker() {
    let command = Settings::command();
    let known: Vec<_> = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str()).collect();
    for name in ["FOREBAY_MODELS_CACHE", "FOREBAY_STATUS_ADDRESS", "FOREBAY_REPORT_SECRET"] {
        assert!(known.contains(&name), "{name}");
    }
    assert!(UNIT.contains("FOREBAY_MODELS_CACHE=") && IMAGE.contains("FOREBAY_STATUS_ADDRESS="));
}

#[test]
fn a_new_machine_has_the_worker_and_its_settings_and_starts_it() {
    let machine = Machine::new("new", DRIVER);
    let sha256 = machine.offer("1");
    let more =
        [("FOREBAY_REPORT_SECRET_ID", "forebay/report-secret"), ("FOREBAY_LANES", "acme=8"), ("FOREBAY_EDGE_URL", "")];
    let output = machine.install(&sha256, &more);
    assert!(output.status.success(), "{}", said(&output));
    let settings = machine.read("etc/forebay/worker.env");
    for line in [
        "AWS_REGION=eu-west-1",
        "FOREBAY_BUCKET=data",
        "FOREBAY_LANES=acme=8",
        "FOREBAY_REPORT_SECRET_ID=forebay/report-secret",
    ] {
        assert!(settings.lines().any(|known| known == line), "{line} in {settings}");
    }
    for left_out in ["PACKAGE", "ROOT", "EDGE_URL"] {
        assert!(!settings.contains(left_out), "{settings}");
    }
    assert_eq!(machine.read("etc/systemd/system/forebay-worker.service"), UNIT);
    assert_eq!(machine.read("etc/systemd/system/forebay-worker-unhealthy.service"), UNHEALTHY_UNIT);
    assert!(machine.read("systemctl").ends_with("restart forebay-worker.service\n"), "{}", machine.read("systemctl"));
}

#[test]
fn a_broken_download_leaves_the_worker_that_was_there() {
    let machine = Machine::new("broken", DRIVER);
    let sha256 = machine.offer("1");
    assert!(machine.install(&sha256, &[]).status.success());
    machine.offer("2");
    let output = machine.install(&sha256, &[]);
    assert!(!output.status.success(), "another archive than was asked for: {}", said(&output));
    assert!(machine.read("opt/forebay-worker/forebay-worker").contains("forebay-worker 1"));
}

#[test]
fn a_machine_that_cannot_work_says_what_it_lacks_and_starts_nothing() {
    let old = format!("the driver is 580.65.05, and CUDA 13.0 needs {OLDEST_DRIVER} or newer");
    for (name, driver, more, words) in [
        ("old", "echo 580.65.05", None, &old as &str),
        ("none", "exit 9", None, "nvidia-smi finds no GPU"),
        ("secret", DRIVER, Some(("FOREBAY_REPORT_SECRET", SECRET)), "set FOREBAY_REPORT_SECRET_ID"),
        ("package", DRIVER, Some(("FOREBAY_PACKAGE", "worker:latest")), "an image by its digest"),
    ] {
        let machine = Machine::new(name, driver);
        let sha256 = machine.offer("1");
        let output = machine.install(&sha256, more.as_slice());
        assert!(!output.status.success() && said(&output).contains(words), "{name}: {}", said(&output));
        assert!(!said(&output).contains(SECRET) && machine.read("systemctl").is_empty(), "{name}");
    }
}

#[test]
fn a_secret_is_fetched_into_a_file_of_roots_and_is_not_printed() {
    let machine = Machine::new("secrets", DRIVER);
    let file = machine.path("run/secrets.env");
    let fetch = |id: &str, answer: &str| {
        machine.program("bin/aws", answer);
        machine.run("secrets.sh", &[file.to_str().unwrap()], &[("FOREBAY_REPORT_SECRET_ID", id)])
    };
    for id in ["forebay/report-secret", "ssm:/forebay/report-secret"] {
        let output = fetch(id, &format!("echo {SECRET}"));
        assert!(output.status.success() && said(&output).is_empty(), "{id}: {}", said(&output));
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("FOREBAY_REPORT_SECRET={SECRET}\n"));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // Too short, of two lines, and a service that does not answer: another try may help the last alone.
    for (answer, status) in [("echo abc", 2), (&format!("printf '{SECRET}\\nA=b'") as &str, 2), ("exit 254", 254)] {
        let output = fetch("forebay/report-secret", answer);
        assert_eq!(output.status.code(), Some(status), "{answer}: {}", said(&output));
        assert!(!file.exists() && !said(&output).contains(SECRET), "{answer}");
    }
    assert!(fetch("", "exit 1").status.success() && !file.exists(), "nothing is fetched where nothing is named");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_healthy_as_long_as_it_says_so() {
    let machine = Machine::new("health", DRIVER);
    for (status, healthy) in [(200, true), (503, false)] {
        let server = HttpServer::start(move |_| (status, String::new())).await;
        let url = server.url();
        let address = url.strip_prefix("http://").unwrap();
        let output = machine.run("healthy.sh", &[], &[("FOREBAY_STATUS_ADDRESS", address)]);
        assert_eq!(output.status.success(), healthy, "{status}: {}", said(&output));
        assert_eq!(server.requests()[0].path, "/healthz");
    }
    assert!(!machine.run("healthy.sh", &[], &[("FOREBAY_STATUS_ADDRESS", "127.0.0.1:1")]).status.success());
}

#[test]
fn a_machine_is_replaced_for_a_lost_device_and_for_nothing_else() {
    let lost = PipelineError::DeviceHung.exit_status();
    assert_eq!(unit("OnFailure"), "forebay-worker-unhealthy.service");
    assert!(UNHEALTHY_UNIT.contains("\nExecStart=/opt/forebay-worker/unhealthy.sh\n"));
    const METADATA: &str = "case \"${!#}\" in */token) echo t ;; */instance-id) echo i-1 ;; *) exit 22 ;; esac";
    for (status, metadata, words, replaced) in [
        (lost, METADATA, "i-1 is to be replaced", true),
        (1, METADATA, "ended with 1, which another machine would not help", false),
        (2, METADATA, "ended with 2", false),
        (lost, "exit 28", "no machine of EC2", false),
    ] {
        let machine = Machine::new(&format!("unhealthy-{status}-{}", metadata.len()), DRIVER);
        machine.program("bin/systemctl", &format!("echo {status}"));
        machine.program("bin/curl", metadata);
        machine.program("bin/aws", "echo \"$@\" >> \"$FOREBAY_ROOT/aws\"");
        let output = machine.run("unhealthy.sh", &[], &[("AWS_REGION", "eu-west-1")]);
        assert!(output.status.success() && said(&output).contains(words), "{status}: {}", said(&output));
        let asked = "autoscaling set-instance-health --region eu-west-1 --instance-id i-1 --health-status Unhealthy \
                     --no-should-respect-grace-period\n";
        assert_eq!(machine.read("aws"), if replaced { asked } else { "" }, "{status}");
    }
    // Whoever does not answer is asked again by systemd.
    let machine = Machine::new("unhealthy-away", DRIVER);
    machine.program("bin/systemctl", &format!("echo {lost}"));
    machine.program("bin/curl", METADATA);
    machine.program("bin/aws", "exit 254");
    assert!(!machine.run("unhealthy.sh", &[], &[("AWS_REGION", "eu-west-1")]).status.success());
}
