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
        let effect = async move { tokio::spawn(effect).await.map_err(|_| Failed) };
        self.call_in_person(effect).await?
    }

    /// Makes a call that dies with its caller.
    pub(crate) async fn call_in_person<T>(&self, effect: impl Future<Output = T>) -> Result<T, Failed> {
        let (there, fault, back) = self.draw();
        sleep(there).await;
        if fault == Fault::NoEffect {
            sleep(back).await;
            return Err(Failed);
        }
        let answer = effect.await;
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
