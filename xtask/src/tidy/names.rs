//! Settings, metrics and other names that are written as code are names of the code.

use super::{
    defined::Defined,
    finding::{Finding, Rule},
    passages::{Kind, Passage},
    tree::Page,
};

/// Names of other programs' settings, which no file of ours says.
const ELSEWHERE: &[&str] = &["EX_TEMPFAIL", "NO_PROXY"];

/// What a page names and the code does not know.
pub(super) fn check(defined: &Defined, page: &Page, passages: &[Passage]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_metrics = 0;
    for passage in passages {
        if passage.text.starts_with("| metric (`forebay_") {
            in_metrics = passage.first;
        }
        for (line, span) in passage.spans() {
            let is_metric = in_metrics == passage.first && line > in_metrics && is_in_first_column(page, line, &span);
            let unknown = unknown(defined, &span, is_metric);
            findings.extend(unknown.map(|(rule, what)| Finding::new(&page.path, line, rule, what)));
        }
        if let Kind::Block(language) = &passage.kind
            && ["sh", "bash"].contains(&language.as_str())
        {
            for (number, line) in passage.text.lines().enumerate() {
                let settings = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                let unknown = settings.filter(|word| word.starts_with("FOREBAY_") && !defined.has_word(word));
                findings.extend(unknown.map(|word| no_setting(page, passage.first + number, word)));
            }
        }
    }
    findings
}

fn no_setting(page: &Page, line: usize, name: &str) -> Finding {
    Finding::new(&page.path, line, Rule::Setting, format!("nothing reads {name}"))
}

fn is_in_first_column(page: &Page, line: usize, span: &str) -> bool {
    let row = page.text.lines().nth(line - 1).and_then(|row| row.strip_prefix('|')).unwrap_or_default();
    row.split('|').next().unwrap_or_default().contains(&format!("`{span}`"))
}

fn unknown(defined: &Defined, span: &str, is_metric: bool) -> Option<(Rule, String)> {
    let name = span.split(['=', '(', ' ']).next().unwrap_or_default();
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:".contains(&byte));
    if !is_plain || (span.contains(' ') && !span.contains('=')) {
        return None;
    }
    if is_metric {
        return (!defined.has_metric(name)).then(|| (Rule::Metric, format!("the worker has no metric forebay_{name}")));
    }
    let words = name.split(['.', ':']).filter(|word| word.trim_matches('_').contains('_'));
    words.filter(|word| !defined.has_word(word) && !ELSEWHERE.contains(word)).find_map(|word| {
        if let Some(metric) = word.strip_prefix("forebay_") {
            return (!defined.has_metric(metric)).then(|| (Rule::Metric, format!("the worker has no metric {word}")));
        }
        let is_loud = word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        let is_quiet = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        match (is_loud, is_quiet) {
            (true, _) => Some((Rule::Setting, format!("nothing reads {word}"))),
            (_, true) => Some((Rule::Name, format!("nothing in the code is called {word}"))),
            _ => None,
        }
    })
}
