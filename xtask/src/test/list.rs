use anyhow::Result;
use clap::ValueEnum;

use super::{Check, promises, promises::first_sentence};
use crate::{bench::Subject, console::Console, repository::Repository};

/// Simulations: the file of each.
const SIMULATIONS: [&str; 1] = ["tests/simulation/main.rs"];

/// Names everything that can be run, and how.
pub(super) fn print(repository: &Repository, console: Console) -> Result<()> {
    let rows = |rows: Vec<(String, String)>| {
        for (name, what) in rows {
            console.line(format!("  {name:<48} {what}"));
        }
    };
    console.heading("Checks: cargo xtask test --only NAME,…");
    rows(values::<Check>());
    console.heading("Promises: cargo xtask test --only e2e -- NAME…");
    rows(promises::all(repository)?.into_iter().map(|promise| (promise.name, promise.claim)).collect());
    console.heading("Simulations: cargo xtask test --only simulation -- SEED or FROM..TO");
    for file in SIMULATIONS {
        let text = std::fs::read_to_string(repository.path(file))?;
        rows(vec![(file.to_owned(), first_sentence(&text))]);
    }
    console.heading("Benches: cargo xtask bench NAME");
    rows(values::<Subject>());
    console.line(format!(
        "\nTests by a part of their name, in one of {}: cargo xtask test --only unit -- NAME…",
        Check::names_of(Check::is_of_cargo_tests)
    ));
    Ok(())
}

fn values<T: ValueEnum>() -> Vec<(String, String)> {
    let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let row = |value: clap::builder::PossibleValue| {
        (value.get_name().to_owned(), value.get_help().map(ToString::to_string).unwrap_or_default())
    };
    values.map(row).collect()
}
