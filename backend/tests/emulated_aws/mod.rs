//! AWS as an emulator is it: LocalStack, or a server of the test's own.
#![allow(dead_code, reason = "each test file uses its own part")]

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// Where LocalStack runs.
pub(crate) fn localstack() -> String {
    std::env::var("FOREBAY_TEST_LOCALSTACK").expect(
        "FOREBAY_TEST_LOCALSTACK: found nothing; allowed is the address of a running LocalStack, such as \
         http://127.0.0.1:4566",
    )
}

/// The settings of clients of the emulator at `endpoint`, which asks for no right credentials.
pub(crate) async fn config(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .load()
        .await
}
