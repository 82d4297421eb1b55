//! No two modules at the top of a crate use each other in a ring, directly or through others. Tests count not, nor does the
//! root of a crate, which names all of its modules anyway; what it hands on is used of the module that it has it from.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    finding::{Finding, Rule},
    tree::Tree,
    uses::{Used, Uses},
};

/// The rings of every crate.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let has_root = |folder: &&str| ["lib.rs", "main.rs"].iter().any(|root| tree.has(&format!("{folder}/src/{root}")));
    let crates = tree.pages().iter().filter_map(|page| page.path.strip_suffix("/Cargo.toml")).filter(has_root);
    let of = |folder: &str| {
        let (arrows, mut found) = arrows(tree, folder);
        found.extend(rings(&arrows).iter().map(|ring| finding(folder, ring)));
        found
    };
    crates.flat_map(of).collect()
}

/// By module, the modules that it uses, and the file and line where it first does.
type Arrows = BTreeMap<String, BTreeMap<String, (String, usize)>>;

/// One ring: each module, and where it uses the next one.
type Ring = Vec<(String, (String, usize))>;

/// Which module uses which, and what hides that.
fn arrows(tree: &Tree, folder: &str) -> (Arrows, Vec<Finding>) {
    let used = used(tree, &format!("{folder}/src/"));
    let (of_root, others): (Vec<_>, Vec<_>) = used.iter().partition(|(_, used)| used.by.is_empty());
    let tops: BTreeSet<&str> = others.iter().filter_map(|(_, used)| used.by.first()).map(String::as_str).collect();
    let (mut handed_on, mut arrows, mut vague) = (BTreeMap::new(), Arrows::new(), Vec::new());
    let mut hides = |path: &str, used: &Used, what: &str| vague.push(Finding::new(path, used.line, Rule::Ring, what));
    for (path, used) in of_root {
        let Some(top) = used.path.first().filter(|top| tops.contains(top.as_str())) else { continue };
        if used.path.last().is_some_and(|last| last == "*") {
            hides(path, used, "hides whose it is what the root hands on: name it");
        } else {
            handed_on.insert(used.alias.as_deref(), top.as_str());
        }
    }
    for (path, used) in others {
        let Some(by) = used.by.first() else { continue };
        match used.path.first().map(String::as_str) {
            None | Some("*") => hides(path, used, "hides what is used of the root: name it"),
            Some(first) => {
                let top = tops.get(first).or_else(|| handed_on.get(&Some(first)));
                if let Some(top) = top.filter(|top| **top != by) {
                    let arrow = arrows.entry(by.clone()).or_default().entry((*top).to_owned());
                    arrow.or_insert_with(|| (path.clone(), used.line));
                }
            }
        }
    }
    (arrows, vague)
}

/// Every use in the files below `source`, and which file it is in. Programs in `bin/` are crates of their own.
fn used(tree: &Tree, source: &str) -> Vec<(String, Used)> {
    let mut tests = BTreeSet::new();
    let mut all = Vec::new();
    for page in tree.pages() {
        let Some(file) = page.path.strip_prefix(source).filter(|file| !file.starts_with("bin/")) else { continue };
        let Some(rust) = page.rust() else { continue };
        let uses = Uses::of(rust, &module(file));
        tests.extend(uses.tests);
        all.extend(uses.paths.into_iter().map(|used| (page.path.clone(), used)));
    }
    all.retain(|(_, used)| (1..=used.by.len()).all(|end| used.by.get(..end).is_none_or(|part| !tests.contains(part))));
    all
}

