//! `cargo xtask deploy`, `rollback`, `rotate` and `destroy`: one environment at AWS and Cloudflare, forward and back.
//!
//! What is decided is pure (`settings`, `template`, `parameters`, `stack_status`, `change_set`, `migrations`, `rollout`,
//! `rotation`, `journal`); what is done goes through two programs, the AWS command line and wrangler, each of which finds
//! credentials as it does for everybody. Every step looks at what is there first, so that the same command, run again, goes
//! on where it stopped.

mod arguments;
mod artefact;
mod aws;
mod aws_error;
mod bucket;
mod change_set;
mod complaint;
mod destroy;
mod edge;
mod edge_config;
mod fleet;
mod forward;
mod health;
mod journal;
mod lock;
mod look;
mod migrations;
mod packages;
mod parameters;
mod plan;
mod rollback;
mod rollout;
mod rotate;
mod rotate_key;
mod rotation;
mod secrets;
mod settings;
mod site;
mod smoke;
mod stack_status;
mod stacks;
mod template;
mod wrangler;

pub use arguments::{DeployArguments, DestroyArguments, RollbackArguments, RotateArguments};
pub use destroy::run as destroy;
pub use forward::run as deploy;
pub use rollback::run as rollback;
pub use rotate::run as rotate;
