/// Rows under headings, columns two spaces apart and as wide as they must be. Nothing in it can move the cursor.
pub(crate) fn render<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let all: Vec<[String; N]> = std::iter::once(headings.map(str::to_owned)).chain(rows.iter().cloned()).collect();
    lines(&all)
}

/// Rows alone, in such columns.
pub(crate) fn lines<const N: usize>(rows: &[[String; N]]) -> String {
    let plain = |text: &String| text.replace(char::is_control, "?");
    let all: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(plain)).collect();
    let mut widths = [0; N];
    for row in &all {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut table = String::new();
    for row in &all {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_headings() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [row(["1", "Büro", "x"]), row(["10", "", ""])];
        assert_eq!(render(["ID", "NAME", "PLAN"], &rows), "ID  NAME  PLAN\n1   Büro  x\n10\n");
    }

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        assert_eq!(render(["A"], &[["\u{1b}[2J\n".to_owned()]]), "A\n?[2J?\n");
    }
}
