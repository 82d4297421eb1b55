use std::{collections::BTreeSet, fmt};

use toml::{Table, Value};

/// One thing that is wrong in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) key: String,
    pub(super) found: String,
    pub(super) allowed: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found {}; allowed is {}", self.key, self.found, self.allowed)
    }
}

/// Reads one table and keeps on when something is wrong, so that everything is said at once.
pub(super) struct Reader<'a> {
    table: &'a Table,
    path: &'a str,
    known: BTreeSet<&'static str>,
    pub(super) complaints: &'a mut Vec<Complaint>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(table: &'a Table, path: &'a str, complaints: &'a mut Vec<Complaint>) -> Self {
        Self { table, path, known: BTreeSet::new(), complaints }
    }

    /// A text that must be there; empty where it is not, or wrong, which is complained of.
    pub(super) fn text(&mut self, key: &'static str, allowed: &str, is_allowed: impl Fn(&str) -> bool) -> String {
        let found = self.optional(key, allowed, is_allowed);
        if found.is_none() && !self.table.contains_key(key) {
            self.complain(key, "nothing".to_owned(), allowed);
        }
        found.unwrap_or_default()
    }

    /// A text that may be left out.
    pub(super) fn optional(
        &mut self,
        key: &'static str,
        allowed: &str,
        is_allowed: impl Fn(&str) -> bool,
    ) -> Option<String> {
        self.known.insert(key);
        match self.table.get(key)? {
            Value::String(text) if is_allowed(text) => Some(text.clone()),
            other => {
                self.complain(key, other.to_string(), allowed);
                None
            }
        }
    }

    /// Whole numbers of a range, in a list or alone.
    pub(super) fn numbers(&mut self, key: &'static str, unless_said: &[u32], most: u32, allowed: &str) -> Vec<u32> {
        self.known.insert(key);
        let one = std::slice::from_ref;
        let values = match self.table.get(key) {
            None => return unless_said.to_vec(),
            Some(Value::Array(values)) => values.as_slice(),
            Some(other) => one(other),
        };
        let number =
            |value: &Value| u32::try_from(value.as_integer()?).ok().filter(|number| (1..=most).contains(number));
        match values.iter().map(number).collect::<Option<Vec<u32>>>() {
            Some(numbers) if !numbers.is_empty() => numbers,
            _ => {
                self.complain(key, self.table.get(key).map(ToString::to_string).unwrap_or_default(), allowed);
                unless_said.to_vec()
            }
        }
    }

    /// The texts and numbers whose names `is_ours` picks, such as parameters of a template.
    pub(super) fn rest(&mut self, is_ours: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let mut rest = Vec::new();
        for (key, value) in self.table {
            match value {
                _ if self.known.contains(key.as_str()) => {}
                Value::String(text) if is_ours(key) => rest.push((key.clone(), text.clone())),
                Value::Integer(number) if is_ours(key) => rest.push((key.clone(), number.to_string())),
                other if is_ours(key) => self.complain(key, other.to_string(), "a text or a whole number"),
                _ => self.unknown(key),
            }
        }
        rest
    }

    /// Whatever was not asked for is complained of.
    pub(super) fn end(mut self) {
        self.rest(|_| false);
    }

    /// What the table is not to hold.
    pub(super) fn unknown(&mut self, key: &str) {
        let known: Vec<&str> = self.known.iter().copied().collect();
        self.complain(key, "a key that nothing reads".to_owned(), &format!("one of {}", known.join(", ")));
    }

    pub(super) fn complain(&mut self, key: &str, found: String, allowed: &str) {
        let key = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        self.complaints.push(Complaint { key, found, allowed: allowed.to_owned() });
    }
}
