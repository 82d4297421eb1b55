use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Lane, PlanClass, WorkClass, ordered};

/// Who waits in a lane, and what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LaneSpec {
    /// The class of the plans whose jobs wait here.
    pub class: PlanClass,
    /// The kind of work that waits here; both unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<WorkClass>,
    /// The lane's share of a worker's time while its other lanes have jobs too, beside their weights.
    #[serde(default = "lightest")]
    pub weight: u32,
    /// How long the oldest job is meant to wait at most, in milliseconds: the alarm on its age is made from it.
    #[serde(default = "one_minute")]
    pub wait_ms: u64,
    /// The most work that may wait, in device milliseconds; beyond it submissions are refused with 503.
    #[serde(default = "ten_minutes")]
    pub backlog_ms: u64,
    /// Device milliseconds a second that the lane is expected to work off until it has been measured: 1000 is one
    /// device by itself.
    #[serde(default = "one_device")]
    pub rate: f64,
}

impl LaneSpec {
    /// What is not said of a lane: any work, the least weight, ten minutes of one device.
    pub fn of(class: PlanClass) -> Self {
        Self {
            class,
            work: None,
            weight: lightest(),
            wait_ms: one_minute(),
            backlog_ms: ten_minutes(),
            rate: one_device(),
        }
    }

    /// Whether jobs of this class and this kind wait here.
    pub fn takes(&self, class: PlanClass, work: WorkClass) -> bool {
        self.class == class && self.work.is_none_or(|own| own == work)
    }

    /// What a lane that was always there says beside backlog and rate, which catalogs have had all the time.
    fn shipped(lane: Lane) -> Option<Self> {
        let (class, work, weight, wait_ms) = match lane {
            Lane::PAID_LIGHT => (PlanClass::PAID, WorkClass::Light, 8, 5_000),
            Lane::PAID_HEAVY => (PlanClass::PAID, WorkClass::Heavy, 4, 60_000),
            Lane::FREE_LIGHT => (PlanClass::FREE, WorkClass::Light, 2, 60_000),
            Lane::FREE_HEAVY => (PlanClass::FREE, WorkClass::Heavy, 1, 300_000),
            _ => return None,
        };
        Some(Self { work: Some(work), weight, wait_ms, ..Self::of(class) })
    }
}

impl Default for LaneSpec {
    /// What is expected of a lane that nobody says anything of.
    fn default() -> Self {
        Self::of(PlanClass::FREE)
    }
}

/// The lanes of a catalog that says nothing of any: those that were always there.
pub(super) fn shipped() -> BTreeMap<Lane, LaneSpec> {
    ordered::map(Lane::SHIPPED.into_iter().filter_map(|lane| Some((lane, LaneSpec::shipped(lane)?))))
}

/// Reads lanes as they are compiled now and as they were before they had classes: then there were four.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Lane, LaneSpec>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        class: Option<PlanClass>,
        work: Option<WorkClass>,
        weight: Option<u32>,
        wait_ms: Option<u64>,
        backlog_ms: Option<u64>,
        rate: Option<f64>,
    }

    let written = BTreeMap::<Lane, Written>::deserialize(deserializer)?;
    let before = written.values().all(|written| written.class.is_none());
    let mut lanes = if before { shipped() } else { BTreeMap::new() };
    for (lane, written) in written {
        let unsaid = match written.class {
            Some(class) => LaneSpec { work: written.work, ..LaneSpec::of(class) },
            None => LaneSpec::shipped(lane)
                .filter(|_| before)
                .ok_or_else(|| de::Error::custom(format!("lanes.{lane}: found no class; each lane must have one")))?,
        };
        let spec = LaneSpec {
            weight: written.weight.unwrap_or(unsaid.weight),
            wait_ms: written.wait_ms.unwrap_or(unsaid.wait_ms),
            backlog_ms: written.backlog_ms.unwrap_or(unsaid.backlog_ms),
            rate: written.rate.unwrap_or(unsaid.rate),
            ..unsaid
        };
        lanes.insert(lane, spec);
    }
    Ok(lanes)
}

fn lightest() -> u32 {
    1
}

fn one_minute() -> u64 {
    60_000
}

fn ten_minutes() -> u64 {
    600_000
}

fn one_device() -> f64 {
    1000.0
}
