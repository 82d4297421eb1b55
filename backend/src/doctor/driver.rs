//! Is NVIDIA's driver new enough for the CUDA that torch brings?

use std::{fs, path::Path};

use super::Finding;

/// What CUDA 13.0 needs, with which torch 2.11 is built: «CUDA 13.0 Release Notes», table 2,
/// <https://docs.nvidia.com/cuda/archive/13.0.0/cuda-toolkit-release-notes/>. `infra/worker/user-data.sh` asks for the same.
pub const OLDEST: &str = "580.65.06";

/// What the driver below `root`, which is `/` but for tests, is; nothing where there is none. `device` is what models run
/// on, where anything could be opened.
pub(super) fn examine(root: &Path, device: Option<&str>) -> Option<Finding> {
    let text = fs::read_to_string(root.join("proc/driver/nvidia/version")).ok()?;
    Some(judge(version(&text)?, device.is_some_and(|device| device.starts_with("cuda"))))
}

/// `works`: whether CUDA could be opened all the same, as with NVIDIA's forward-compatible libraries.
fn judge(found: &str, works: bool) -> Finding {
    let subject = "driver";
    if numbers(found) >= numbers(OLDEST) {
        return Finding::fine(subject, format!("NVIDIA {found}, and {OLDEST} or newer is needed"));
    }
    let advice = "update NVIDIA's driver, or take a newer machine image, and restart the machine";
    let found = format!("NVIDIA {found}, and torch's CUDA 13.0 needs {OLDEST} or newer");
    if works { Finding::doubtful(subject, found) } else { Finding::missing(subject, found) }.advise(advice)
}

/// Of `NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 …`, where an open module says so as well.
fn version(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| line.starts_with("NVRM version:"))?;
    line.split_whitespace().find(|word| word.contains('.') && numbers(word).is_some())
}

fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{Doubtful, Fine, Missing};

    #[test]
    fn both_kinds_of_module_say_their_version() {
        for (line, expect) in [
            (
                "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 07:10:51 UTC 2025",
                Some("580.65.06"),
            ),
            (
                "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  575.57.08  Release Build  (root@a)",
                Some("575.57.08"),
            ),
            ("GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)", None),
            ("NVRM version: something else", None),
        ] {
            assert_eq!(version(&format!("{line}\nGCC version:  gcc version 12.2.0\n")), expect, "{line}");
        }
    }

    #[test]
    fn a_driver_that_is_too_old_is_named_with_what_is_needed() {
        for (found, works, severity) in [
            ("580.65.06", false, Fine),
            ("590.1", true, Fine),
            ("580.65.05", false, Missing),
            ("580.65", false, Missing),
            ("99.99.99", false, Missing),
            ("575.57.08", true, Doubtful),
        ] {
            let finding = judge(found, works);
            assert_eq!(finding.severity, severity, "{found}");
            assert!(finding.found.contains(found) && finding.found.contains(OLDEST), "{finding}");
        }
    }

    #[test]
    fn a_machine_without_a_driver_says_nothing_of_one() {
        assert_eq!(examine(Path::new("/nowhere"), Some("cpu")), None);
    }
}
