//! Lets the binaries, tests and benchmarks find the libtorch they were built against, and a moved folder its own.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Set by torch-sys, and only when the feature `tch` is on. On other machines LD_LIBRARY_PATH comes first.
    if let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        // `cargo xtask package` cuts the second off, which is this machine's own: xtask/src/package/run_path.rs.
        println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/lib:{folder}");
    }
}
