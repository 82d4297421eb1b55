//! How a pipeline ends: told to stop, by trouble of a device, or by a stage that ended by itself.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    stages::{infer::Trouble, runs::Runs},
    vitals::Vitals,
};

/// From the stop to the end. With the last spans and the runtime's own end, which take up to four seconds more, it is
/// within the 30 seconds that supervisors wait before they kill.
const DRAIN: Duration = Duration::from_secs(25);

/// From a device's trouble to the end: what can be handed back or stored without it is.
const LEAVE: Duration = Duration::from_secs(5);

/// Why the pipeline ended without being stopped.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The device's thread could not be started.
    #[error("the device's thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A stage ended by itself: the process should end too, and its supervisor start it again.
    #[error("a stage of the pipeline ended by itself")]
    StageEnded,
    /// A device's call does not end: the process must end, whatever its threads still do, and its supervisor start it
    /// again. The jobs that the device holds come back when their visibility timeouts end.
    #[error("the device does not answer")]
    DeviceHung,
    /// A device computes nothing more for this process, which must end so that its supervisor starts another. The jobs
    /// that it held are handed back.
    #[error("the device is lost: this process cannot use it any more")]
    DeviceLost,
}

impl PipelineError {
    /// The process's exit status, so that a supervisor can tell: 75 (`EX_TEMPFAIL` of sysexits.h) for a device that hangs
    /// or is lost.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::DeviceHung | Self::DeviceLost => 75,
            Self::Thread(_) | Self::StageEnded => 1,
        }
    }
}

impl From<Trouble> for PipelineError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Hung => Self::DeviceHung,
            Trouble::Lost => Self::DeviceLost,
            Trouble::Panicked => Self::StageEnded,
        }
    }
}

/// What runs, and what hears of its end.
pub(super) struct Ending {
    pub(super) stages: JoinSet<()>,
    pub(super) runs: Runs,
    pub(super) vitals: Arc<Vitals>,
    pub(super) stop: CancellationToken,
}

impl Ending {
    /// Waits for the reason to end, finishes what runs and hands back the rest. `troubled` answers when a device does
    /// nothing more.
    pub(super) async fn run(mut self, troubled: oneshot::Receiver<Trouble>) -> Result<(), PipelineError> {
        let vitals = Arc::clone(&self.vitals);
        let broke = |error: PipelineError| {
            vitals.health.broke(error.to_string());
            error
        };
        // Without any trouble, this never answers.
        let troubled = async {
            match troubled.await {
                Ok(trouble) => broke(trouble.into()),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::pin!(troubled);
        let trouble = tokio::select! {
            () = self.stop.cancelled() => None,
            _ = self.stages.join_next() => None,
            trouble = &mut troubled => Some(trouble),
        };
        // A stop ends stages too, and may be seen second.
        let stopped = self.stop.is_cancelled() && trouble.is_none();
        if !stopped && trouble.is_none() {
            broke(PipelineError::StageEnded);
        }
        info!("stopping");
        self.vitals.health.drains();
        self.stop.cancel();
        let stopping = Instant::now();
        // A device may hang also while the rest is finished.
        let trouble = match trouble {
            Some(trouble) => Some(trouble),
            None => tokio::select! {
                () = self.drain() => None,
                trouble = &mut troubled => Some(trouble),
            },
        };
        match trouble {
            Some(trouble) => {
                self.leave(&trouble, LEAVE.min(DRAIN.saturating_sub(stopping.elapsed()))).await;
                Err(trouble)
            }
            None if stopped => Ok(()),
            None => Err(PipelineError::StageEnded),
        }
    }

    /// Finishes what runs. Whoever told the worker to stop may not wait for that, which is no fault of what runs.
    async fn drain(&mut self) {
        let _ = tokio::join!(finish(&mut self.stages, DRAIN), timeout(DRAIN, self.runs.forgive()));
    }

    /// What hangs or panicked keeps its jobs to itself; a device that is lost gives them back.
    async fn leave(&mut self, trouble: &PipelineError, longest: Duration) {
        if !matches!(trouble, PipelineError::DeviceLost) {
            let _ = timeout(longest, self.runs.suspect()).await;
        }
        finish(&mut self.stages, longest).await;
    }
}

/// Waits for the stages; what they still hold after the time is up is redelivered when its visibility timeout ends.
async fn finish(stages: &mut JoinSet<()>, longest: Duration) {
    tokio::select! {
        () = async { while stages.join_next().await.is_some() {} } => info!("stopped"),
        () = sleep(longest) => warn!("not everything could be finished or handed back in time"),
    }
}
