use super::{rust::Rust, tree::Page};

/// A paragraph, a comment or a block of code of a document: what is read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    /// The line that it begins on, from one.
    pub(super) first: usize,
    /// Its lines, without what makes them a comment.
    pub(super) text: String,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sentences for people, not to be pasted.
    Prose,
    /// What stands between fences, in this language.
    Block(String),
}

impl Passage {
    /// The line of a byte of the text.
    pub(super) fn line(&self, at: usize) -> usize {
        self.first + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    /// What is written as code, with the line that it begins on. Line breaks within become spaces.
    pub(super) fn spans(&self) -> Vec<(usize, String)> {
        let spans = self.ticks().into_iter();
        spans
            .map(|(from, to)| (self.line(from), self.text.get(from..to).unwrap_or_default().replace('\n', " ")))
            .collect()
    }

    /// The text with what is written as code blanked.
    pub(super) fn words(&self) -> String {
        let mut bytes = self.text.clone().into_bytes();
        for (from, to) in self.ticks() {
            for byte in bytes.get_mut(from..to).unwrap_or_default() {
                *byte = if *byte == b'\n' { b'\n' } else { b' ' };
            }
        }
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// Where the insides of pairs of backticks lie.
    fn ticks(&self) -> Vec<(usize, usize)> {
        if self.kind != Kind::Prose {
            return Vec::new();
        }
        let runs: Vec<(usize, usize)> = runs_of_ticks(&self.text);
        let (mut spans, mut next) = (Vec::new(), 0);
        while let Some((start, length)) = runs.get(next) {
            let close = runs.iter().skip(next + 1).position(|(_, other)| other == length);
            match close.map(|more| next + 1 + more) {
                Some(close) => {
                    let end = runs.get(close).map_or(start + length, |(end, _)| *end);
                    spans.push((start + length, end));
                    next = close + 1;
                }
                None => next += 1,
            }
        }
        spans
    }
}

fn runs_of_ticks(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let (mut runs, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let length = bytes.iter().skip(at).take_while(|byte| **byte == b'`').count();
        if length > 0 {
            runs.push((at, length));
        }
        at += length.max(1);
    }
    runs
}

/// All passages of a file: a document's paragraphs and blocks, anything else's comments.
pub(super) fn of(page: &Page) -> Vec<Passage> {
    if let Some(rust) = page.rust() {
        return paragraphs(comments_of(&page.text, rust));
    }
    match page.extension() {
        "md" => paragraphs(page.text.lines().map(Some)),
        "js" | "mjs" | "jsonc" => paragraphs(page.text.lines().map(|line| comment(line, "//"))),
        "toml" | "yaml" | "yml" | "sh" | "py" | "capnp" | "in" => {
            paragraphs(page.text.lines().map(|line| comment(line, "#")))
        }
        _ => Vec::new(),
    }
}

fn comments_of<'a>(text: &'a str, rust: &Rust) -> impl Iterator<Item = Option<&'a str>> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let indent = line.len() - line.trim_start().len();
        // A comment's slashes are blank in what speaks; those of a string are not.
        let is_comment = line.trim_start().starts_with("//") && rust.speaking.get(at + indent) == Some(&b' ');
        at += line.len();
        is_comment.then(|| uncommented(line, "//"))
    })
}

fn comment<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    line.trim_start().starts_with(mark).then(|| uncommented(line, mark))
}

fn uncommented<'a>(line: &'a str, mark: &str) -> &'a str {
    let inside = line.trim_start().trim_start_matches(mark).trim_end();
    if mark == "//" { inside.trim_start_matches(['/', '!']) } else { inside.trim_start_matches('!') }
}

/// Lines that are no part of any passage are `None`.
fn paragraphs<'a>(lines: impl Iterator<Item = Option<&'a str>>) -> Vec<Passage> {
    let mut passages = Vec::new();
    let mut open: Option<Passage> = None;
    let mut fence: Option<String> = None;
    for (number, line) in lines.enumerate().map(|(index, line)| (index + 1, line)) {
        let trimmed = line.unwrap_or_default().trim();
        let ticks: String = trimmed.chars().take_while(|c| *c == '`').collect();
        let ends_block = fence.as_ref().is_some_and(|fence| trimmed == fence);
        let begins_block = fence.is_none() && ticks.len() >= 3;
        if line.is_none() || ends_block || begins_block || (fence.is_none() && trimmed.is_empty()) {
            passages.extend(open.take());
            if begins_block {
                let language = trimmed.trim_start_matches('`').trim().to_owned();
                open = Some(Passage { first: number + 1, text: String::new(), kind: Kind::Block(language) });
                fence = Some(ticks);
            } else if ends_block || line.is_none() {
                fence = None;
            }
            continue;
        }
        let passage = open.get_or_insert_with(|| Passage { first: number, text: String::new(), kind: Kind::Prose });
        passage.text.push_str(line.unwrap_or_default());
        passage.text.push('\n');
    }
    passages.extend(open);
    passages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, text: &str) -> Page {
        Page::new(path, text)
    }

    #[test]
    fn a_document_is_paragraphs_and_blocks() {
        let passages =
            of(&page("a.md", "# One `a`\n\nTwo `b\nc` and ``d`e``.\n\n  ```sh\n  ls\n\n  pwd\n  ```\nAfter\n"));
        assert_eq!(passages.iter().map(|passage| passage.first).collect::<Vec<_>>(), [1, 3, 7, 11]);
        assert_eq!(passages[1].spans(), [(3, "b c".to_owned()), (4, "d`e".to_owned())]);
        assert_eq!(passages[1].words(), "Two ` \n ` and ``   ``.\n");
        assert_eq!(passages[2].kind, Kind::Block("sh".to_owned()));
        assert_eq!(passages[2].text, "  ls\n\n  pwd\n");
    }

    #[test]
    fn comments_are_read_and_strings_are_not() {
        let passages = of(&page("a.rs", "//! One\n//! two\nlet a = \"\n// no\n\";\n/// `b`\nfn c() {}\n"));
        assert_eq!(passages.len(), 2);
        assert_eq!(passages[0].text, " One\n two\n");
        assert_eq!(passages[1].spans(), [(6, "b".to_owned())]);
    }
}
