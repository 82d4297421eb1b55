use anyhow::{Result, bail};

/// How many near names are shown.
const NEAR: usize = 3;

/// Which of the `known` are meant: each name means the one that is called so, else all that hold it.
pub(super) fn choose<'a>(what: &str, names: &[String], known: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut chosen = Vec::new();
    for name in names {
        let exact = known.iter().copied().filter(|known| known == name);
        let holding = known.iter().copied().filter(|known| known.contains(name.as_str()));
        let mut meant: Vec<&str> = exact.collect();
        if meant.is_empty() {
            meant.extend(holding);
        }
        if meant.is_empty() {
            bail!(unknown(what, name, known));
        }
        chosen.extend(meant.into_iter().filter(|name| !chosen.contains(name)).collect::<Vec<_>>());
    }
    Ok(chosen)
}

/// That nothing is called so, and what is called nearly so.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let mut near: Vec<(&str, f64)> = known.iter().map(|known| (*known, likeness(name, known))).collect();
    near.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let near: Vec<&str> = near.iter().take(NEAR).map(|(known, _)| *known).collect();
    let near = if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) };
    format!("no {what} is called `{name}`{near} (cargo xtask test --list)")
}

/// How alike a name is to a known one, or to its last part: the claim after `limits::tests::`.
fn likeness(name: &str, known: &str) -> f64 {
    let last = known.rsplit("::").next().unwrap_or(known);
    strsim::jaro_winkler(name, known).max(strsim::jaro_winkler(name, last)).max(shared_words(name, last))
}

/// Which share of the longer name's words both have.
fn shared_words(one: &str, other: &str) -> f64 {
    let words = |name: &str| name.split('_').map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (words(one), words(other));
    let shared = one.iter().filter(|word| other.contains(word)).count();
    shared as f64 / one.len().max(other.len()).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = [
        "full_lane_sheds",
        "full_lane_lowers_rates",
        "repeated_request_is_one_job",
        "keys_are_managed",
        "a::tests::keys_are_new",
    ];

    fn chosen(names: &[&str]) -> Result<Vec<&'static str>> {
        choose("promise", &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), &KNOWN)
    }

    #[test]
    fn a_name_means_the_one_that_is_called_so_else_all_that_hold_it() {
        assert_eq!(chosen(&["full_lane_sheds"]).unwrap(), ["full_lane_sheds"]);
        assert_eq!(chosen(&["full_lane"]).unwrap(), ["full_lane_sheds", "full_lane_lowers_rates"]);
        assert_eq!(chosen(&["managed", "keys_are_managed", "sheds"]).unwrap(), ["keys_are_managed", "full_lane_sheds"]);
    }

    #[test]
    fn what_nothing_is_called_is_an_error_with_near_names() {
        for (name, near) in [
            ("full_lane_shed_", "near it: full_lane_sheds"),
            ("request_repeated_is_one_job", "near it: repeated_request_is_one_job"),
            ("keys_are_managd", "near it: keys_are_managed"),
            ("keys_are_news", "near it: a::tests::keys_are_new"),
        ] {
            let message = chosen(&[name]).unwrap_err().to_string();
            assert!(message.contains(near) && message.contains(name) && message.contains("--list"), "{message}");
        }
        assert!(chosen(&["sheds", "nothing"]).is_err(), "every name means something");
        assert_eq!(unknown("test", "x", &[]), "no test is called `x` (cargo xtask test --list)");
    }
}
