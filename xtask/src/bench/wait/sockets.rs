use std::{
    fmt, fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use forebay_contract::EventKind;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::Serialize;
use serde_json::json;

use super::{way::BenchClient, websocket::WebSocket};
use crate::{
    bench::{OPEN, ratio::percentile, report::report, workerd::Workerd},
    console::{self, Console},
    process::interrupt,
    repository::Repository,
    stack::Http,
};

/// How many are open at once; one account may have 2,500.
const SOCKETS: usize = 2_000;
/// Opened and closed before anything is measured, so that code is compiled and buffers are there.
const WARM_UP: usize = 200;
const PATIENCE: Duration = Duration::from_secs(30);
/// The runtime puts an object to sleep that had nothing to do for ten seconds.
const ASLEEP: Duration = Duration::from_secs(13);
/// Each end of each socket is a file, and so is whatever else is open.
const FILES: u64 = 16_384;

/// What many sockets cost, and how quickly all of them hear of one job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::bench) struct OpenSockets {
    definition: String,
    sockets: usize,
    /// All of workerd before the first socket, in MiB.
    before_mib: f64,
    ours: Footprint,
    floor: Footprint,
    /// How long it takes from the report until the first client has heard, until half of them have, and until all have.
    heard_ms: [f64; 3],
}

/// KiB of memory a socket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Footprint {
    awake_kib: f64,
    asleep_kib: f64,
}

/// Many sockets that watch one running job, beside as many of an object that does nothing with them.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<OpenSockets> {
    let name = "wait-sockets";
    console.begin(name, &format!("{SOCKETS} open WebSockets, about a minute"));
    let began = Instant::now();
    raise_file_limit()?;
    // Each in a workerd of its own: what one has used the other would find.
    let floor = {
        let workerd = Workerd::start(repository)?;
        footprint(&workerd, &|| Ok(WebSocket::open(workerd.floor, "/", OPEN, PATIENCE)?))?.0
    };
    let mut workerd = Workerd::start(repository)?;
    let (edge, client, http) = (workerd.edge, BenchClient::new(workerd.edge, OPEN), Http::new(PATIENCE));
    let id = client.submit("The one that everybody watches.")?;
    // What runs moves no more places, and its object may sleep.
    report(&http, edge, id.parse()?, EventKind::Started { batch_size: 1 })?;

    let before_mib = memory_kib(&workerd)? / 1024.0;
    let (ours, mut open) = footprint(&workerd, &|| watch(edge, &id))?;

    let reported = Instant::now();
    let kind = EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 2, device_ms: 1.0 };
    report(&http, edge, id.parse()?, kind)?;
    let mut heard_ms = Vec::new();
    for socket in &mut open {
        interrupt::check()?;
        let heard = socket.hear()?;
        ensure!(heard.contains(r#""event":"succeeded""#), "told otherwise: {heard:.300}");
        heard_ms.push(reported.elapsed().as_secs_f64() * 1000.0);
    }
    workerd.check_alive()?;
    console.done(name, &console::duration(began.elapsed()));
    let definition = format!(
        "{SOCKETS} WebSockets of one account that watch one running job, in raw workerd: the growth of the proportional \
         memory (Pss) of all of workerd by the number of sockets, both ends' buffers in the kernel not counted; awake, and \
         after the object was put to sleep; beside an object in plain JavaScript that accepts sockets and does nothing else"
    );
    let heard_ms = [0.0, 0.5, 1.0].map(|share| percentile(&heard_ms, share));
    Ok(OpenSockets { definition, sockets: SOCKETS, before_mib, ours, floor, heard_ms })
}

/// A socket that has heard where the job stands.
fn watch(edge: SocketAddr, id: &str) -> Result<WebSocket> {
    let mut socket = WebSocket::open(edge, "/v1/events", OPEN, PATIENCE)?;
    socket.say(&json!({ "watch": [id] }).to_string())?;
    let heard = socket.hear()?;
    ensure!(heard.contains(r#""event":"running""#), "told otherwise: {heard:.300}");
    Ok(socket)
}

/// What each socket costs that `open` opens, and all of them, still open.
fn footprint(workerd: &Workerd, open: &dyn Fn() -> Result<WebSocket>) -> Result<(Footprint, Vec<WebSocket>)> {
    let sockets = |count: usize| {
        let opened = (0..count).map(|number| {
            interrupt::check()?;
            open().with_context(|| format!("socket {} of {count}", number + 1))
        });
        opened.collect::<Result<Vec<_>>>()
    };
    drop(sockets(WARM_UP)?);
    rest(Duration::from_secs(2))?;
    let before = memory_kib(workerd)?;
    let sockets = sockets(SOCKETS)?;
    let awake = memory_kib(workerd)?;
    rest(ASLEEP)?;
    let asleep = memory_kib(workerd)?;
    let each = |kib: f64| (kib - before) / SOCKETS as f64;
    Ok((Footprint { awake_kib: each(awake), asleep_kib: each(asleep) }, sockets))
}

fn rest(duration: Duration) -> Result<()> {
    // Interrupted within a moment, as everything that waits here is.
    interrupt::poll(Instant::now() + duration, Duration::from_millis(100), || Ok(None::<()>)).map(|_| ())
}

/// The memory of workerd, pages that are shared with others by their share, in KiB.
fn memory_kib(workerd: &Workerd) -> Result<f64> {
    let path = format!("/proc/{}/smaps_rollup", workerd.id());
    pss_kib(&fs::read_to_string(&path).context(path)?)
}

fn pss_kib(rollup: &str) -> Result<f64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|kib| kib.trim().parse().ok());
    kib.context("the system does not tell how much memory a program has")
}

/// For this program and what it starts.
fn raise_file_limit() -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(
        hard >= FILES,
        "{SOCKETS} sockets need {FILES} open files, and this machine allows {hard}: raise `ulimit -Hn`"
    );
    if soft < FILES {
        setrlimit(Resource::RLIMIT_NOFILE, FILES, hard)?;
    }
    Ok(())
}

impl fmt::Display for OpenSockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { definition, sockets, before_mib, ours, floor, heard_ms: [first, half, all] } = self;
        write!(
            f,
            "{sockets} open sockets: {:.1} KiB each, {:.1} KiB once their object sleeps\n  = {definition}\n  \
             beside {:.1} KiB and {:.1} KiB of the plain object; workerd has {before_mib:.0} MiB without any\n  \
             one report reaches the first client in {first:.0} ms, half of them in {half:.0} ms, all in {all:.0} ms",
            ours.awake_kib, ours.asleep_kib, floor.awake_kib, floor.asleep_kib
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_the_system_writes_it() {
        let rollup =
            "55d0-7ffe ---p 00000000 00:00 0    [rollup]\nRss:      204800 kB\nPss:      102400 kB\nPss_Dirty: 1 kB\n";
        assert!((pss_kib(rollup).unwrap() - 102_400.0).abs() < 1e-9);
        assert!(pss_kib("Rss: 1 kB").is_err());
    }
}
