/// What `cargo xtask test` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct TestArguments {
    /// Run only these, by name, separated by commas: fmt, clippy, clippy-lean, clippy-wasm, unit, models, localstack,
    /// e2e, deny
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub only: Vec<String>,
}
