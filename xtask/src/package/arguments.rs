use std::path::PathBuf;

/// What `cargo xtask package` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct PackageArguments {
    /// What is packed
    #[arg(value_enum, default_value_t = Packed::Worker)]
    pub packed: Packed,

    /// Where the folder and its archive are put
    #[arg(long, default_value = "target/package", value_name = "DIR")]
    pub out: PathBuf,

    /// With torch's CUDA half and NVIDIA's libraries, which this machine itself need not be able to use: 2.9 GB to download,
    /// once
    #[arg(long)]
    pub cuda: bool,

    /// Make the folder alone, no archive of it
    #[arg(long)]
    pub no_archive: bool,

    /// The commit that is packed, for version.json; git is asked where this is not said
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
}

/// What can be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Packed {
    /// `forebay-worker`, for machines
    Worker,
    /// `forebay-lambda-worker`, as the `bootstrap` of an image for Lambda
    Burst,
}

impl Packed {
    /// The folder's name, and the beginning of the archive's.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Worker => "forebay-worker",
            Self::Burst => "forebay-burst",
        }
    }

    /// What the program is called in the folder.
    pub fn program(self) -> &'static str {
        match self {
            Self::Worker => "forebay-worker",
            Self::Burst => "bootstrap",
        }
    }

    /// Files of `infra/worker/` that lie beside the program.
    pub(super) fn installing(self) -> &'static [&'static str] {
        match self {
            Self::Worker => &[
                "forebay-worker.service",
                "forebay-worker-unhealthy.service",
                "healthy.sh",
                "secrets.sh",
                "unhealthy.sh",
            ],
            Self::Burst => &[],
        }
    }

    /// What cargo calls the program.
    pub(super) fn binary(self) -> &'static str {
        match self {
            Self::Worker => "forebay-worker",
            Self::Burst => "forebay-lambda-worker",
        }
    }

    /// What it is built with.
    pub(super) fn features(self) -> &'static str {
        match self {
            Self::Worker => "tch,otlp",
            Self::Burst => "tch,lambda,otlp",
        }
    }
}
