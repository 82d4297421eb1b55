use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

/// The half of torch that knows CUDA. The binary does not link it, so that it also starts where it is not.
const LIBRARY: &str = "libtorch_cuda.so";

/// Loads torch's CUDA half, which registers itself with the rest. Torch asks once whether it is there: call this first.
pub(super) fn load() -> Result<(), String> {
    // SAFETY: torch's libraries are made to be loaded this way (Python does the same): their initialisers register
    // operators and touch nothing of ours. No other thread uses torch yet, by the rule above.
    #[allow(unsafe_code)]
    let library = unsafe { Library::open(Some(LIBRARY), RTLD_NOW | RTLD_GLOBAL) };
    // What registered itself must stay for as long as the process.
    library.map(std::mem::forget).map_err(|error| error.to_string())
}
