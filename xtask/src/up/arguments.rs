/// What `cargo xtask up` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct UpArguments {
    /// Stop after the demonstration
    #[arg(long)]
    pub once: bool,

    /// The port of the edge, on 127.0.0.1
    #[arg(long, default_value_t = 8787, value_name = "PORT")]
    pub edge_port: u16,

    /// The port of LocalStack, on 127.0.0.1
    #[arg(long, default_value_t = 4566, value_name = "PORT")]
    pub localstack_port: u16,

    /// Which run this is: runs with different names and ports go side by side
    #[arg(long, default_value = "default", value_parser = parse_name)]
    pub name: String,
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

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        for (name, fine) in [("default", true), ("b-2", true), ("../x", false), ("", false), ("A", false)] {
            assert_eq!(parse_name(name).is_ok(), fine, "{name}");
        }
    }
}
