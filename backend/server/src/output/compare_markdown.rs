//! How two images differ, as Markdown for a comment of a pull request. What comes from an image stands in code spans: there
//! it is no markup, no mention and no link.

use estiva_shared::image::Comparison;
use estiva_shared::text::{escape_name, human_bytes};

use super::compare::{
    aspects, field, largest, mark, package, place, shortened, side_of, sign, sizes, summary,
};
use super::short_id;

/// Rows of a table unless all are asked for.
const SHOWN: usize = 20;

/// The whole text.
pub(crate) fn text(comparison: &Comparison, all: bool) -> String {
    let mut text = format!(
        "### Image comparison\n\n- A: {}\n- B: {}\n\n{}\n",
        code(&side_of(&comparison.a)),
        code(&side_of(&comparison.b)),
        summary(comparison).replace('\n', "\n\n"),
    );
    if comparison.same {
        return text;
    }
    let shown = if all { usize::MAX } else { SHOWN };
    let layers = comparison.layers.iter().map(|row| {
        let side = row.b.as_ref().or(row.a.as_ref());
        let by = side.and_then(|side| side.created_by.as_deref());
        vec![
            place(row.place).to_owned(),
            code(short_id(&row.diff_id)),
            human_bytes(side.map_or(0, |side| side.uncompressed_bytes)),
            code(&shortened(by.unwrap_or_default())),
        ]
    });
    table(
        &mut text,
        "Layers",
        &["", "Diff ID", "Size", "Instruction"],
        layers.collect(),
        shown,
    );
    let files = largest(comparison);
    let rows = files.iter().take(shown).map(|change| {
        vec![
            mark(change.difference).to_owned(),
            sizes(change),
            code(&change.path),
            code(&aspects(change)),
        ]
    });
    let rows = rows.collect();
    counted(
        &mut text,
        "Files",
        files.len(),
        &["", "Size", "Path", "What"],
        rows,
    );
    let packages = comparison.packages.iter().map(|change| {
        let [how, rest @ ..] = package(change);
        let rest = rest.iter().map(|cell| code(cell));
        std::iter::once(how).chain(rest).collect()
    });
    table(
        &mut text,
        "Packages",
        &["", "Kind", "Name", "A", "B", "Size"],
        packages.collect(),
        shown,
    );
    let config = comparison.config.iter().map(|change| {
        let value = |value: &Option<String>| code(&shortened(value.as_deref().unwrap_or_default()));
        vec![
            sign(change.difference).to_owned(),
            code(&field(change)),
            value(&change.a),
            value(&change.b),
        ]
    });
    table(
        &mut text,
        "Configuration",
        &["", "Field", "A", "B"],
        config.collect(),
        shown,
    );
    let history = comparison.history.iter().map(|change| {
        vec![
            sign(change.difference).to_owned(),
            code(&shortened(&change.created_by)),
        ]
    });
    table(
        &mut text,
        "History",
        &["", "Line"],
        history.collect(),
        shown,
    );
    text
}

fn table(text: &mut String, title: &str, heads: &[&str], mut rows: Vec<Vec<String>>, shown: usize) {
    let count = rows.len();
    rows.truncate(shown);
    counted(text, title, count, heads, rows);
}

/// A table that folds up; nothing where it has no row.
fn counted(text: &mut String, title: &str, count: usize, heads: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let number = match rows.len() < count {
        true => format!("{} of {count}", rows.len()),
        false => count.to_string(),
    };
    text.push_str(&format!(
        "\n<details><summary>{title} ({number})</summary>\n\n"
    ));
    text.push_str(&format!("| {} |\n", heads.join(" | ")));
    text.push_str(&format!("|{}\n", " --- |".repeat(heads.len())));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text.push_str("\n</details>\n");
}

/// A code span in a table's cell: its fence is longer than any run of backticks in it, and a bar ends no cell.
fn code(text: &str) -> String {
    let text = escape_name(text).replace('|', "\\|");
    if text.trim().is_empty() {
        return String::new();
    }
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    match longest {
        0 => format!("{fence}{text}{fence}"),
        _ => format!("{fence} {text} {fence}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_image_says_is_no_markup() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("<script>@you"), "`<script>@you`");
        assert_eq!(code("``x`"), "``` ``x` ```");
        assert_eq!(code("a\nb"), "`a\\u{a}b`");
        assert_eq!(code(" "), "");
    }
}
