//! How much memory a device has, and how much of it models may take.
#![cfg_attr(not(feature = "tch"), allow(dead_code, reason = "only devices that hold weights are asked"))]

use std::fs::read_to_string;

/// A device's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMemory {
    /// What no process uses, in bytes.
    pub free: u64,
    /// All there is, in bytes.
    pub total: u64,
}

/// Batches need memory too: this share of a GPU's, and not less than so many bytes.
const HEADROOM_SHARE: u64 = 10;
const LEAST_HEADROOM: u64 = 512 << 20;

impl DeviceMemory {
    /// What models may take of a GPU that holds none yet: what is free now, less a tenth of the whole for what batches
    /// need beside the weights. What other processes hold is not free.
    pub fn for_models(self) -> u64 {
        self.free.saturating_sub((self.total / HEADROOM_SHARE).max(LEAST_HEADROOM))
    }
}

/// Half of what the process may have of the machine's memory: the other half is for inputs, outputs and the rest.
pub(super) fn half_of_ram() -> Option<u64> {
    of_machine().map(|memory| memory.total / 2)
}

/// The machine's memory, or the container's where it may have less.
pub(super) fn of_machine() -> Option<DeviceMemory> {
    let meminfo = read_to_string("/proc/meminfo").ok()?;
    let number = |file: &str| read_to_string(file).ok().and_then(|text| text.trim().parse::<u64>().ok());
    // `max`, which is no number, where the container has no limit of its own.
    let container = number("/sys/fs/cgroup/memory.max").zip(number("/sys/fs/cgroup/memory.current"));
    of(&meminfo, container)
}

/// `container`: its limit, and what it uses.
fn of(meminfo: &str, container: Option<(u64, u64)>) -> Option<DeviceMemory> {
    let machine = DeviceMemory { free: line(meminfo, "MemAvailable:")?, total: line(meminfo, "MemTotal:")? };
    Some(match container {
        Some((limit, used)) if limit < machine.total => {
            DeviceMemory { free: limit.saturating_sub(used).min(machine.free), total: limit }
        }
        _ => machine,
    })
}

fn line(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_counts_in_kilobytes() {
        let meminfo = "MemTotal:       24689764 kB\nMemFree: 1 kB\nMemAvailable:   4000 kB\n";
        let machine = DeviceMemory { free: 4000 * 1024, total: 24_689_764 * 1024 };
        assert_eq!(of(meminfo, None), Some(machine));
        assert_eq!(of("nothing", None), None);
        assert_eq!(of(meminfo, Some((u64::MAX, 5))), Some(machine), "the container may have more than there is");
        assert_eq!(of(meminfo, Some((1000, 400))), Some(DeviceMemory { free: 600, total: 1000 }));
        assert_eq!(of(meminfo, Some((1000, 1400))), Some(DeviceMemory { free: 0, total: 1000 }));
    }

    #[test]
    fn models_leave_a_gpu_room_for_batches() {
        let gib = |count: u64| count << 30;
        for (free, total, expect) in [
            (gib(80), gib(80), gib(72)),
            (gib(20), gib(80), gib(12)),
            (gib(4), gib(80), 0),
            (gib(2), gib(2), gib(2) - LEAST_HEADROOM),
            (0, 0, 0),
        ] {
            assert_eq!(DeviceMemory { free, total }.for_models(), expect, "{free} of {total}");
        }
    }
}
