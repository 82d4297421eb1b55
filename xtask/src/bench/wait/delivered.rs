use anyhow::Result;

use crate::{
    bench::{
        OPEN,
        http1::get,
        pair::{Pair, Side},
        ratio::Ratio,
        warm::fill_caches,
        workerd::Workerd,
    },
    console::Console,
    repository::Repository,
};

/// A finished result, asked for again and again, beside the least that could cost.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<Ratio> {
    let mut workerd = Workerd::start(repository)?;
    let (edge, cache_floor) = (workerd.edge, workerd.cache_floor);
    let job = fill_caches(edge, cache_floor)?;
    let path = format!("/v1/jobs/{job}/result");
    let pair = Pair {
        name: "wait result",
        definition: "GETs a second of one finished result ÷ requests/s to a Worker that does one Cache API match",
        target: 0.9,
        ours: Side { address: edge, request: &|_| get(&path, Some(OPEN)), expect: 200 },
        bound: Side { address: cache_floor, request: &|_| get("/", None), expect: 200 },
    };
    pair.compare(&mut workerd, console)
}
