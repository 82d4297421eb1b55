//! Which jobs run together, and when: a pure function of what is pending, the time, the limits and the device.
//!
//! [`Pending`] keeps what waits in the order in which it is looked at, [`plan`] decides, and [`Pending::take`] charges
//! what was decided to its lane and account. Time, limits and the device's state are arguments; costs are microseconds.

mod draft;
#[cfg(test)]
pub(crate) mod example;
mod fair;
mod item;
mod limits;
mod pace;
#[cfg(test)]
mod padding;
mod pending;
mod plan;
#[cfg(test)]
mod properties;
mod residence;
mod slack;
#[cfg(test)]
mod starvation;
mod suspect;
mod weights;

pub use item::Item;
pub use limits::{Decision, Device, Limits};
pub use pace::Pace;
pub use pending::Pending;
pub use plan::plan;
pub use residence::{Arrival, Residence, Residency};
pub use slack::Slack;
pub use suspect::{GATHER_US, position_alone};
pub use weights::LaneWeights;
