//! The way to a part of the world: slow, lossy, or fine.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;

use crate::{chance::Chance, scenario::Calls};

pub(crate) struct Weather {
    calls: Calls,
    chance: Mutex<Chance>,
    calm: Arc<AtomicBool>,
}

/// The call failed, with or without effect.
pub(crate) struct Failed;

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    NoEffect,
    NoAnswer,
}

impl Weather {
    /// Bad until `calm`.
    pub(crate) fn new(calls: Calls, chance: Chance, calm: Arc<AtomicBool>) -> Self {
        Self { calls, chance: Mutex::new(chance), calm }
    }

    /// Makes a call. What is on its way has its effect even if the caller dies meanwhile.
    pub(crate) async fn call<T, F>(&self, effect: F) -> Result<T, Failed>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (there, fault, back) = self.draw();
        if fault == Fault::NoEffect {
            sleep(there + back).await;
            return Err(Failed);
        }
        let call = tokio::spawn(async move {
            sleep(there).await;
            effect.await
        });
        let answer = call.await.map_err(|_| Failed)?;
        sleep(back).await;
        if fault == Fault::NoAnswer { Err(Failed) } else { Ok(answer) }
    }

    fn draw(&self) -> (Duration, Fault, Duration) {
        let calls = if self.calm.load(Ordering::Relaxed) { Calls::WELL } else { self.calls };
        let mut chance = self.chance.lock().unwrap();
        let fault = if chance.per_mille(calls.fail) {
            Fault::NoEffect
        } else if chance.per_mille(calls.lose_answer) {
            Fault::NoAnswer
        } else {
            Fault::None
        };
        let slowest = if chance.per_mille(calls.slow) { calls.slowest_ms.max(5) } else { 5 };
        (chance.ms(1, slowest), fault, chance.ms(1, slowest))
    }
}
