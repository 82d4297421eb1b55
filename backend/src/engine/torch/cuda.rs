//! What tch does not have of CUDA: torch's CUDA half itself, why no device can be used, and how much memory one has.

use std::{
    error::Error as _,
    ffi::{CStr, c_char, c_int},
};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW, Symbol};

use crate::engine::DeviceMemory;

/// The half of torch that knows CUDA. The binary does not link it, so that it also starts where it is not.
const LIBRARY: &str = "libtorch_cuda.so";

/// Loads torch's CUDA half, which registers itself with the rest. Torch asks once whether it is there: call this first.
pub(super) fn load() -> Result<(), String> {
    // SAFETY: torch's libraries are made to be loaded this way (Python does the same): their initialisers register
    // operators and touch nothing of ours. No other thread uses torch yet, by the rule above.
    #[allow(unsafe_code)]
    let library = unsafe { Library::open(Some(LIBRARY), RTLD_NOW | RTLD_GLOBAL) };
    // What registered itself must stay for as long as the process.
    library.map(std::mem::forget).map_err(|error| match error.source() {
        // The linker's own words, such as which library is missing.
        Some(why) => why.to_string(),
        None => error.to_string(),
    })
}

/// Why CUDA has no device for this process, in the words of its runtime, such as «CUDA driver version is insufficient for
/// CUDA runtime version»; torch itself answers 0 devices alone. `None` where there is one.
pub(super) fn why_no_device() -> Option<String> {
    let mut count: c_int = 0;
    // SAFETY: the signatures are those of «CUDA Runtime API» §6.1 and §6.4; `count` outlives the call, and the text that
    // cudaGetErrorString returns is a constant that ends with a zero byte.
    #[allow(unsafe_code)]
    unsafe {
        let get_count: Symbol<unsafe extern "C" fn(*mut c_int) -> c_int> = symbol(b"cudaGetDeviceCount\0")?;
        let status = get_count(&raw mut count);
        if status == 0 && count > 0 {
            return None;
        }
        let text: Symbol<unsafe extern "C" fn(c_int) -> *const c_char> = symbol(b"cudaGetErrorString\0")?;
        let words = text(status);
        (!words.is_null()).then(|| CStr::from_ptr(words).to_string_lossy().into_owned())
    }
}

/// The memory of a device, other processes' use counted; `None` where its runtime does not say.
pub(super) fn memory(device: usize) -> Option<DeviceMemory> {
    let device = c_int::try_from(device).ok()?;
    let (mut free, mut total, mut before): (usize, usize, c_int) = (0, 0, 0);
    // SAFETY: the signatures are those of «CUDA Runtime API» §6.1 (cudaGetDevice, cudaSetDevice) and §6.9
    // (cudaMemGetInfo), whose status 0 means that the arguments are written; they outlive the calls. The thread's current
    // device, which torch keeps account of, is what it was before.
    #[allow(unsafe_code)]
    let status = unsafe {
        let get: Symbol<unsafe extern "C" fn(*mut c_int) -> c_int> = symbol(b"cudaGetDevice\0")?;
        let set: Symbol<unsafe extern "C" fn(c_int) -> c_int> = symbol(b"cudaSetDevice\0")?;
        let info: Symbol<unsafe extern "C" fn(*mut usize, *mut usize) -> c_int> = symbol(b"cudaMemGetInfo\0")?;
        if get(&raw mut before) != 0 || set(device) != 0 {
            return None;
        }
        let status = info(&raw mut free, &raw mut total);
        set(before);
        status
    };
    (status == 0).then_some(DeviceMemory { free: free as u64, total: total as u64 })
}

/// A function of CUDA's runtime, which torch's CUDA half brought with it into the process, whatever its version is.
///
/// SAFETY: `T` must be the function's type.
#[allow(unsafe_code)]
unsafe fn symbol<T>(name: &[u8]) -> Option<Symbol<T>> {
    // SAFETY: the process itself is not unloaded; the type is right by the rule above.
    unsafe { Library::this().get(name).ok() }
}
