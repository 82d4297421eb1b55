//! Can CUDA 13.0, with which torch 2.11 is built, run on the GPUs that there are?

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

use super::Finding;

/// The compute capability of Turing, the oldest that CUDA 13.0 compiles for, as (major, minor): «CUDA 13.0 Release Notes»,
/// <https://docs.nvidia.com/cuda/archive/13.0.0/cuda-toolkit-release-notes/>.
const OLDEST: (u32, u32) = (7, 5);

/// A GPU that is lost can keep `nvidia-smi` for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the driver below `root`, which is `/` but for tests, says of each GPU; nothing where there is no driver. CUDA itself
/// passes by a GPU that it cannot use, as if there were none.
pub(super) async fn examine(root: &Path) -> Vec<Finding> {
    if !root.join("proc/driver/nvidia/version").exists() {
        return Vec::new();
    }
    let mut asked = Command::new("nvidia-smi");
    asked.args(["--query-gpu=index,compute_cap,name", "--format=csv,noheader"]);
    let asked = asked.stdin(Stdio::null()).kill_on_drop(true).output();
    match timeout(PATIENCE, asked).await {
        Ok(Ok(output)) if output.status.success() => judge(&String::from_utf8_lossy(&output.stdout)),
        Ok(Ok(output)) => vec![unheard(&String::from_utf8_lossy(&output.stdout))],
        Ok(Err(error)) => vec![unheard(&error.to_string())],
        Err(_) => vec![unheard("it does not answer")],
    }
}

fn unheard(why: &str) -> Finding {
    let finding = Finding::doubtful("gpu", format!("nvidia-smi cannot say what it is: {}", why.trim()));
    finding.advise("look at `nvidia-smi` and the kernel's log; a GPU that is lost wants another start of the machine")
}

/// Of lines such as `0, 8.9, NVIDIA L4`.
fn judge(said: &str) -> Vec<Finding> {
    let gpus = said.lines().filter(|line| !line.trim().is_empty());
    gpus.map(|line| {
        let mut fields = line.splitn(3, ',').map(str::trim);
        let (Some(index), Some(capability), Some(name)) = (fields.next(), fields.next(), fields.next()) else {
            return unheard(line);
        };
        // An old driver knows no such question, and says `[N/A]`.
        let Some(found) = numbers(capability) else { return unheard(line) };
        let (major, minor) = OLDEST;
        let text = format!("{name}, compute capability {capability}, and {major}.{minor} or newer is needed");
        let subject = format!("gpu {index}");
        if found >= OLDEST {
            return Finding::fine(subject, text);
        }
        Finding::missing(subject, text).advise("use another GPU, of Turing or newer (T4, L4, A10G), or --device cpu")
    })
    .collect()
}

fn numbers(capability: &str) -> Option<(u32, u32)> {
    let (major, minor) = capability.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{Doubtful, Fine, Missing};

    #[test]
    fn each_gpu_is_held_to_what_cuda_compiles_for() {
        for (said, expect) in [
            ("0, 8.9, NVIDIA L4\n", vec![("gpu 0", Fine)]),
            ("0, 7.5, Tesla T4\n1, 7.0, Tesla V100-SXM2-16GB\n", vec![("gpu 0", Fine), ("gpu 1", Missing)]),
            ("0, 10.0, NVIDIA B200\n", vec![("gpu 0", Fine)]),
            ("0, 6.1, A, with a comma\n", vec![("gpu 0", Missing)]),
            ("0, [N/A], Tesla K80\n", vec![("gpu", Doubtful)]),
            ("No devices were found\n", vec![("gpu", Doubtful)]),
            ("", vec![]),
        ] {
            let findings = judge(said);
            let found: Vec<_> = findings.iter().map(|one| (one.subject.as_str(), one.severity)).collect();
            assert_eq!(found, expect, "{said}");
            assert!(findings.iter().all(|one| one.severity == Fine || !one.advice.is_empty()), "{said}");
        }
    }

    #[tokio::test]
    async fn a_machine_without_a_driver_says_nothing_of_a_gpu() {
        assert_eq!(examine(Path::new("/nowhere")).await, Vec::new());
    }
}
