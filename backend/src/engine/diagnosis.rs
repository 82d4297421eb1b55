//! What torch's error texts mean for the device. Pure.
//!
//! tch hands over what C++ threw as text alone, so the text is all there is to tell by. Each form is anchored to how torch
//! 2.11 begins its own messages: a model may raise an error whose words are anything.

/// What a call that failed says about the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Diagnosis {
    /// There was too little memory: with less to do, the same call may succeed.
    OutOfMemory,
    /// The device does nothing more for this process.
    DeviceLost,
    /// The call itself was refused.
    Refused,
}

/// Where the call was made: words about CUDA mean nothing on the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    Cpu,
    Cuda,
}

use Diagnosis::{DeviceLost, OutOfMemory};

/// How torch's own messages begin, and what those that begin so mean when they go on in one of these ways.
type Form = (&'static str, &'static [(&'static str, Diagnosis)]);

/// Forms of what the host says, whatever the device.
const HOST: &[Form] = &[
    // c10/core/impl/alloc_cpu.cpp; CAFFE_ENFORCE puts the place before the words (c10/util/Logging.cpp).
    ("[enforce fail at alloc_cpu.cpp", &[("DefaultCPUAllocator: ", OutOfMemory)]),
    ("DefaultCPUAllocator: ", &[("can't allocate memory", OutOfMemory), ("not enough memory", OutOfMemory)]),
    // What libstdc++ calls it.
    ("std::bad_alloc", &[("", OutOfMemory)]),
    // aten/src/ATen/MapAllocator.cpp: mmap(2) said ENOMEM.
    ("unable to mmap ", &[("Cannot allocate memory", OutOfMemory)]),
];

/// Forms of what CUDA and its libraries say.
const CUDA: &[Form] = &[
    // c10/cuda/CUDACachingAllocator.cpp and CUDAMallocAsyncAllocator.cpp.
    ("CUDA out of memory", &[("", OutOfMemory)]),
    ("Allocation on device", &[("would exceed allowed memory", OutOfMemory)]),
    // c10/cuda/CUDAException.cpp: cudaGetErrorString follows. ATen/cuda/Exceptions.h: so do names of cuBLAS and texts of
    // cuSPARSE, with « when calling ».
    ("CUDA error: ", CUDA_ERRORS),
    // ATen/cuda/Exceptions.h, AT_CUDA_DRIVER_CHECK: cuGetErrorString follows, which has the same texts.
    ("CUDA driver error: ", CUDA_ERRORS),
    // ATen/cuda/Exceptions.h, AT_CUDNN_CHECK: cudnnGetErrorString follows. The front end's messages hold the same names.
    ("cuDNN error: ", CUDNN_ERRORS),
    ("cuDNN Frontend error: ", CUDNN_ERRORS),
    // ATen/cuda/Exceptions.h, TORCH_CUSOLVER_CHECK.
    (
        "cusolver error: ",
        &[
            ("CUSOLVER_STATUS_ALLOC_FAILED", OutOfMemory),
            ("CUSOLVER_STATUS_NOT_INITIALIZED", OutOfMemory),
            ("CUSOLVER_STATUS_MAPPING_ERROR", DeviceLost),
            ("CUSOLVER_STATUS_EXECUTION_FAILED", DeviceLost),
            ("CUSOLVER_STATUS_INTERNAL_ERROR", DeviceLost),
        ],
    ),
    // ATen/native/cuda/CuFFTUtils.h.
    (
        "cuFFT error: ",
        &[("CUFFT_ALLOC_FAILED", OutOfMemory), ("CUFFT_EXEC_FAILED", DeviceLost), ("CUFFT_INTERNAL_ERROR", DeviceLost)],
    ),
];

/// Texts of «CUDA Runtime API» §6.36, `cudaError`: lost are those of which it says «this leaves the process in an
/// inconsistent state and any further CUDA work will return the same error», and those of hardware.
const CUDA_ERRORS: &[(&str, Diagnosis)] = &[
    ("out of memory", OutOfMemory),
    ("device-side assert triggered", DeviceLost),
    ("an illegal memory access was encountered", DeviceLost),
    ("the launch timed out and was terminated", DeviceLost),
    ("unspecified launch failure", DeviceLost),
    ("hardware stack error", DeviceLost),
    ("an illegal instruction was encountered", DeviceLost),
    ("misaligned address", DeviceLost),
    ("operation not supported on global/shared address space", DeviceLost),
    ("invalid program counter", DeviceLost),
    ("uncorrectable ECC error encountered", DeviceLost),
    ("uncorrectable NVLink error detected", DeviceLost),
    ("Invalid access of peer GPU memory over nvlink or a hardware error", DeviceLost),
    ("context is destroyed", DeviceLost),
    ("CUDA-capable device(s) is/are busy or unavailable", DeviceLost),
    ("unknown error", DeviceLost),
    // cuBLAS §2.2.2, `cublasStatus_t`: what it says of each is that memory was short, or that a kernel or a copy failed.
    ("CUBLAS_STATUS_ALLOC_FAILED", OutOfMemory),
    // cublasCreate says so, which allocates: torch's best known sign of a device that is full.
    ("CUBLAS_STATUS_NOT_INITIALIZED", OutOfMemory),
    ("CUBLAS_STATUS_MAPPING_ERROR", DeviceLost),
    ("CUBLAS_STATUS_EXECUTION_FAILED", DeviceLost),
    ("CUBLAS_STATUS_INTERNAL_ERROR", DeviceLost),
    // cuSPARSE, `cusparseGetErrorString` of CUSPARSE_STATUS_ALLOC_FAILED and EXECUTION_FAILED.
    ("insufficient resources when calling `cusparse", OutOfMemory),
    ("kernel launch failure when calling `cusparse", DeviceLost),
];

/// cuDNN §`cudnnStatus_t`; from version 9 on longer names begin as the older ones.
const CUDNN_ERRORS: &[(&str, Diagnosis)] = &[
    ("CUDNN_STATUS_ALLOC_FAILED", OutOfMemory),
    ("CUDNN_STATUS_NOT_INITIALIZED", OutOfMemory),
    ("CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED", OutOfMemory),
    ("CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED", OutOfMemory),
    ("CUDNN_STATUS_INTERNAL_ERROR", DeviceLost),
    ("CUDNN_STATUS_MAPPING_ERROR", DeviceLost),
    ("CUDNN_STATUS_EXECUTION_FAILED", DeviceLost),
];

/// What a call's error text, as torch threw it, says about the device.
pub(super) fn of(text: &str, site: Site) -> Diagnosis {
    let message = message(text);
    let forms = HOST.iter().chain(if site == Site::Cuda { CUDA } else { &[] });
    for (start, meanings) in forms {
        let Some(rest) = message.strip_prefix(start) else { continue };
        // What comes behind the first line is advice and C++ frames.
        let rest = rest.lines().next().unwrap_or_default();
        if let Some((_, diagnosis)) = meanings.iter().find(|(words, _)| rest.contains(words)) {
            return *diagnosis;
        }
    }
    Diagnosis::Refused
}

/// The same, and whether the device still answers: what its text does not betray, the next call does, since a CUDA context
/// that is broken answers nothing any more. `probe` makes the device do a little and waits for it.
pub(super) fn confirmed(text: &str, site: Site, probe: impl FnOnce() -> Result<(), String>) -> Diagnosis {
    let diagnosis = of(text, site);
    if site == Site::Cpu || diagnosis == DeviceLost {
        return diagnosis;
    }
    match probe() {
        Err(why) if of(&why, site) != OutOfMemory => DeviceLost,
        _ => diagnosis,
    }
}

/// Whether CUDA or one of its libraries refused, and not torch: another kind of device may not.
pub(super) fn is_of_cuda(text: &str) -> bool {
    CUDA.iter().any(|(start, _)| message(text).starts_with(start))
}

/// Whether a file could not be read, whatever is in it (caffe2/serialize/file_adapter.cc and, of a read that broke off,
/// inline_container.cc with miniz's words).
pub(super) fn is_of_file(text: &str) -> bool {
    let message = message(text);
    message.starts_with("open file failed because of errno")
        || (message.starts_with("PytorchStreamReader") && message.contains("file read failed"))
}

/// What went wrong, from the first word of it.
///
/// The interpreter of TorchScript puts a traceback before it and the error's class: `RuntimeError` for all that torch
/// threw, and the class with its module (`builtins.ValueError`) for what the model raised; a failed `assert` is a
/// `RuntimeError` whose message begins with `AssertionError` (torch/csrc/jit/runtime/interpreter.cpp, `handleError`).
fn message(text: &str) -> &str {
    const TCH: &str = "Internal torch error: ";
    const INTERPRETER: &str = "The following operation failed in the TorchScript interpreter.";
    let mut text = text.strip_prefix(TCH).unwrap_or(text);
    // One inside the other where a graph calls its fallback.
    while text.starts_with(INTERPRETER) {
        let raised = text.find("\nbuiltins.").unwrap_or(usize::MAX);
        text = match text.split_once(RUNTIME_ERROR) {
            Some((before, message)) if before.len() < raised => message,
            _ => "",
        };
    }
    text
}

const RUNTIME_ERROR: &str = "\nRuntimeError: ";

#[cfg(test)]
mod tests {
    use super::{Diagnosis::Refused, *};

    #[test]
    fn every_form_of_torch_is_known() {
        for (text, expect) in [
            ("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8.00 GiB", OutOfMemory),
            ("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported", OutOfMemory),
            ("CUDA driver error: out of memory", OutOfMemory),
            ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", OutOfMemory),
            ("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`", OutOfMemory),
            ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", OutOfMemory),
            ("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED", OutOfMemory),
            ("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`. ", OutOfMemory),
            ("cuFFT error: CUFFT_ALLOC_FAILED", OutOfMemory),
            ("CUDA error: insufficient resources when calling `cusparseCreate(handle)`", OutOfMemory),
            ("CUDA error: device-side assert triggered\nSearch for `cudaErrorAssert' in https://docs", DeviceLost),
            ("CUDA error: an illegal memory access was encountered\n", DeviceLost),
            ("CUDA error: uncorrectable ECC error encountered", DeviceLost),
            ("CUDA error: unspecified launch failure", DeviceLost),
            ("CUDA error: misaligned address", DeviceLost),
            ("CUDA error: an illegal instruction was encountered", DeviceLost),
            ("CUDA error: the launch timed out and was terminated", DeviceLost),
            ("CUDA driver error: device-side assert triggered", DeviceLost),
            ("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb", DeviceLost),
            ("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED_CUDA_DRIVER", DeviceLost),
            ("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR", DeviceLost),
            ("cusolver error: CUSOLVER_STATUS_EXECUTION_FAILED, when calling `x`", DeviceLost),
            ("cuFFT error: CUFFT_EXEC_FAILED", DeviceLost),
            ("CUDA error: invalid argument", Refused),
            ("CUDA error: invalid configuration argument", Refused),
            ("CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasGemmEx(`", Refused),
            ("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you", Refused),
            ("index out of range in self", Refused),
        ] {
            let traced = format!(
                "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript (most recent \
                 call last):\n    return self.lin(x)\n           ~~~~~~~~ <--- HERE\nRuntimeError: {text}\n"
            );
            let twice = traced.replace(text, &traced);
            for thrown in [text.to_owned(), format!("Internal torch error: {text}"), traced, twice] {
                assert_eq!(of(&thrown, Site::Cuda), expect, "{thrown}");
                assert_eq!(of(&thrown, Site::Cpu), Refused, "a CPU is never lost: {thrown}");
            }
        }
    }

    #[test]
    fn a_device_that_does_not_answer_afterwards_is_lost_whatever_the_text_was() {
        let dead = || Err("CUDA error: an illegal memory access was encountered".to_owned());
        let full = || Err("CUDA out of memory. Tried to allocate 20.00 MiB".to_owned());
        for (text, expect) in [("index out of range", Refused), ("CUDA out of memory. Tried", OutOfMemory)] {
            assert_eq!(confirmed(text, Site::Cuda, || Ok(())), expect);
            assert_eq!(confirmed(text, Site::Cuda, full), expect, "a full device is alive");
            assert_eq!(confirmed(text, Site::Cuda, dead), DeviceLost);
        }
        let lost = confirmed("CUDA error: misaligned address", Site::Cuda, || panic!("its text is enough"));
        assert_eq!(lost, DeviceLost);
        assert_eq!(confirmed("index out of range", Site::Cpu, || panic!("a CPU answers")), Refused);
    }

    #[test]
    fn who_refused_is_told_apart() {
        for (text, cuda, file) in [
            ("CUDA error: no kernel image is available for execution on the device", true, false),
            ("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED", true, false),
            ("open file failed because of errno 2 on fopen: No such file or directory, file path: m.pt", false, true),
            ("PytorchStreamReader failed reading file data/0: file read failed", false, true),
            ("PytorchStreamReader failed reading zip archive: failed finding central directory", false, false),
            ("Expected all tensors to be on the same device", false, false),
        ] {
            assert_eq!((is_of_cuda(text), is_of_file(text)), (cuda, file), "{text}");
        }
    }

    #[test]
    fn a_machine_without_memory_is_known_on_every_device() {
        for text in [
            "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to \
             allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)",
            "DefaultCPUAllocator: not enough memory: you tried to allocate 5 bytes.",
            "std::bad_alloc",
            "unable to mmap 90 bytes from file <model.pt>: Cannot allocate memory (12)",
        ] {
            assert_eq!([Site::Cpu, Site::Cuda].map(|site| of(text, site)), [OutOfMemory; 2], "{text}");
        }
    }

    /// As torch 2.11 writes them.
    #[test]
    fn what_a_model_raises_itself_says_nothing_about_the_device() {
        let head = "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript, serialized \
                    code (most recent call last):\n  File \"code/__torch__.py\", line 6, in forward\n    \
                    raise RuntimeError(\"CUDA error: device-side assert triggered\")\n    ~~~~ <--- HERE\n";
        for end in [
            "builtins.RuntimeError: CUDA error: device-side assert triggered\n",
            "builtins.ValueError: no\nRuntimeError: CUDA error: device-side assert triggered\n",
            "RuntimeError: AssertionError: CUDA error: device-side assert triggered\n",
            "RuntimeError: the text says CUDA out of memory\n",
            "",
        ] {
            assert_eq!(of(&format!("{head}{end}"), Site::Cuda), Refused, "{end}");
        }
        assert_eq!(of("", Site::Cuda), Refused);
    }
}
