//! Text in columns, for people. Knows nothing of what is in them.

/// Rows as lines of aligned columns, two blanks apart. A cell of several lines stays in its column.
pub(crate) fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).flat_map(|cell| cell.lines()).map(width).max())
        .map(Option::unwrap_or_default)
        .collect();
    rows.iter().flat_map(|row| row_lines(row, &widths)).collect()
}

fn row_lines(row: &[String], widths: &[usize]) -> Vec<String> {
    let height = row.iter().map(|cell| cell.lines().count()).max().unwrap_or_default().max(1);
    (0..height)
        .map(|line| {
            let cells = row.iter().zip(widths).map(|(cell, wide)| {
                let text = cell.lines().nth(line).unwrap_or_default();
                format!("{text}{}", " ".repeat(wide - width(text)))
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// Close enough to what a terminal shows for names, amounts and most scripts.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them_and_no_line_ends_in_blanks() {
        let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        let text = lines(&[row(&["A", "LONGER", "C"]), row(&["müde", "b", ""]), row(&["x", "one\ntwo", "z"])]);
        assert_eq!(text, ["A     LONGER  C", "müde  b", "x     one     z", "      two"]);
    }
}
