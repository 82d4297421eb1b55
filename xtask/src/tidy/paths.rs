//! Files and folders that are named exist, and links lead somewhere.

use super::{
    finding::{Finding, Rule},
    passages::{Kind, Passage},
    tree::{Page, Tree},
};

/// What files that people write about end with. Others (pictures, weights, archives) are mostly somebody's own.
const EXTENSIONS: &[&str] = &[
    "rs", "md", "toml", "sh", "py", "mjs", "js", "jsonc", "css", "html", "yaml", "yml", "capnp", "json", "lock", "txt",
    "sql",
];

/// Folders of what is made or installed, which git ignores.
const MADE: &[&str] =
    &[".tools", ".run", "target", "node_modules", "build", "dist", ".wrangler", "__pycache__", ".git", "models-cache"];

/// Files that belong to somebody else: to models, to the reader of a page, to other projects, to packages.
const ELSEWHERE: &[&str] = &[
    "tokenizer.json",
    "catalog.json",
    "result.json",
    "version.json",
    "crates.txt",
    "models/double/1/model.toml",
    "torch/version.py",
];

/// What a page names and is not there.
pub(super) fn check(tree: &Tree, page: &Page, passages: &[Passage]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for passage in passages.iter().filter(|passage| passage.kind == Kind::Prose) {
        for (line, span) in passage.spans() {
            findings.extend(missing(tree, page, &span).map(|path| no_such(page, line, &path)));
        }
        let words = passage.words();
        for (number, line) in words.lines().enumerate() {
            let files = words_of(line).filter(|word| looks_like_a_file(word));
            let missing = files.filter_map(|word| missing(tree, page, word));
            findings.extend(missing.map(|path| no_such(page, passage.first + number, &path)));
        }
        if page.is_document() {
            findings.extend(dead_links(tree, page, passage, &words));
        }
    }
    findings
}

fn no_such(page: &Page, line: usize, path: &str) -> Finding {
    Finding::new(&page.path, line, Rule::Path, format!("there is no {path}"))
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_whitespace() || "()[]«»,;|\"'".contains(c));
    words.map(|word| word.trim_end_matches(['.', ':']))
}

/// Whether a word of prose is a file's name: only of endings that are no everyday words.
fn looks_like_a_file(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    let known = name.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty() && ["rs", "md", "toml", "mjs", "sh", "py", "yaml", "jsonc"].contains(&extension)
    });
    known && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
}

/// The first path in a piece of code that does not exist.
fn missing(tree: &Tree, page: &Page, span: &str) -> Option<String> {
    // The parts of one path may lie on several lines.
    let joined = span.replace(", ", ",").replace("{ ", "{");
    let words: Vec<String> = joined.split_whitespace().map(str::to_owned).collect();
    words
        .iter()
        .flat_map(|word| expanded(word))
        .find(|path| names_a_path(tree, page, path) && !exists(tree, page, path))
}

/// `NAME/{ONE,TWO}.rs` → `NAME/ONE.rs`, `NAME/TWO.rs`
fn expanded(word: &str) -> Vec<String> {
    let word = word.trim_start_matches(['(', '«']).trim_end_matches(['.', ',', ';', ':', ')', '»']);
    let parts = word.split_once('{').and_then(|(before, rest)| {
        let (inside, after) = rest.split_once('}')?;
        inside.contains(',').then_some((before, inside, after))
    });
    match parts {
        Some((before, inside, after)) => {
            inside.split(',').map(|part| format!("{before}{}{after}", part.trim())).collect()
        }
        None => vec![word.split(['#', '?']).next().unwrap_or_default().to_owned()],
    }
}

/// Whether it is a path of the checkout that is meant, and not one of the machine, the bucket or a client.
fn names_a_path(tree: &Tree, page: &Page, path: &str) -> bool {
    // `./a` is a module beside another, and often beside one that is built.
    let foreign = path.starts_with(['/', '~', '$', '-', '@', '.', '*']) && !path.starts_with("../");
    let odd = path.contains("://") || path.chars().any(|c| "<>…$\"'=(){}[]\\|`&:,%!".contains(c));
    if foreign || odd || path.is_empty() || path.split('/').any(|part| MADE.contains(&part)) {
        return false;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    if ELSEWHERE.contains(&name) || ELSEWHERE.contains(&path) || path.split('/').any(is_placeholder) {
        return false;
    }
    let known =
        name.rsplit_once('.').is_some_and(|(stem, extension)| !stem.is_empty() && EXTENSIONS.contains(&extension));
    let first = path.split('/').next().unwrap_or_default();
    let below = |folder: &str| tree.has(&format!("{folder}{first}"));
    let folder = format!("{}/", page.folder());
    known || (path.ends_with('/') && (below("") || below(&folder)))
}

/// `NAME`, `VERSION`, `JOB`: whatever stands for something else.
fn is_placeholder(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default();
    let names =
        ["README", "CHANGELOG", "ARCHITECTURE", "OPERATING", "CONTRIBUTING", "BENCHMARKS", "SECURITY", "LICENSE"];
    stem.len() > 1 && stem.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') && !names.contains(&stem)
}

fn exists(tree: &Tree, page: &Page, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    if path.contains('*') {
        return tree.paths().any(|there| matches(path, there));
    }
    let mut folder = page.folder();
    loop {
        if normal(folder, path).is_some_and(|path| tree.has(&path)) {
            return true;
        }
        match folder.rsplit_once('/') {
            Some((above, _)) => folder = above,
            None if folder.is_empty() => break,
            None => folder = "",
        }
    }
    tree.has_end(path)
}

/// The path from the root of one that is written from a folder.
fn normal(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether the end of a path is of the pattern; a star stands for what is within one component, two for some of them.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some((above, below)) = pattern.split_once("/**/") {
        let parts = path.match_indices('/').map(|(at, _)| path.split_at(at));
        return parts.into_iter().any(|(folder, file)| matches(above, folder) && matches(below, file));
    }
    let (wanted, parts): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    let Some(skipped) = parts.len().checked_sub(wanted.len()) else { return false };
    wanted.iter().zip(parts.iter().skip(skipped)).all(|(wanted, part)| match wanted.split_once('*') {
        Some((before, after)) => part.strip_prefix(before).is_some_and(|rest| rest.ends_with(after)),
        None => wanted == part,
    })
}

fn dead_links(tree: &Tree, page: &Page, passage: &Passage, words: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, _) in words.match_indices("](") {
        let target: &str = words.get(at + 2..).and_then(|rest| rest.split(')').next()).unwrap_or_default();
        if target.contains("://") || target.starts_with("mailto:") || target.is_empty() {
            continue;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let whole = if path.is_empty() { Some(page.path.clone()) } else { normal(page.folder(), path) };
        let whole = whole.unwrap_or_default();
        let line = passage.line(at);
        if !tree.has(&whole) {
            let what = format!("the link leads to {path}, which is not there");
            findings.push(Finding::new(&page.path, line, Rule::Link, what));
        } else if !anchor.is_empty() && !tree.page(&whole).is_some_and(|page| has_heading(page, anchor)) {
            findings.push(Finding::new(&page.path, line, Rule::Link, format!("{whole} has no heading #{anchor}")));
        }
    }
    findings
}

/// Whether a document has the heading whose address this is.
fn has_heading(page: &Page, anchor: &str) -> bool {
    let address = |line: &str| -> String {
        let kept = line.trim_start_matches('#').trim().to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    page.text.lines().any(|line| line.starts_with('#') && address(line) == anchor)
}
