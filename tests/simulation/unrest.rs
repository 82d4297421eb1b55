//! What befalls objects while there is trouble.

use std::{rc::Rc, time::Duration};

use forebay_account::platform::Rows;
use tokio::time::sleep;

use crate::{
    cloud::short,
    native::{self, Chance, Death},
    run::World,
    scenario::Poison,
    trouble::Fault,
};

impl World {
    pub(crate) async fn poisons(self: Rc<Self>, poison: Poison) {
        sleep(Duration::from_millis(poison.at_ms)).await;
        self.cloud.judge.note(format!("{:?} comes into {}", poison.text, poison.lane));
        self.cloud.queues[&poison.lane].send(poison.text);
    }

    /// Objects are moved, crash and sleep while there is trouble.
    pub(crate) async fn moves(self: Rc<Self>) {
        let mut chance = Chance::new(self.scenario().seed, "moves");
        loop {
            sleep(chance.ms(50, 1_500)).await;
            let objects = self.cloud.objects();
            let object = objects[chance.below(objects.len() as u64) as usize].clone();
            let troubles = &self.scenario().troubles;
            if object.turns().is_none() {
                continue;
            }
            if troubles.strikes(Fault::Moved) || troubles.is_about(Fault::ClockOff) {
                self.cloud.judge.note(format!("{} is moved", short(object.name())));
                object.kill();
                self.cloud.move_clock(&object);
            } else if troubles.is_about(Fault::DiesBeforeCommit) && chance.per_mille(500) {
                object.doom(chance.between(1, 6), Death::BeforeCommit);
            } else if troubles.is_about(Fault::DiesAfterCommit) && chance.per_mille(500) {
                object.doom(chance.between(1, 6), Death::AfterCommit);
            }
        }
    }

    /// A deployment with a broken setting, and the one that mends it: each starts every program anew.
    pub(crate) async fn deploys(self: Rc<Self>) {
        for episode in &self.scenario().troubles.episodes {
            if episode.fault == Fault::BrokenSetting {
                for at_ms in [episode.from_ms, episode.to_ms] {
                    self.until(at_ms).await;
                    self.cloud.judge.note(format!("a deployment, at {at_ms}"));
                    self.cloud.objects().iter().for_each(|object| object.kill());
                    self.isolates.restart();
                }
            }
        }
    }

    /// Objects that can store nothing more for a while.
    pub(crate) async fn fills_up(self: Rc<Self>) {
        for episode in &self.scenario().troubles.episodes {
            if episode.fault == Fault::Full {
                self.until(episode.from_ms).await;
                // A new one is not full.
                let is_old = |account: &Rc<native::Object>| {
                    account.disk.sql("SELECT count(*) FROM jobs", Vec::new(), Rows::Plain).is_ok()
                };
                for account in self.cloud.accounts().into_iter().filter(is_old) {
                    self.cloud.judge.note(format!("{} is full", short(account.name())));
                    self.scenario().troubles.count(Fault::Full);
                    account.disk.limit_bytes(Some(1));
                }
                self.until(episode.to_ms).await;
                self.cloud.accounts().iter().for_each(|account| account.disk.limit_bytes(None));
            }
        }
    }
}
