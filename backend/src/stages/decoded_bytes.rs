use std::sync::Arc;

use crate::{
    gate::{Gate, Pass},
    vitals::Vitals,
};

/// Bounds what decoded inputs take together from before they are decoded until the device has answered. The accounts
/// that wait take turns; what takes more than all there is is decoded when nothing else is held.
pub(crate) struct DecodedBytes {
    gate: Gate,
    /// Whose gauge shows how much is held.
    vitals: Arc<Vitals>,
}

/// One job's part of it, until it is dropped.
pub(crate) struct ReservedBytes {
    pass: Pass,
    bytes: usize,
    vitals: Arc<Vitals>,
}

impl DecodedBytes {
    pub(crate) fn new(most: usize, vitals: Arc<Vitals>) -> Self {
        Self { gate: Gate::new(most), vitals }
    }

    /// Waits until `bytes` may be held.
    pub(crate) async fn take(&self, account: &str, bytes: usize) -> ReservedBytes {
        let pass = self.gate.enter_with(account, bytes).await;
        self.vitals.metrics.decoded_held(bytes, 0);
        ReservedBytes { pass, bytes, vitals: Arc::clone(&self.vitals) }
    }
}

impl ReservedBytes {
    /// It turned out to be no more than this.
    pub(crate) fn keep(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.pass.lighten(bytes);
        self.vitals.metrics.decoded_held(bytes, self.bytes);
        self.bytes = bytes;
    }
}

impl Drop for ReservedBytes {
    fn drop(&mut self) {
        self.vitals.metrics.decoded_held(0, self.bytes);
    }
}
