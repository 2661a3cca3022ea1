//! Tables with aligned columns, as `docker ps` prints them: two spaces or more between, nothing after the last.

use estiva_shared::text::escape_name;
use unicode_width::UnicodeWidthStr as _;

/// Spaces between two columns.
const GAP: usize = 3;

/// The table as text, a line each. Cells are escaped: names come from images.
pub(crate) fn table<const COLUMNS: usize>(
    heads: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
) -> String {
    let rows: Vec<[String; COLUMNS]> = rows
        .iter()
        .map(|row| row.clone().map(|cell| escape_name(&cell).into_owned()))
        .collect();
    let mut widths = heads.map(width);
    for row in &rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = width(cell).max(*widest);
        }
    }
    let mut text = line(&heads.map(str::to_owned), &widths);
    for row in &rows {
        text.push_str(&line(row, &widths));
    }
    text
}

/// Columns that a text takes on a terminal: of an East Asian character two, of an accent that joins none.
fn width(text: &str) -> usize {
    text.width()
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, column) in cells.iter().zip(widths) {
        text.push_str(cell);
        text.extend(std::iter::repeat_n(' ', column - width(cell) + GAP));
    }
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_control_characters_are_shown() {
        let rows = [
            ["a".to_owned(), "long name".to_owned()],
            ["bcd".to_owned(), "x\u{1b}[2J".to_owned()],
        ];
        let text = table(["ID", "NAME"], &rows);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "ID    NAME");
        assert_eq!(lines[1], "a     long name");
        assert!(!text.contains('\u{1b}'));
        let rows = [
            ["船".to_owned(), "x".to_owned()],
            ["ship".to_owned(), "y".to_owned()],
        ];
        let text = table(["ID", "NAME"], &rows);
        assert!(text.ends_with("\n船     x\nship   y\n"), "{text}");
    }
}
