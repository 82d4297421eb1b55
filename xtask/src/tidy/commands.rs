//! Commands that are named exist, with their options.

use super::{
    defined::Defined,
    finding::{Finding, Rule},
    passages::{Kind, Passage},
    tree::Page,
};

/// What a page says to run and cannot be run.
pub(super) fn check(defined: &Defined, xtask: &clap::Command, page: &Page, passages: &[Passage]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut finding = |line, wrong: Option<String>| {
        findings.extend(wrong.map(|what| Finding::new(&page.path, line, Rule::Command, what)));
    };
    for passage in passages {
        for (line, span) in passage.spans() {
            finding(line, wrong(defined, xtask, &span));
            finding(line, wrong_option(defined, &span));
        }
        if passage.kind != Kind::Prose {
            // A backslash at its end continues a line.
            let mut first = passage.first;
            for command in passage.text.replace("\\\n", " \u{0}").split('\n') {
                finding(first, wrong(defined, xtask, command));
                first += 1 + command.matches('\u{0}').count();
            }
        }
    }
    // Messages and comments name commands in running text, where only the first words are sure to be part of them.
    for (number, line) in page.text.lines().enumerate() {
        // CI says the same by its own name, to the end of the line.
        if let Some(given) = line.trim_start().trim_start_matches("- ").strip_prefix("run: .ci/run ") {
            finding(number + 1, wrong_subcommand(xtask, &format!("test {given}"), true));
        }
        for said in line.split("cargo xtask ").skip(1) {
            let end = said.find(|c: char| !(c.is_ascii_alphanumeric() || "-, ".contains(c))).unwrap_or(said.len());
            let said = said.get(..end).unwrap_or_default();
            finding(number + 1, wrong_subcommand(xtask, said, false));
        }
    }
    findings
}

/// What is wrong in one line of shell.
fn wrong(defined: &Defined, xtask: &clap::Command, line: &str) -> Option<String> {
    let line = line.split(" #").next().unwrap_or_default().replace('\u{0}', " ");
    line.split(['|', ';', '&', '(', ')', '>']).find_map(|command| {
        let words: Vec<&str> =
            command.split_whitespace().skip_while(|word| word.contains('=') || *word == "$").collect();
        match words.as_slice() {
            ["cargo", "xtask", rest @ ..] => wrong_subcommand(xtask, &rest.join(" "), true),
            ["cargo", rest @ ..] => wrong_target(defined, rest),
            ["forebay", rest @ ..] => wrong_forebay(defined, rest),
            [program, rest @ ..] if program.ends_with("forebay-worker") => {
                let mut options = rest.iter().filter_map(|word| word.split('=').next()).filter(|word| is_option(word));
                let unknown = options.find(|option| !defined.worker_options.contains(*option))?;
                Some(format!("forebay-worker has no option {unknown}"))
            }
            _ => None,
        }
    })
}

fn is_option(word: &str) -> bool {
    word.strip_prefix("--").is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// `whole`: whether all of the words are the command's, so that its values can be looked at too.
fn wrong_subcommand(xtask: &clap::Command, words: &str, whole: bool) -> Option<String> {
    let mut words = words.split_whitespace().take_while(|word| *word != "--");
    let name = words.next().map(|word| word.trim_end_matches([',', '.', ':']))?;
    if is_option(name) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return None;
    }
    let Some(command) = xtask.find_subcommand(name) else {
        return Some(format!("there is no `cargo xtask {name}`"));
    };
    // What may stand behind `--` alone stands there.
    let mut positional = command.get_positionals().filter(|argument| !argument.is_last_set());
    let mut value_of: Option<&clap::Arg> = None;
    for word in words {
        if is_option(word) {
            let (option, value) = word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
            let option = option.trim_end_matches([',', '.']);
            if option == "--help" {
                return None;
            }
            let argument = command.get_arguments().find(|argument| argument.get_long() == option.strip_prefix("--"));
            let Some(argument) = argument else {
                return Some(format!("`cargo xtask {name}` has no option {option}"));
            };
            if let Some(wrong) = value.filter(|_| whole).and_then(|value| wrong_value(argument, value)) {
                return Some(wrong);
            }
            value_of = (argument.get_action().takes_values() && value.is_none()).then_some(argument);
        } else if whole {
            let argument = value_of.take().or_else(|| positional.next());
            let Some(argument) = argument else {
                return Some(format!("`cargo xtask {name}` takes no {word}"));
            };
            if let Some(wrong) = wrong_value(argument, word) {
                return Some(wrong);
            }
        } else {
            return None;
        }
    }
    None
}

fn wrong_value(argument: &clap::Arg, given: &str) -> Option<String> {
    let possible = argument.get_possible_values();
    if possible.is_empty() || given.contains('…') || given.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let unknown = given.split(',').find(|value| !possible.iter().any(|possible| possible.matches(value, false)))?;
    Some(format!("{} has no {unknown}", argument.get_id()))
}

/// Packages, tests and programs that cargo is told to take.
fn wrong_target(defined: &Defined, words: &[&str]) -> Option<String> {
    let words: Vec<&&str> = words.iter().take_while(|word| **word != "--").collect();
    words.windows(2).find_map(|pair| match pair {
        [option, name] if ["-p", "--package", "--bin", "--test", "--bench", "--example"].contains(*option) => {
            let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            let placeholder = name.bytes().all(|byte| byte.is_ascii_uppercase());
            (named && !placeholder && !defined.targets.contains(**name))
                .then(|| format!("cargo knows no {option} {name}"))
        }
        _ => None,
    })
}

/// A command of `forebay`, whose definitions are read from `cli/`.
fn wrong_forebay(defined: &Defined, words: &[&str]) -> Option<String> {
    let mut options = words.iter().filter_map(|word| word.split('=').next()).filter(|word| is_option(word));
    if let Some(unknown) = options.find(|option| !defined.forebay_options.contains(*option)) {
        return Some(format!("forebay has no option {unknown}"));
    }
    let is_name = |word: &&&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    let name = words.first().filter(is_name)?;
    // `submit|wait|get` names several.
    let known = defined.forebay.get("Command")?;
    if let Some(unknown) = name.split('|').find(|name| !known.contains(*name) && *name != "help") {
        return Some(format!("there is no `forebay {unknown}`"));
    }
    let mut letters = name.chars();
    let inner: String =
        letters.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(letters).chain("Command".chars()).collect();
    let inner = defined.forebay.get(&inner)?;
    let second = words.get(1).filter(is_name).filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))?;
    (!inner.contains(*second)).then(|| format!("there is no `forebay {name} {second}`"))
}

/// An option that is named alone, as in `--prefetch`.
fn wrong_option(defined: &Defined, span: &str) -> Option<String> {
    let option = span.split([' ', '=']).next().filter(|word| is_option(word))?;
    let named = option.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (named && !defined.has_option(option)).then(|| format!("no program has an option {option}"))
}
