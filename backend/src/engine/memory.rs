use std::fs::read_to_string;

/// Half of what the process may have of the machine's memory: the other half is for inputs, outputs and the rest.
pub(super) fn half_of_ram() -> Option<u64> {
    let machine = total(&read_to_string("/proc/meminfo").ok()?)?;
    // `max` where the container has no limit of its own.
    let container = read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse::<u64>().ok());
    Some(container.map_or(machine, |container| container.min(machine)) / 2)
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_counts_in_kilobytes() {
        assert_eq!(total("MemTotal:       24689764 kB\nMemFree: 1 kB\n"), Some(24_689_764 * 1024));
        assert_eq!(total("nothing"), None);
    }
}
