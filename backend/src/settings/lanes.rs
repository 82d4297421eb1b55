use forebay_contract::{
    Lane,
    catalog::{MOST_LANES, MOST_WEIGHT},
};

use crate::batch::LaneWeights;

/// The lanes of `catalog/lanes.toml` when this was built, which checked them.
pub(super) const BUILT_IN: &str = include_str!(concat!(env!("OUT_DIR"), "/lanes.txt"));

const ALLOWED: &str = "NAME=WEIGHT,… of 1 to 20 lanes, each once, with weights from 1 to 1000; a NAME alone has its weight in \
                       catalog/lanes.toml, or 1";

/// What a worker serves that is told of no lanes.
pub fn built_in_lanes() -> LaneWeights {
    LaneWeights::new(BUILT_IN.split(',').filter_map(|one| lane(one, &LaneWeights::default()).ok()))
}

/// Reads the setting.
pub(super) fn lanes(text: &str) -> Result<LaneWeights, String> {
    let known = built_in_lanes();
    let list = text.split(',').map(|one| lane(one.trim(), &known)).collect::<Result<Vec<_>, _>>()?;
    let lanes = LaneWeights::new(list.iter().copied());
    let each_once = lanes.lanes().count() == list.len();
    if each_once && list.len() <= MOST_LANES { Ok(lanes) } else { Err(ALLOWED.to_owned()) }
}

fn lane(text: &str, known: &LaneWeights) -> Result<(Lane, u64), String> {
    let (name, weight) = text.split_once('=').map_or((text, None), |(name, weight)| (name, Some(weight)));
    let lane: Lane = name.parse().map_err(|error| format!("{ALLOWED} («{name}» is {error})"))?;
    let weight = match weight {
        None => known.of(lane),
        Some(weight) => {
            weight.parse().ok().filter(|weight| (1..=u64::from(MOST_WEIGHT)).contains(weight)).ok_or(ALLOWED)?
        }
    };
    Ok((lane, weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_listed_with_their_weights() {
        let written = |text: &str| lanes(text).map(|lanes| lanes.to_string());
        assert_eq!(written(BUILT_IN).unwrap(), BUILT_IN, "what is built in can be written down");
        assert!(built_in_lanes().lanes().next().is_some());
        assert_eq!(written("acme"), Ok("acme=1".to_owned()));
        assert_eq!(written("acme=8, beta=1000"), Ok("beta=1000,acme=8".to_owned()));
        for lane in built_in_lanes().lanes() {
            assert_eq!(
                lanes(lane.name()).unwrap().of(lane),
                built_in_lanes().of(lane),
                "a name alone has its own weight"
            );
        }
    }

    #[test]
    fn wrong_lists_say_what_is_allowed() {
        let many = (0..21).map(|number| format!("lane-{number}")).collect::<Vec<_>>().join(",");
        for text in
            ["", "acme=", "acme=0", "acme=1001", "acme=x", "acme=1=2", "Acme", "acme-dlq", "a,,b", "acme,acme=2", &many]
        {
            assert!(lanes(text).unwrap_err().starts_with(ALLOWED), "{text}");
        }
    }
}
