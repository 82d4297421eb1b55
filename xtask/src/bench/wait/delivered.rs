use anyhow::Result;

use crate::{
    bench::{
        OPEN,
        http1::get,
        pair::{Pair, Side},
        ratio::Ratio,
        warm::{deliver_picture, fill_caches},
        workerd::Workerd,
    },
    console::Console,
    repository::Repository,
};

/// A finished result, asked for again and again, beside the least that could cost: small JSON, which the isolate has in
/// its memory, and a result of the same length that is no JSON, which the Cache API has.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<[Ratio; 2]> {
    let mut workerd = Workerd::start(repository)?;
    let (edge, cache_floor) = (workerd.edge, workerd.cache_floor);
    let jobs = [fill_caches(edge, cache_floor)?, deliver_picture(edge)?];
    let [json, picture] = jobs.map(|job| format!("/v1/jobs/{job}/result"));
    let mut compare = |name, definition, path: &str| {
        let pair = Pair {
            name,
            definition,
            target: 0.9,
            ours: Side { address: edge, request: &|_| get(path, Some(OPEN)), expect: 200 },
            bound: Side { address: cache_floor, request: &|_| get("/", None), expect: 200 },
        };
        pair.compare(&mut workerd, console)
    };
    Ok([
        compare(
            "wait result",
            "GETs a second of one finished result ÷ requests/s to a Worker that does one Cache API match",
            &json,
        )?,
        compare(
            "wait picture",
            "GETs a second of one finished result that is no JSON ÷ requests/s to a Worker that does one Cache API match",
            &picture,
        )?,
    ])
}
