//! Blocks of shell commands can be pasted: they parse, and each command begins its line.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::{
    finding::{Finding, Rule},
    passages::{Kind, Passage},
    tree::Page,
};

/// Programs that documents run, beside those that a block names by their path. None of them is an everyday argument of
/// another, so behind another one each has lost its line.
const PROGRAMS: &[&str] = &[
    "aws",
    "cargo",
    "cd",
    "cfn-lint",
    "curl",
    "docker",
    "echo",
    "export",
    "forebay-worker",
    "gh",
    "git",
    "journalctl",
    "mkdir",
    "node",
    "npm",
    "npx",
    "nvidia-smi",
    "openssl",
    "pip",
    "printf",
    "python3",
    "rustup",
    "sha256sum",
    "sudo",
    "systemctl",
    "xargs",
];

/// Programs, and words of the shell, that are arguments of others as well.
const WORDS: &[&str] = &[
    "bash", "cat", "command", "cp", "cut", "do", "done", "fi", "for", "forebay", "if", "install", "jq", "kill", "ls",
    "mktemp", "sed", "sh", "sleep", "then", "tr", "watch", "while", "zip",
];

/// Programs that are given another one.
const CARRIERS: &[&str] = &["npx", "sudo", "exec", "env", "time", "timeout", "xargs", "nohup", "do", "then", "cargo"];

/// What is wrong in the blocks of a document.
pub(super) fn check(page: &Page, passages: &[Passage]) -> Vec<Finding> {
    let is_shell = |passage: &&Passage| passage.kind == Kind::Block("sh".to_owned());
    let blocks = passages.iter().filter(|_| page.is_document()).filter(is_shell);
    let found = blocks.flat_map(|block| run_together(block).into_iter().chain(unparsed(block)));
    found.map(|(line, what)| Finding::new(&page.path, line, Rule::Shell, what)).collect()
}

/// What the shell itself says.
fn unparsed(block: &Passage) -> Option<(usize, String)> {
    let mut shell = Command::new("sh");
    shell.arg("-n").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = shell.spawn().ok()?;
    // A shell that has read enough closes the pipe, and says why by its status.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(block.text.as_bytes()));
    let output = child.wait_with_output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    (!output.status.success()).then(|| (block.first, format!("the shell cannot read the block: {said}")))
}

/// Commands that do not begin their lines.
fn run_together(block: &Passage) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut command: Vec<String> = Vec::new();
    let lines: Vec<&str> = block.text.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let line_number = block.first + number;
        let words = words(line);
        let mut continues = false;
        for word in &words {
            match word.as_str() {
                "\\" => {
                    found.push((line_number, "a backslash within a line: the line breaks are lost".to_owned()));
                }
                "\\\n" => continues = true,
                separator if SEPARATORS.contains(&separator) => command.clear(),
                word => {
                    found.extend(misplaced(&command, word).map(|what| (line_number, what)));
                    command.push(word.to_owned());
                }
            }
        }
        if !continues {
            command.clear();
        } else if number + 1 == lines.len() {
            found.push((line_number, "the last line ends in a backslash".to_owned()));
        }
    }
    found
}

const SEPARATORS: &[&str] = &["|", "||", "&&", ";", "&", "$(", ")", "("];

/// What is wrong with a word after those that its command has already.
fn misplaced(command: &[String], word: &str) -> Option<String> {
    let Some(program) = command.iter().find(|word| !is_set(word)) else {
        let known =
            PROGRAMS.contains(&word) || WORDS.contains(&word) || word.contains('/') || word.starts_with(['$', '"']);
        return (!known && !is_set(word))
            .then(|| format!("{word} begins a command and is no program that documents run"));
    };
    let before = command.last().map_or("", String::as_str);
    if before.starts_with(['-', '<', '>']) || CARRIERS.contains(&before) || program == "export" {
        return None;
    }
    let is_setting = is_set(word) && word.split('=').next().is_some_and(|name| name == name.to_uppercase());
    (is_setting || PROGRAMS.contains(&word))
        .then(|| format!("{word} stands behind {program}: a command begins its own line"))
}

/// `NAME=value`
fn is_set(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The words of a line and what separates commands; quoted text is one word, a comment none. A backslash is a word of its
/// own, with a line break where it is the last.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut quote: Option<char> = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        if let Some(open) = quote {
            if letter == open {
                quote = None;
            }
            word.push(letter);
            continue;
        }
        match letter {
            '#' if word.is_empty() => break,
            '\\' if letters.peek().is_none() => words.extend([std::mem::take(&mut word), "\\\n".to_owned()]),
            '\\' if word.is_empty() && letters.peek() == Some(&' ') => words.push("\\".to_owned()),
            '\'' | '"' => {
                quote = Some(letter);
                word.push(letter);
            }
            ' ' | '\t' => words.push(std::mem::take(&mut word)),
            ';' | '|' | '&' | ')' => {
                words.push(std::mem::take(&mut word));
                let doubled = letters.next_if_eq(&letter).is_some();
                words.push(if doubled { format!("{letter}{letter}") } else { letter.to_string() });
            }
            '(' => {
                // What stands before `$(` is set to what comes out of it.
                word.clear();
                words.push("(".to_owned());
            }
            letter => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}
