use super::rust::{Rust, is_word};

/// What the code of one file names of its own crate, tests left out.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Every path of the crate that is named.
    pub(super) paths: Vec<Used>,
    /// Modules that only tests have, by their paths from the root of the crate.
    pub(super) tests: Vec<Vec<String>>,
}

/// A path that is named, from the root of the crate on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    /// The module that names it.
    pub(super) by: Vec<String>,
    /// Its segments. The last is `*` where everything below is meant; the root itself has none.
    pub(super) path: Vec<String>,
    /// What it is called from here on, where a `use` says so.
    pub(super) alias: Option<String>,
    /// The line, from one.
    pub(super) line: usize,
}

impl Uses {
    /// Reads the file that is this module.
    pub(super) fn of(rust: &Rust, module: &[String]) -> Self {
        let tokens = tokens(&rust.code);
        let reader = Reader { tokens: &tokens, at: 0, module: module.to_vec(), braces: Vec::new() };
        reader.read()
    }
}

/// A word, `::` or a single mark, and its line.
struct Token<'a> {
    text: &'a str,
    line: usize,
}

fn tokens(code: &[u8]) -> Vec<Token<'_>> {
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while let Some(byte) = code.get(at) {
        let rest = code.get(at..).unwrap_or_default();
        let length = match byte {
            b':' if rest.starts_with(b"::") => 2,
            _ => rest.iter().take_while(|byte| is_word(**byte)).count().max(1),
        };
        // What is not ASCII stands in strings and comments, which are blank here.
        let text = rest.get(..length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default();
        if !text.trim().is_empty() {
            tokens.push(Token { text, line });
        }
        line += usize::from(*byte == b'\n');
        at += length;
    }
    tokens
}

/// How items begin; what else has an attribute is a field, a variant or a statement.
const ITEMS: &str = "async const enum extern fn impl let macro_rules mod static struct trait type unsafe use";

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    /// The module that the reader is in.
    module: Vec<String>,
    /// For each brace that is open, whether it is a module's.
    braces: Vec<bool>,
}

