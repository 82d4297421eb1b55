use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::tree::Tree;

/// What the code defines, gathered from its text.
#[derive(Debug, Default)]
pub(super) struct Defined {
    /// Every word of the code and its strings, comments left out.
    words: HashSet<String>,
    /// The metrics that Prometheus reads: names without the prefix of all.
    metrics: BTreeSet<String>,
    /// Options of all programs of the project, with their dashes.
    pub(super) options: BTreeSet<String>,
    /// Options of `forebay`.
    pub(super) forebay_options: BTreeSet<String>,
    /// Options and actions of `forebay-worker`.
    pub(super) worker_options: BTreeSet<String>,
    /// The subcommands of each enum of subcommands in `cli`, by the enum's name.
    pub(super) forebay: BTreeMap<String, BTreeSet<String>>,
    /// Packages, programs, tests and benches by what cargo calls them.
    pub(super) targets: BTreeSet<String>,
}

impl Defined {
    pub(super) fn of(tree: &Tree, xtask: &clap::Command) -> Self {
        let mut defined = Self::default();
        for page in tree.pages().iter().filter(|page| !page.is_document() && page.path != super::functions::LIST) {
            match page.rust() {
                // Its strings are planted errors.
                Some(_) if page.path == "xtask/src/tidy/tests.rs" => {}
                Some(rust) => {
                    let speaking = String::from_utf8_lossy(&rust.speaking);
                    defined.add_words(&speaking);
                    if page.path.starts_with("cli/src/") {
                        defined.forebay_options.extend(options(&speaking));
                        defined.forebay.extend(subcommands(&speaking));
                    } else if page.path == "backend/src/settings.rs" {
                        defined.worker_options.extend(options(&speaking));
                    } else if page.path.starts_with("backend/src/metrics/") {
                        defined.metrics.extend(metrics(&speaking));
                    }
                }
                None => defined.add_words(&without_comments(&page.text)),
            }
            // Files are called as what they hold.
            let name = page.path.rsplit('/').next().unwrap_or_default();
            defined.add_words(name);
        }
        for given in ["--help", "--version"] {
            defined.forebay_options.insert(given.to_owned());
            defined.worker_options.insert(given.to_owned());
        }
        defined.options = all_options(xtask);
        defined.options.extend(defined.forebay_options.iter().chain(&defined.worker_options).cloned());
        defined.targets = targets(tree);
        defined
    }

    /// Whether the code knows a word.
    pub(super) fn has_word(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Whether the worker has a metric of this name, `forebay_` left out.
    pub(super) fn has_metric(&self, name: &str) -> bool {
        let ends = ["", "_total", "_sum", "_count", "_bucket", "_created"];
        ends.iter().any(|end| name.strip_suffix(end).is_some_and(|name| self.metrics.contains(name)))
    }

    /// The worker's metrics, `forebay_` left out.
    pub(super) fn metrics(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().map(String::as_str)
    }

    /// Whether any program of the project, or of those that it calls, is given this option.
    pub(super) fn has_option(&self, option: &str) -> bool {
        self.options.contains(option) || self.words.contains(option)
    }

    fn add_words(&mut self, text: &str) {
        // Bytes and a look-up first: this is a megabyte of text, and the program is compiled without optimisation.
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')) {
            if word.starts_with("--") && !self.words.contains(word) {
                self.words.insert(word.to_owned());
            }
            for part in word.split('-').filter(|part| part.contains('_')) {
                if !self.words.contains(part) {
                    self.words.insert(part.to_owned());
                }
            }
        }
    }
}

/// Languages whose comments begin with a mark of their own, at the beginning of a line.
fn without_comments(text: &str) -> String {
    let is_comment = |line: &&str| ["//", "# ", "#!"].iter().any(|mark| line.trim_start().starts_with(mark));
    text.lines().filter(|line| !is_comment(line)).collect::<Vec<_>>().join("\n")
}

/// The long options that clap's attributes declare.
fn options(code: &str) -> Vec<String> {
    let mut options = Vec::new();
    for (at, _) in code.match_indices("#[arg(") {
        let rest = code.get(at..).unwrap_or_default();
        let Some((attribute, after)) = rest.split_once(")]\n").or_else(|| rest.split_once(")]\r")) else { continue };
        let is_long = attribute.split(['(', ',']).map(str::trim).find(|part| part.starts_with("long"));
        let named = is_long.and_then(|part| part.split('"').nth(1));
        let field = after.lines().map(str::trim).find(|line| line.contains(": ") && !line.starts_with("#["));
        let field = field.and_then(|line| line.split(':').next()).and_then(|name| name.split_whitespace().last());
        if is_long.is_some() {
            options.extend(named.or(field).map(|name| format!("--{}", name.replace('_', "-"))));
        }
    }
    options
}

/// The enums of clap's subcommands, with what their variants are called.
fn subcommands(code: &str) -> Vec<(String, BTreeSet<String>)> {
    let mut enums = Vec::new();
    let declared = code.split("#[derive(").skip(1).filter_map(|rest| rest.split_once(")]"));
    for (_, rest) in declared.filter(|(traits, _)| traits.split(", ").any(|name| name == "Subcommand")) {
        let Some((head, body)) = rest.split_once('{') else { continue };
        let name = head.split_whitespace().last().unwrap_or_default().to_owned();
        let body = body.split("\n}").next().unwrap_or_default();
        let variants = body
            .lines()
            .filter_map(|line| line.strip_prefix("    "))
            .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
        let variants = variants.filter_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()).next()).map(kebab);
        enums.push((name, variants.collect()));
    }
    enums
}

fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

/// `add(r, "NAME", …)`
fn metrics(code: &str) -> impl Iterator<Item = String> {
    code.split("add(r, \"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned)
}

/// Every long option of a command and of what is below it.
fn all_options(command: &clap::Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(clap::Arg::get_long).map(|long| format!("--{long}"));
    let mut options: BTreeSet<String> = own.chain(["--help".to_owned()]).collect();
    options.extend(command.get_subcommands().flat_map(all_options));
    options
}

/// What `-p`, `--bin`, `--test` and the like may name.
fn targets(tree: &Tree) -> BTreeSet<String> {
    let mut targets = BTreeSet::new();
    for page in tree.pages() {
        let parts: Vec<&str> = page.path.split('/').collect();
        match parts.as_slice() {
            [.., "Cargo.toml"] => {
                let names = page.text.lines().filter_map(|line| line.strip_prefix("name = \""));
                targets.extend(names.filter_map(|name| name.split('"').next()).map(str::to_owned));
            }
            [.., "tests" | "benches" | "examples" | "bin", name] => {
                targets.extend(name.strip_suffix(".rs").map(str::to_owned));
            }
            [.., "tests", name, "main.rs"] => {
                targets.insert((*name).to_owned());
            }
            _ => {}
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claps_attributes_are_read() {
        let code = "#[derive(Debug, Subcommand)]\npub(crate) enum KeysCommand {\n    Create(A),\n    #[command(x)]\n    \
                    RunAgain {\n        #[arg(long, value_name = \"SPAN\")]\n        max_age: u64,\n    },\n}\n\
                    #[arg(long = \"group\")]\npub(crate) groups: Vec<String>,\n#[arg(value_name = \"X\")]\nplace: String,\n";
        assert_eq!(options(code), ["--max-age", "--group"]);
        let wanted = BTreeSet::from(["create".to_owned(), "run-again".to_owned()]);
        assert_eq!(subcommands(code), [("KeysCommand".to_owned(), wanted)]);
    }
}