/// The path of the module that a file holds, from the root of its crate: nothing of the root itself.
fn module(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if matches!(path, "lib" | "main") { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// For each module that is in any, the shortest that it is in.
fn rings(arrows: &Arrows) -> BTreeSet<Ring> {
    arrows.keys().filter_map(|module| shortest(arrows, module)).collect()
}

/// The shortest way from a module back to itself, begun at the first of its modules by name.
fn shortest(arrows: &Arrows, module: &str) -> Option<Ring> {
    let mut ways = VecDeque::from([vec![module]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in way.last().and_then(|last| arrows.get(*last)).into_iter().flat_map(BTreeMap::keys) {
            if next == module {
                let mut way = way.clone();
                let first = way.iter().enumerate().min_by_key(|(_, module)| **module).map_or(0, |(at, _)| at);
                way.rotate_left(first);
                let nexts = way.iter().cycle().skip(1);
                let place = |module: &str, next: &str| arrows.get(module)?.get(next).cloned();
                return way.iter().zip(nexts).map(|(one, next)| Some(((*one).to_owned(), place(one, next)?))).collect();
            }
            if seen.insert(next) {
                ways.push_back([way.as_slice(), &[next]].concat());
            }
        }
    }
    None
}

/// It lies where its first arrow does.
fn finding(folder: &str, ring: &Ring) -> Finding {
    let nexts = ring.iter().cycle().skip(1);
    let arrow = |((module, (path, line)), (next, _)): (&(String, (String, usize)), &(String, _))| {
        format!("{module} uses {next} ({path}:{line})")
    };
    let arrows: Vec<String> = ring.iter().zip(nexts).map(arrow).collect();
    let (path, line) = ring.first().map_or((folder, 1), |(_, (path, line))| (path.as_str(), *line));
    let what = format!("modules use each other in a ring: {}; one of these must go", arrows.join(", "));
    Finding::new(path, line, Rule::Ring, what)
}

#[cfg(test)]
mod tests {
    use super::{super::tree::Page, *};

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| Page::new(format!("house/src/{path}"), *text));
        let tree = Tree::new(files.chain([Page::new("house/Cargo.toml", "")]).collect(), &[]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_ring_of_two_is_found_with_a_line_for_each_arrow() {
        let files = [
            ("lib.rs", "mod door;\nmod wall;\n"),
            ("door.rs", "\nuse crate::wall::Wall;\n"),
            ("wall/mod.rs", "mod brick;\n"),
            ("wall/brick.rs", "fn lay() {\n    crate::door::open();\n}\n"),
        ];
        let wanted = "house/src/door.rs:2: ring: modules use each other in a ring: door uses wall (house/src/door.rs:2), \
                      wall uses door (house/src/wall/brick.rs:2); one of these must go";
        assert_eq!(found(&files), [wanted]);
    }

    #[test]
    fn a_ring_of_three_is_found_once() {
        let files = [
            ("main.rs", "mod door;\nmod roof;\nmod wall;\n"),
            ("door.rs", "use {crate::wall};\n"),
            ("wall.rs", "use super::roof as above;\n"),
            ("roof.rs", "use crate::{\n    door::{self, Door},\n};\n"),
        ];
        let [ring] = found(&files).try_into().unwrap();
        for arrow in ["door uses wall (house/src/door.rs:1)", "wall uses roof (house/src/wall.rs:1)", "roof.rs:2"] {
            assert!(ring.contains(arrow), "{ring}");
        }
    }

    #[test]
    fn modules_that_use_each_other_in_one_direction_are_no_ring() {
        let files = [
            ("lib.rs", "mod door;\nmod roof;\nmod wall;\nuse crate::{door::Door, roof::Roof};\n"),
            ("door.rs", "use crate::{roof, wall::Wall};\nuse self::hinge;\nmod hinge { use super::Door; }\n"),
            ("wall.rs", "use crate::roof::{self, Roof};\nuse door::knock;\n"),
            ("roof.rs", "use crate::paint;\n"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn what_only_tests_use_makes_no_ring() {
        let files = [
            ("lib.rs", "mod door;\n#[cfg(test)]\nmod scene;\nmod wall;\n"),
            ("door.rs", "use crate::wall::Wall;\n"),
            ("wall.rs", "#[cfg(test)]\nmod tests {\n    use crate::door::Door;\n}\n#[cfg(test)]\nmod played;\n"),
            ("wall/played.rs", "use crate::door::Door;\n"),
            ("scene.rs", "use crate::wall::Wall;\n"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn what_the_root_hands_on_is_its_modules() {
        let root = "mod door;\nmod wall;\npub use door::{Door as Gate, knock};\n";
        let door = ("door.rs", "use crate::wall::Wall;\n");
        let rings = |root, wall| found(&[("lib.rs", root), door, ("wall.rs", wall)]);
        assert_eq!(rings(root, "use crate::Gate;\n").len(), 1);
        assert_eq!(rings(root, "fn f() { crate::knock() }\n").len(), 1);
        assert_eq!(rings(root, "use crate::Door;\n"), [""; 0], "the root's own");
    }

    #[test]
    fn what_hides_whose_it_is_is_found() {
        let vague = |root, door| found(&[("lib.rs", root), ("door.rs", door)]);
        assert_eq!(
            vague("mod door;\n", "use super::*;\n"),
            ["house/src/door.rs:1: ring: hides what is used of the root: name it"]
        );
        assert_eq!(vague("mod door;\n", "use crate as house;\n").len(), 1);
        assert_eq!(vague("mod door;\npub use door::*;\n", "use crate::a;\n").len(), 1);
    }
}
