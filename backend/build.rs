//! Lets the binaries, tests and benchmarks find the libtorch they were built against.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Set by torch-sys, and only when the feature `tch` is on. On other machines LD_LIBRARY_PATH comes first.
    if let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