impl Reader<'_> {
    fn read(mut self) -> Uses {
        let mut uses = Uses::default();
        while let Some(Token { text, line }) = self.tokens.get(self.at) {
            match *text {
                "#" if self.is_for_tests() => {
                    self.skip_attributes();
                    uses.tests.extend(self.skip_item());
                    continue;
                }
                "mod" if self.text(2) == "{" => {
                    self.module.push(self.text(1).to_owned());
                    self.braces.push(true);
                    self.at += 2;
                }
                "{" => self.braces.push(false),
                "}" if self.braces.pop() == Some(true) => {
                    self.module.pop();
                }
                "use" if self.text(1) != "<" => {
                    self.at += 1;
                    self.tree(&[], &mut uses.paths);
                    continue;
                }
                "crate" | "super" | "self" if self.text(1) == "::" && self.text(-1) != "::" => {
                    let path = self.segments();
                    uses.paths.extend(self.used(&path, None, *line));
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        uses
    }

    /// The token so many further on.
    fn text(&self, further: isize) -> &str {
        self.at.checked_add_signed(further).and_then(|at| self.tokens.get(at)).map_or("", |token| token.text)
    }

    /// Reads names with `::` between them.
    fn segments(&mut self) -> Vec<String> {
        let mut segments = vec![self.text(0).to_owned()];
        while self.text(1) == "::" && self.text(2).bytes().all(is_word) && !self.text(2).is_empty() {
            segments.push(self.text(2).to_owned());
            self.at += 2;
        }
        self.at += 1;
        segments
    }

    /// Reads the tree of a `use`, or a branch of it.
    fn tree(&mut self, before: &[String], found: &mut Vec<Used>) {
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        if self.text(0) == "{" {
            self.at += 1;
            while !matches!(self.text(0), "}" | "") {
                self.tree(before, found);
                if self.text(0) == "," {
                    self.at += 1;
                }
            }
            self.at += 1;
            return;
        }
        if self.text(0) == "*" {
            self.at += 1;
            found.extend(self.used(&[before, &["*".to_owned()]].concat(), None, line));
            return;
        }
        let segments = self.segments();
        let path = [before, segments.as_slice()].concat();
        if self.text(0) == "::" {
            self.at += 1;
            return self.tree(&path, found);
        }
        let mut alias = None;
        if self.text(0) == "as" {
            alias = Some(self.text(1).to_owned());
            self.at += 2;
        }
        found.extend(self.used(&path, alias.or_else(|| path.last().cloned()), line));
    }

    /// The path from the root of the crate, if it is the crate's. In the root, what begins with no keyword may be.
    fn used(&self, segments: &[String], alias: Option<String>, line: usize) -> Option<Used> {
        let mut path = match segments.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module.clone(),
            _ if self.module.is_empty() => segments.get(..1)?.to_vec(),
            _ => return None,
        };
        if segments.first().is_some_and(|first| first == "super") {
            path.pop();
        }
        for segment in segments.iter().skip(1) {
            match segment.as_str() {
                "super" => drop(path.pop()),
                "self" => {}
                _ => path.push(segment.clone()),
            }
        }
        Some(Used { by: self.module.clone(), path, alias, line })
    }

    /// Whether the attribute that begins here leaves its item to tests.
    fn is_for_tests(&self) -> bool {
        let begins = |wanted: &[&str]| wanted.iter().zip(0..).all(|(wanted, further)| self.text(further) == *wanted);
        begins(&["#", "[", "cfg", "(", "test", ")"]) || begins(&["#", "[", "cfg", "(", "all", "(", "test"])
    }

    fn skip_attributes(&mut self) {
        while self.text(0) == "#" {
            let mut brackets = 0_usize;
            while self.at < self.tokens.len() {
                match self.text(0) {
                    "[" => brackets += 1,
                    "]" => brackets -= 1,
                    _ => {}
                }
                self.at += 1;
                if brackets == 0 && self.text(-1) == "]" {
                    break;
                }
            }
        }
    }

    /// Skips an item, a field or a statement; says which module it is, if it is one.
    fn skip_item(&mut self) -> Option<Vec<String>> {
        if self.text(0) == "pub" {
            self.at += 1;
            if self.text(0) == "(" {
                while !matches!(self.text(-1), ")" | "") {
                    self.at += 1;
                }
            }
        }
        let is_item = ITEMS.split(' ').any(|word| word == self.text(0));
        let module = (self.text(0) == "mod").then(|| [self.module.as_slice(), &[self.text(1).to_owned()]].concat());
        let mut depth = 0_usize;
        while self.at < self.tokens.len() {
            match self.text(0) {
                "(" | "[" | "{" => depth += 1,
                // What holds the field ends here.
                ")" | "]" | "}" if depth == 0 => break,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            self.at += 1;
            let ended = self.text(-1);
            if depth == 0 && (matches!(ended, ";" | "}") || ended == "," && !is_item) {
                break;
            }
        }
        module
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(text: &str, module: &[&str]) -> Vec<(String, usize)> {
        let module: Vec<String> = module.iter().map(|part| (*part).to_owned()).collect();
        let uses = Uses::of(&Rust::read(text), &module);
        uses.paths.iter().map(|used| (used.path.join("::"), used.line)).collect()
    }

    #[track_caller]
    fn names(text: &str, module: &[&str], wanted: &[(&str, usize)]) {
        let wanted: Vec<(String, usize)> = wanted.iter().map(|(path, line)| ((*path).to_owned(), *line)).collect();
        assert_eq!(uses(text, module), wanted, "{text}");
    }

    #[test]
    fn trees_are_followed_to_their_leaves() {
        names(
            "use std::fmt;\nuse crate::{\n    a::{self, B as C, d::*},\n    e,\n};\npub(crate) use crate::f::G;\n",
            &["x"],
            &[("a", 3), ("a::B", 3), ("a::d::*", 3), ("e", 4), ("f::G", 6)],
        );
        names("use {crate::a::B, super::c};\n", &["x", "y"], &[("a::B", 1), ("x::c", 1)]);
    }

    #[test]
    fn paths_without_use_are_found_and_words_in_comments_and_strings_are_not() {
        let text =
            "// crate::a::b\nfn f() -> crate::c::D {\n    let _ = \"crate::e::f\";\n    $crate::g::h::<u8>()\n}\n";
        names(text, &["x"], &[("c::D", 2), ("g::h", 4)]);
    }

    #[test]
    fn super_is_counted_from_the_module_also_from_one_within_the_file() {
        names(
            "use super::a;\nmod m {\n    use super::super::b;\n    use super::c;\n}\nfn f() { super::d() }\n",
            &["x"],
            &[("a", 1), ("b", 3), ("x::c", 4), ("d", 6)],
        );
        names("use self::super::super::a;\n", &["x", "y"], &[("a", 1)]);
    }

    #[test]
    fn what_only_tests_have_is_left_out() {
        let text = "#[cfg(test)]\nuse crate::a;\nuse crate::b;\nstruct S {\n    #[cfg(test)]\n    of: crate::c::C,\n    \
                    by: crate::d::D,\n}\n#[cfg(test)]\n#[rustfmt::skip]\npub(crate) fn f<A, B>(a: [u8; 2]) {\n    \
                    crate::e::f();\n}\n#[cfg(all(test, unix))]\nmod t {\n    use crate::g;\n}\nuse crate::h;\n";
        names(text, &["x"], &[("b", 3), ("d::D", 7), ("h", 18)]);
        let uses = Uses::of(&Rust::read("#[cfg(test)]\nmod t;\n#[cfg(any(test, unix))]\nmod u;\n"), &["x".to_owned()]);
        assert_eq!(uses.tests, [["x", "t"]]);
    }

    #[test]
    fn the_root_may_name_its_modules_bare() {
        names("mod a;\npub use a::B;\nmod c {\n    use d::E;\n}\n", &[], &[("a::B", 2)]);
    }
}
