//! A request's body.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::traffic::Traffic;

/// How much of a body is handed over at once: each piece that the connection takes is a sign of life.
const PIECE: usize = 16 << 10;

/// A request's body, handed over piece by piece.
#[derive(Debug)]
pub(crate) struct Payload {
    rest: Bytes,
    traffic: Arc<Traffic>,
}

impl Payload {
    pub(super) fn new(body: Bytes, traffic: Arc<Traffic>) -> Self {
        if body.is_empty() {
            traffic.handed_over(0, true);
        }
        Self { rest: body, traffic }
    }

    pub(super) fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }

    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let count = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(count);
        self.traffic.handed_over(count, self.rest.is_empty());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_body_is_counted_as_it_is_taken() {
        let traffic = Arc::new(Traffic::default());
        let body = Bytes::from(vec![7; PIECE * 2 + 5]);
        let mut payload = Payload::new(body.clone(), Arc::clone(&traffic));
        assert_eq!(payload.size_hint().exact(), Some(body.len() as u64));
        let mut taken = Vec::new();
        for expect in [PIECE, PIECE * 2, PIECE * 2 + 5] {
            assert_eq!(traffic.uploaded().now_or_never(), None);
            taken.extend(payload.frame().await.unwrap().unwrap().into_data().unwrap());
            assert_eq!(traffic.sent(), expect as u64);
        }
        assert!(payload.is_end_stream() && payload.frame().await.is_none());
        traffic.uploaded().await;
        assert_eq!(taken, body);
        let traffic = Arc::new(Traffic::default());
        drop(Payload::new(Bytes::new(), Arc::clone(&traffic)));
        traffic.uploaded().await;
    }
}
