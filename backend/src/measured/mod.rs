//! The lanes and the store as the pipeline calls them: each call is measured, and says how well the other side is.

mod queue;
mod store;

use std::sync::Arc;

use crate::{
    queue::{Lanes, Queue},
    store::Store,
    vitals::Vitals,
};
use queue::MeasuredQueue;
use store::MeasuredStore;

/// The same lanes, from now on served.
pub(crate) fn lanes(lanes: Lanes, vitals: &Arc<Vitals>) -> Lanes {
    vitals.health.serves(lanes.keys().copied());
    let measured = |(lane, inner)| {
        let queue = MeasuredQueue { lane, inner, vitals: Arc::clone(vitals) };
        (lane, Arc::new(queue) as Arc<dyn Queue>)
    };
    lanes.into_iter().map(measured).collect()
}

/// The same store, whose calls are timed.
pub(crate) fn store(inner: Arc<dyn Store>, vitals: &Arc<Vitals>) -> Arc<dyn Store> {
    Arc::new(MeasuredStore { inner, vitals: Arc::clone(vitals) })
}
