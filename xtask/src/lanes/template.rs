//! Templates with parts that are written once for each lane. Pure.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

/// What a template can say of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name: `paid-light`.
    pub lane: String,
    /// Whether all of its work is light, so that burst workers may take from it.
    pub light: bool,
    /// The age in seconds of its oldest message from which on there is an alarm.
    pub oldest_s: u64,
}

impl Row {
    /// The name within logical names, which are letters and digits: `PaidLight`.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html>
    pub fn id(&self) -> String {
        let capital = |word: &str| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
        };
        self.lane.split('-').map(capital).collect()
    }

    fn fill(&self, text: &str) -> String {
        let text = text.replace("<Lane>", &self.id()).replace("<lane>", &self.lane);
        text.replace("<oldest-s>", &self.oldest_s.to_string())
    }
}

/// The template with its parts written anew. A part stands between `# each lane: WHAT` and `# each lane: end`, or
/// `# each light lane: …`, or `# first lane: …`. WHAT is a line, or the name of a fragment, whose comments stay there;
/// in it `<lane>`, `<Lane>` and `<oldest-s>` are the lane's.
pub fn written(template: &str, fragments: &BTreeMap<String, String>, rows: &[Row]) -> Result<String> {
    check_ids(rows)?;
    let mut out = Vec::new();
    let mut lines = template.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        out.push(line.to_owned());
        let Some(Mark { opens, which, what }) = Mark::of(line) else { continue };
        let number = at + 1;
        ensure!(what != END, "line {number}: ends a part that did not begin");
        let body: Vec<&str> = match fragments.get(what) {
            Some(text) => text.lines().filter(|line| !line.trim_start().starts_with('#')).collect(),
            None if what.ends_with(".yaml") => bail!("line {number}: there is no fragment {what}"),
            None => vec![what],
        };
        let indent: String = line.chars().take_while(|letter| *letter == ' ').collect();
        for row in which.of(rows) {
            let indented = |line: &&str| if line.is_empty() { String::new() } else { format!("{indent}{line}") };
            out.extend(body.iter().map(indented).map(|line| row.fill(&line)));
        }
        let end = format!("{opens}{END}");
        let closing = lines.by_ref().map(|(_, line)| line).find(|line| line.trim() == end);
        out.push(closing.with_context(|| format!("line {number}: its part has no end, `{end}`"))?.to_owned());
    }
    out.push(String::new());
    Ok(out.join("\n"))
}

/// Two lanes whose logical names are one would overwrite each other.
fn check_ids(rows: &[Row]) -> Result<()> {
    let mut seen = BTreeMap::new();
    for row in rows {
        if let Some(other) = seen.insert(row.id(), &row.lane) {
            bail!("lanes {other} and {}: both are {} in a template; give one another name", row.lane, row.id());
        }
    }
    Ok(())
}

const END: &str = "end";

/// Which lanes a part is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Each,
    EachLight,
    First,
}

impl Which {
    fn of(self, rows: &[Row]) -> impl Iterator<Item = &Row> {
        let first = if self == Self::First { 1 } else { rows.len() };
        rows.iter().take(first).filter(move |row| self != Self::EachLight || row.light)
    }
}

/// A line that begins or ends a part.
#[derive(Debug)]
struct Mark<'a> {
    opens: &'static str,
    which: Which,
    what: &'a str,
}

impl<'a> Mark<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let marks = [
            ("# each lane: ", Which::Each),
            ("# each light lane: ", Which::EachLight),
            ("# first lane: ", Which::First),
        ];
        let found = |(opens, which)| Some(Self { opens, which, what: line.trim().strip_prefix(opens)? });
        marks.into_iter().find_map(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(lane: &str, light: bool) -> Row {
        Row { lane: lane.to_owned(), light, oldest_s: 60 }
    }

    fn check(template: &str, expect: &str) {
        let fragments = [(
            "queues.yaml".to_owned(),
            "# why\n<Lane>Queue:\n  Name: <lane>\n\n  # more\n  Age: <oldest-s>\n".to_owned(),
        )];
        let rows = [row("paid-light", true), row("a2-b", false)];
        assert_eq!(written(template, &fragments.into(), &rows).unwrap(), expect);
        assert_eq!(written(expect, &[].into(), &rows).is_err(), expect.contains("queues.yaml"));
    }

    #[test]
    fn parts_are_written_for_their_lanes_and_the_rest_stays() {
        check("a: 1\n", "a: 1\n");
        check(
            "a:\n  # each lane: - <lane>\n  - old\n  # each lane: end\nb: 2\n",
            "a:\n  # each lane: - <lane>\n  - paid-light\n  - a2-b\n  # each lane: end\nb: 2\n",
        );
        check(
            "# each light lane: <Lane>: 1\n# each light lane: end\n# first lane: x: <Lane>\n# first lane: end\n",
            "# each light lane: <Lane>: 1\nPaidLight: 1\n# each light lane: end\n# first lane: x: <Lane>\n\
             x: PaidLight\n# first lane: end\n",
        );
        check(
            "r:\n  # each lane: queues.yaml\n  # each lane: end\n",
            "r:\n  # each lane: queues.yaml\n  PaidLightQueue:\n    Name: paid-light\n\n    Age: 60\n  A2BQueue:\n    \
             Name: a2-b\n\n    Age: 60\n  # each lane: end\n",
        );
    }

    #[test]
    fn a_part_without_an_end_or_a_fragment_is_named() {
        let complaint = |template: &str, rows: &[Row]| written(template, &[].into(), rows).unwrap_err().to_string();
        let one = [row("a", true)];
        assert_eq!(complaint("x\n# each lane: y\n", &one), "line 2: its part has no end, `# each lane: end`");
        assert_eq!(complaint("# each lane: end\n", &one), "line 1: ends a part that did not begin");
        assert_eq!(complaint("# each lane: y.yaml\n# each lane: end\n", &one), "line 1: there is no fragment y.yaml");
        let alike = [row("a-1", true), row("a1", true)];
        assert_eq!(complaint("", &alike), "lanes a-1 and a1: both are A1 in a template; give one another name");
    }
}
