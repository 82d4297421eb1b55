//! The parts of a running Forebay, one type each. Every one is stopped when it is dropped.

mod api_key;
mod deployment;
mod edge;
mod http;
mod localstack;
mod ports;
mod worker;

pub use api_key::ApiKey;
pub use deployment::{Deploying, Deployment};
pub use edge::{Edge, EdgeOptions, EdgeRunner, rehearse, seed};
pub use http::{Answer, Http};
pub use localstack::LocalStack;
pub use ports::{Taken, check as check_ports, free as free_port};
pub use worker::{Worker, WorkerOptions};
