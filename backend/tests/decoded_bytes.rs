//! What decoded inputs take stays within its bound, however many come and however large they are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod world;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use forebay_backend::{
    Array, BatchInput,
    engine::{DeterministicEngine, Engine, RunError},
    model::{Model, ModelError},
    store::Store,
};
use forebay_contract::{InputRef, JobMessage, MediaType, ParameterValue};
use world::{
    World, eventually, job,
    manifests::{dreamer, parsed},
};

/// Counts what all threads hold together, and have held at most.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
#[allow(unsafe_code, reason = "allocators are unsafe by nature, and only one can see what is reserved")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(HELD.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(HELD.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const MIB: usize = 1 << 20;

/// Runs nothing before it is opened.
#[derive(Clone, Default)]
struct Barrier(Arc<(Mutex<bool>, Condvar)>);

impl Barrier {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

struct Behind(Barrier);

impl Engine for Behind {
    fn device(&self) -> String {
        "test".to_owned()
    }

    fn load(&mut self, _model: &Model) -> Result<(), ModelError> {
        Ok(())
    }

    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        let open = self.0.0.0.lock().unwrap();
        drop(self.0.0.1.wait_while(open, |open| !*open).unwrap());
        DeterministicEngine::default().run(model, input)
    }
}

fn dream(number: u64, count: i64) -> JobMessage {
    let mut message = job(number, &format!("[{number}, {count}]"));
    "dreamer".clone_into(&mut message.model);
    message.input = InputRef::Inline { media_type: MediaType::Empty, data: Vec::new() };
    let seed = i64::try_from(number).unwrap();
    message.parameters.insert("seed".to_owned(), ParameterValue::Integer(seed));
    message.parameters.insert("count".to_owned(), ParameterValue::Integer(count));
    message
}

/// What the page of metrics says is held.
fn gauge(world: &World) -> usize {
    let page = world.vitals.metrics.encode();
    let line = page.lines().find_map(|line| line.strip_prefix("forebay_decoded_bytes ")).unwrap();
    line.parse().unwrap()
}

/// Sends `jobs` while the device stands still, waits until no more is decoded, lets it run; the most bytes that were held
/// beyond what was held before.
async fn flood(bound: usize, jobs: &[JobMessage]) -> usize {
    let world = World { decoded_bytes: bound, ..World::new() };
    let barrier = Barrier::default();
    let manifest = parsed(&dreamer());
    jobs.iter().for_each(|job| world.send(job));
    let before = HELD.load(Relaxed);
    MOST.store(before, Relaxed);
    let store = Arc::clone(&world.store) as Arc<dyn Store>;
    let worker = world.start_with(store, manifest, Box::new(Behind(barrier.clone())));
    let all: usize = jobs.iter().map(|_| MIB).sum();
    eventually("as much may be decoded as there is room", || gauge(&world) >= bound.min(all)).await;
    eventually("as much is", || HELD.load(Relaxed) - before > bound.min(all) - MIB / 2).await;
    barrier.open();
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    eventually("nothing is held any more", || gauge(&world) == 0).await;
    MOST.load(Relaxed) - before
}

/// One test: what is measured is the whole process's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_the_largest_inputs_stays_within_its_bound() {
    let jobs: Vec<JobMessage> = (1..=60).map(|number| dream(number, 1)).collect();
    // The bound, once more a batch that is put together, its answer, and everything else of a worker.
    let more = 2 * MIB + 6 * MIB;
    let bounded = flood(8 * MIB, &jobs).await;
    assert!((7 * MIB..8 * MIB + more).contains(&bounded), "{bounded}");
    let unbounded = flood(1024 * MIB, &jobs).await;
    assert!(unbounded > 55 * MIB, "{unbounded}: without the bound there is a flood");

    // Larger than the bound: each goes alone.
    let huge: Vec<JobMessage> = (101..=104).map(|number| dream(number, 2)).collect();
    let alone = flood(MIB, &huge).await;
    assert!(alone < 2 * MIB + 2 * MIB + more, "{alone}");
}
