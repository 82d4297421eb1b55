use clap::value_parser;

/// What `cargo xtask up` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct UpArguments {
    /// Stop after the demonstration
    #[arg(long)]
    pub once: bool,

    /// Build what is saved and put it into its place: the edge (as a fast build that is never deployed), the worker, the
    /// catalog
    #[arg(long, conflicts_with = "once")]
    pub watch: bool,

    /// The port of the edge, on 127.0.0.1
    #[arg(long, default_value_t = 8787, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    pub edge_port: u16,

    /// The port of LocalStack, on 127.0.0.1
    #[arg(long, default_value_t = 4566, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    pub localstack_port: u16,

    /// Which run this is: runs with different names and ports go side by side
    #[arg(long, default_value = "default", value_parser = parse_name)]
    pub name: String,
}

impl UpArguments {
    /// What to say instead, to run beside these.
    pub(super) fn beside(&self) -> String {
        let next = |port: u16| port.checked_add(1).unwrap_or(port - 1);
        let (edge, localstack) = (next(self.edge_port), next(self.localstack_port));
        let name: String = self.name.chars().take(30).collect();
        format!("cargo xtask up --name {name}-2 --edge-port {edge} --localstack-port {localstack}")
    }
}

/// Names become folders.
fn parse_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=32).contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("allowed are 1 to 32 of a-z 0-9 -".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        up: UpArguments,
    }

    #[test]
    fn a_port_is_a_number_that_can_be_called() {
        let parse = |port| <Line as clap::Parser>::try_parse_from(["up", "--edge-port", port]).map(|line| line.up);
        assert!(parse("0").unwrap_err().to_string().contains("1..=65535"));
        assert_eq!(parse("65535").unwrap().edge_port, 65535);
    }

    #[test]
    fn what_is_suggested_is_free_of_what_was_given() {
        let given =
            UpArguments { once: false, watch: false, edge_port: 65535, localstack_port: 4600, name: "s1".to_owned() };
        assert_eq!(given.beside(), "cargo xtask up --name s1-2 --edge-port 65534 --localstack-port 4601");
    }

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        for (name, fine) in [("default", true), ("b-2", true), ("../x", false), ("", false), ("A", false)] {
            assert_eq!(parse_name(name).is_ok(), fine, "{name}");
        }
    }
}
