//! What was submitted, as the rows of one table: each is written as soon as there is one.

use crate::table;

/// A table whose first column is as wide as its widest cell so far; ids are of one length.
#[derive(Debug, Default)]
pub(super) struct Rows {
    widths: Option<[usize; 2]>,
}

impl Rows {
    /// The lines to add for one more row; `widest` is how wide the names of the inputs become.
    pub(super) fn add(&mut self, id: &str, input: &str, widest: usize, status: &str) -> String {
        let is_first = self.widths.is_none();
        let [id_width, input_width] = self.widths.unwrap_or([0, widest]);
        let widths = [id_width.max(id.chars().count()), input_width];
        self.widths = Some(widths);
        let row = [format!("{id:<0$}", widths[0]), format!("{input:<0$}", widths[1]), status.to_owned()];
        match is_first {
            true => table::render(["ID", "INPUT", "STATUS"], &[row]),
            false => table::lines(&[row]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_come_one_by_one_are_one_table() {
        let mut rows = Rows::default();
        let cells = [("job_1", "a.png", "queued"), ("job_2", "größer.png", "queued"), ("job_3", "b\n", "queued")];
        let text: String = cells.iter().map(|(id, input, status)| rows.add(id, input, 10, status)).collect();
        let all = cells.map(|(id, input, status)| [id, input, status].map(str::to_owned));
        assert_eq!(text, table::render(["ID", "INPUT", "STATUS"], &all));
    }
}
