//! Does the device have the memory that its models need?

use super::Finding;
use crate::engine::{DeviceMemory, Engine};

/// Bytes of one MiB, in which people read memory.
const MIB: u64 = 1 << 20;

/// What the device has, before anything is loaded; nothing where it does not say.
pub(super) fn device(engine: &dyn Engine) -> Option<Finding> {
    let memory = engine.device_memory()?;
    Some(free(&engine.device(), memory))
}

fn free(device: &str, DeviceMemory { free, total }: DeviceMemory) -> Finding {
    let found = format!("{} of {} MiB are free on {device}", free / MIB, total / MIB);
    if free < total / 2 {
        return Finding::doubtful("device memory", found)
            .advise("end what else uses this device, or give it a worker of its own: models may not find room");
    }
    Finding::fine("device memory", found)
}

/// Whether the models of the folder, each with the bytes of its weights, fit on one device together.
pub(super) fn models(budget: u64, models: &[(String, u64)]) -> Finding {
    let subject = "models together";
    let needed = models.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    let needs = format!("their weights take {} MiB, and {} MiB are for models", needed / MIB, budget / MIB);
    if needed <= budget {
        return Finding::fine(subject, needs);
    }
    let too_large: Vec<&str> = models.iter().filter(|(_, bytes)| *bytes > budget).map(|(id, _)| id.as_str()).collect();
    let advice = "give each worker fewer models or a larger device; --model-memory-mib says how much models may take";
    if !too_large.is_empty() {
        let found = format!("{needs}: more than that is needed for {} alone", too_large.join(", "));
        return Finding::doubtful(subject, found).advise(advice);
    }
    let mut left = budget;
    let mut fit = Vec::new();
    for (id, bytes) in models {
        if *bytes <= left {
            left -= bytes;
            fit.push(id.as_str());
        }
    }
    let found = format!("{needs}: {} fit together, the others take turns with them", fit.join(", "));
    Finding::doubtful(subject, found).advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{Doubtful, Fine};

    #[test]
    fn models_that_take_turns_are_named() {
        let sizes = |sizes: &[u64]| -> Vec<(String, u64)> {
            let named = sizes.iter().zip(["a@1", "b@1", "c@1"]);
            named.map(|(mib, id)| (id.to_owned(), mib * MIB)).collect()
        };
        for (budget, models, state, part) in [
            (100, &[40, 60][..], Fine, "their weights take 100 MiB, and 100 MiB are for models"),
            (100, &[40, 70, 50], Doubtful, "a@1, c@1 fit together"),
            (100, &[40, 170], Doubtful, "needed for b@1 alone"),
            (0, &[1], Doubtful, "needed for a@1 alone"),
        ] {
            let found = self::models(budget * MIB, &sizes(models));
            assert_eq!(found.severity, state, "{found}");
            assert!(found.found.contains(part), "{found}");
        }
    }

    #[test]
    fn a_device_that_others_fill_is_doubtful() {
        assert_eq!(free("cuda:0", DeviceMemory { free: 70 * MIB, total: 80 * MIB }).severity, Fine);
        let full = free("cuda:0", DeviceMemory { free: 30 * MIB, total: 80 * MIB });
        assert_eq!((full.severity, full.found.as_str()), (Doubtful, "30 of 80 MiB are free on cuda:0"));
    }
}
