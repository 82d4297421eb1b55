//! Functions keep their length; those that did not when this began are in a list that only ever gets shorter.

use std::collections::BTreeMap;

use super::{
    finding::{Finding, Rule},
    rust::is_word,
    tree::Tree,
};

/// The list: a path, a function and its lines in each line.
pub(super) const LIST: &str = "xtask/src/tidy/long_functions.txt";

/// The most lines of a function, its signature with them.
const MOST: usize = 70;

/// A function, where it begins and how many lines it has.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    first: usize,
    lines: usize,
}

/// Functions that are too long and not in the list, and whatever is not as the list says. `before` is what the list was: a
/// function may come in by no other way.
pub(super) fn check(tree: &Tree, before: &[String]) -> Vec<Finding> {
    let list = tree.page(LIST).map_or("", |page| page.text.as_str());
    let (mut listed, mut findings) = listed(list);
    for page in tree.pages() {
        let code = page.rust().map_or(&[][..], |rust| &rust.code);
        for function in functions(code).into_iter().filter(|function| function.lines > MOST) {
            let Function { name, first, lines } = function;
            let finding = |what| Finding::new(&page.path, first, Rule::Function, what);
            match listed.remove(&(page.path.clone(), name.clone())) {
                None => findings.push(finding(format!("{name} has {lines} lines; {MOST} are the most"))),
                Some((_, allowed)) if lines > allowed => {
                    findings.push(finding(format!("{name} has grown from {allowed} lines to {lines}")));
                }
                Some((number, allowed)) if lines < allowed => {
                    let what =
                        format!("{name} of {} has {lines} lines by now: write that instead of {allowed}", page.path);
                    findings.push(Finding::new(LIST, number, Rule::Function, what));
                }
                Some(_) => {}
            }
        }
    }
    for ((path, name), (number, _)) in listed {
        let what = format!("{path} has no function {name} of more than {MOST} lines any more: remove this");
        findings.push(Finding::new(LIST, number, Rule::Function, what));
    }
    findings.extend(added(list, before));
    findings
}

type Listed = BTreeMap<(String, String), (usize, usize)>;

fn listed(list: &str) -> (Listed, Vec<Finding>) {
    let (mut listed, mut findings) = (Listed::new(), Vec::new());
    for (number, line) in entries(list) {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            [path, name, lines] if lines.parse::<usize>().is_ok() => {
                listed.insert(((*path).to_owned(), (*name).to_owned()), (number, lines.parse().unwrap_or(MOST)));
            }
            _ => findings.push(Finding::new(LIST, number, Rule::Function, "a line is PATH FUNCTION LINES")),
        }
    }
    (listed, findings)
}

fn entries(list: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = list.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// What the list has and had not. A function may move to another file and keep its place.
fn added(list: &str, before: &[String]) -> Vec<Finding> {
    let Some(before) = before.first().map(|_| before.iter().map(|list| listed(list).0).collect::<Vec<_>>()) else {
        return Vec::new();
    };
    let known = |name: &str, lines: usize| {
        before.iter().all(|list| list.iter().any(|((_, known), (_, had))| known == name && *had >= lines))
    };
    let new = listed(list).0.into_iter().filter(|((_, name), (_, lines))| !known(name, *lines));
    let finding = |((_, name), (number, _)): ((String, String), (usize, usize))| {
        let what = format!("{name} is new, or longer than it was: make the function shorter, the list is closed");
        Finding::new(LIST, number, Rule::Function, what)
    };
    new.map(finding).collect()
}

/// Every function with a body. Of those within others, too.
fn functions(code: &[u8]) -> Vec<Function> {
    let breaks: Vec<usize> = code.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    let line_of = |at: usize| 1 + breaks.partition_point(|line_break| *line_break < at);
    let mut functions = Vec::new();
    for at in code.windows(3).enumerate().filter(|(_, window)| *window == b"fn ").map(|(at, _)| at) {
        if at.checked_sub(1).and_then(|before| code.get(before)).is_some_and(|byte| is_word(*byte)) {
            continue;
        }
        let name: Vec<u8> = code.iter().skip(at + 3).take_while(|byte| is_word(**byte)).copied().collect();
        let Some(end) = end_of_body(code, at).filter(|_| !name.is_empty()) else { continue };
        let first = line_of(at);
        let name = String::from_utf8(name).unwrap_or_default();
        functions.push(Function { name, first, lines: line_of(end) - first + 1 });
    }
    functions
}

/// Where the body of the function that begins here ends; a declaration has none.
fn end_of_body(code: &[u8], from: usize) -> Option<usize> {
    // A `;` within `[u8; 4]` ends no declaration.
    let (mut brackets, mut braces) = (0_i32, 0_i32);
    for (at, byte) in code.iter().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets -= 1,
            b';' if braces == 0 && brackets == 0 => return None,
            b'{' => braces += 1,
            b'}' => {
                braces -= 1;
                if braces == 0 && brackets == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{super::rust::Rust, *};

    #[test]
    fn functions_are_found_with_their_lines() {
        let text = "trait A {\n    fn declared(&self, of: [u8; 2]) -> u8;\n    fn given(&self) {\n        let _ = \"}\";\n    }\n}\n\
                    fn outer(\n    a: u8,\n) {\n    fn inner() {}\n    if a > 1 {\n    }\n}\n";
        let found: Vec<(String, usize, usize)> = functions(&Rust::read(text).code)
            .into_iter()
            .map(|function| (function.name, function.first, function.lines))
            .collect();
        let of = |name: &str, first, lines| (name.to_owned(), first, lines);
        assert_eq!(found, [of("given", 3, 3), of("outer", 7, 7), of("inner", 10, 1)]);
    }
}
