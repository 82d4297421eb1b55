//! Whether the machine has an NVIDIA GPU, whatever drivers and libraries say of it.

use std::path::Path;

/// NVIDIA's number as a maker of PCI devices.
const VENDOR: &str = "0x10de";
/// PCI's class of display controllers, which GPUs without a display are of too (PCI Code and ID Assignment, §1.4).
const DISPLAY: &str = "0x03";

/// Where below `root`, which is `/` but for tests, an NVIDIA GPU is seen. Inside a container the bus shows all GPUs of its
/// machine, also those that it is not given.
pub(crate) fn found(root: &Path) -> Option<String> {
    let device = root.join("dev/nvidia0");
    if device.exists() {
        return Some(device.display().to_string());
    }
    let driver = root.join("proc/driver/nvidia/gpus");
    if children(&driver).next().is_some() {
        return Some(driver.display().to_string());
    }
    children(&root.join("sys/bus/pci/devices")).find(|device| is_gpu(device)).map(|device| device.display().to_string())
}

fn is_gpu(device: &Path) -> bool {
    let says = |file: &str, words: &str| {
        std::fs::read_to_string(device.join(file)).is_ok_and(|text| text.trim().starts_with(words))
    };
    says("vendor", VENDOR) && says("class", DISPLAY)
}

/// In order, so that the same machine gives the same words.
fn children(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let mut found: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_seen_by_its_device_its_driver_or_on_the_bus() {
        let root = std::env::temp_dir().join(format!("forebay-gpu-{}", std::process::id()));
        let seen = || found(&root).map(|path| path.replace(&root.display().to_string(), ""));
        assert_eq!(seen(), None, "there is no such folder");
        let pci = |address: &str, vendor: &str, class: &str| {
            let device = root.join("sys/bus/pci/devices").join(address);
            std::fs::create_dir_all(&device).unwrap();
            std::fs::write(device.join("vendor"), vendor).unwrap();
            std::fs::write(device.join("class"), class).unwrap();
        };
        pci("0000:00:01.0", "0x8086\n", "0x030000\n");
        pci("0000:00:02.0", "0x10de\n", "0x040300\n");
        std::fs::create_dir_all(root.join("sys/bus/pci/devices/0000:00:03.0")).unwrap();
        std::fs::create_dir_all(root.join("proc/driver/nvidia/gpus")).unwrap();
        assert_eq!(seen(), None, "another maker's display, NVIDIA's sound, a device that says nothing");
        pci("0000:00:04.0", "0x10de\n", "0x030200\n");
        assert_eq!(seen().as_deref(), Some("/sys/bus/pci/devices/0000:00:04.0"));
        std::fs::create_dir_all(root.join("proc/driver/nvidia/gpus/0000:00:04.0")).unwrap();
        assert_eq!(seen().as_deref(), Some("/proc/driver/nvidia/gpus"));
        std::fs::create_dir_all(root.join("dev")).unwrap();
        std::fs::write(root.join("dev/nvidia0"), "").unwrap();
        assert_eq!(seen().as_deref(), Some("/dev/nvidia0"));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
