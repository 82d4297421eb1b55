//! The line that uploads share: an upload begins once there is room on it.

use std::{cell::RefCell, sync::Arc, time::Duration};

use forebay::{Answer, Client, Error, Job, Submission, Traffic};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::uploads::{SMALL, Uploads};

/// What the connection took is out after so long, whatever the service has to think about until it answers.
const DRAINED: Duration = Duration::from_secs(10);

/// The line to one service.
#[derive(Debug)]
pub(super) struct UploadLine {
    uploads: RefCell<Uploads>,
    /// Wakes who waits for room, whenever an upload has left the line.
    left: Notify,
    begun: Instant,
}

/// An upload on the line, whose room is free again when this is dropped.
struct Upload<'a> {
    line: &'a UploadLine,
    is_over: bool,
}

impl UploadLine {
    /// A line that has never more than `most` uploads at once.
    pub(super) fn new(most: usize) -> Self {
        Self { uploads: RefCell::new(Uploads::new(most)), left: Notify::new(), begun: Instant::now() }
    }

    /// Submits, once there is room on the line for so many bytes.
    pub(super) async fn submit(
        &self,
        client: &Client,
        submission: &Submission,
        bytes: u64,
    ) -> Result<Answer<Job>, Error> {
        if bytes < SMALL {
            return client.submit(submission).await;
        }
        let upload = self.begin().await;
        let (traffic, begun) = (Arc::new(Traffic::default()), Instant::now());
        let mut answer = std::pin::pin!(client.submit_watched(submission, &traffic));
        let mut took = None;
        let handed_over = async {
            traffic.uploaded().await;
            took = Some(begun.elapsed());
            sleep(DRAINED).await;
        };
        let early = tokio::select! {
            answer = &mut answer => Some(answer),
            () = handed_over => None,
        };
        let took_ms = millis(took.unwrap_or_else(|| begun.elapsed()));
        match &early {
            Some(Err(Error::Unanswered(_))) => upload.end(|uploads, now_ms| uploads.broke(now_ms)),
            _ => upload.end(|uploads, now_ms| uploads.end(bytes, took_ms, now_ms)),
        }
        match early {
            Some(answer) => answer,
            None => answer.await,
        }
    }

    async fn begin(&self) -> Upload<'_> {
        loop {
            let left = self.left.notified();
            if self.uploads.borrow().has_room() {
                self.uploads.borrow_mut().begin(self.now_ms());
                return Upload { line: self, is_over: false };
            }
            left.await;
        }
    }

    fn now_ms(&self) -> u64 {
        millis(self.begun.elapsed())
    }
}

impl Upload<'_> {
    fn end(mut self, how: impl FnOnce(&mut Uploads, u64)) {
        self.is_over = true;
        how(&mut self.line.uploads.borrow_mut(), self.line.now_ms());
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.line.uploads.borrow_mut().leave(self.line.now_ms());
        }
        // There may be room for more than one.
        self.line.left.notify_waiters();
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
