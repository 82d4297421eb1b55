use anyhow::Result;

use crate::{
    bench::{
        OPEN,
        http1::get,
        pair::{Pair, Side},
        ratio::Ratio,
        warm::Cached,
        workerd::Workerd,
    },
    console::Console,
    repository::Repository,
};

/// A finished result, asked for again and again, beside the least that could cost: JSON and pictures, which the isolate has
/// in its memory, and a picture so large that only the Cache API has it.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<[Ratio; 4]> {
    let mut workerd = Workerd::start(repository)?;
    let (edge, cache_floor) = (workerd.edge, workerd.cache_floor);
    let [json, picture, large, huge] = [
        Cached::json(&workerd)?,
        Cached::picture(&workerd)?,
        Cached::large_picture(&workerd)?,
        Cached::huge_picture(&workerd)?,
    ];
    let mut beside = |name, what: &str, cached: &Cached| {
        let (path, entry) = (format!("/v1/jobs/{}/result", cached.job), cached.entry());
        let definition = format!("GETs a second of {what} ÷ requests/s to a Worker that does one Cache API match");
        let pair = Pair {
            name,
            definition: &definition,
            target: 0.9,
            ours: Side { address: edge, request: &|_| get(&path, Some(OPEN)), expect: 200 },
            bound: Side { address: cache_floor, request: &|_| get(&entry, None), expect: 200 },
        };
        pair.compare(&mut workerd, console)
    };
    Ok([
        beside("wait result", "one finished result, small JSON,", &json)?,
        beside("wait picture", "one finished result, a small picture,", &picture)?,
        beside("wait large", "one finished result, a picture of 500 kB,", &large)?,
        beside("wait huge", "one finished result, a picture of 2 MB,", &huge)?,
    ])
}
