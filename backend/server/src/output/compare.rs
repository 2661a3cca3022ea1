//! How two images differ, for people: what changed in a sentence, then the largest differences.

use estiva_shared::image::holdings::PackageKind;
use estiva_shared::image::{
    Aspect, Comparison, ConfigChange, FileChange, FileDifference, FolderChange, LayerPlace,
    LayerRow, PackageChange, PackageDifference, PackageSide, Side, ValueDifference,
};
use estiva_shared::text::{escape_name, human_bytes};

use super::{short_id, table};

/// Rows of a list unless all are asked for.
const SHOWN: usize = 20;

/// Characters of a value or an instruction that are shown.
const VALUE_CHARS: usize = 100;

/// The whole text.
pub(crate) fn text(comparison: &Comparison, all: bool) -> String {
    let mut text = String::new();
    for (letter, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        text.push_str(&format!("{letter}  {}\n", side_of(side)));
    }
    text.push_str(&format!("\n{}\n", summary(comparison)));
    if comparison.same {
        return text;
    }
    let layers: Vec<_> = comparison.layers.iter().collect();
    let layer_rows: Vec<_> = cut(&layers, all).iter().map(|row| layer(row)).collect();
    section(&mut text, "Layers", layers.len(), layer_rows.len());
    text.push_str(&table::table(
        ["", "A", "B", "DIFF ID", "SIZE", "INSTRUCTION"],
        &layer_rows,
    ));
    let files = largest(comparison);
    let rows: Vec<_> = cut(&files, all).iter().map(|change| file(change)).collect();
    if !rows.is_empty() {
        section(&mut text, "Files, largest first", files.len(), rows.len());
        text.push_str(&table::table(["", "SIZE", "PATH", "WHAT"], &rows));
    }
    let folders: Vec<_> = comparison.folders.iter().collect();
    let rows: Vec<_> = cut(&folders, all).iter().map(|each| folder(each)).collect();
    if !rows.is_empty() {
        section(&mut text, "Folders", folders.len(), rows.len());
        text.push_str(&table::table(["", "A", "B", "FOLDER"], &rows));
    }
    packages(&mut text, comparison, all);
    settings(&mut text, comparison, all);
    text
}

fn packages(text: &mut String, comparison: &Comparison, all: bool) {
    let changes: Vec<_> = comparison.packages.iter().collect();
    let rows: Vec<_> = cut(&changes, all)
        .iter()
        .map(|each| package(each))
        .collect();
    if !rows.is_empty() {
        section(text, "Packages", changes.len(), rows.len());
        text.push_str(&table::table(["", "KIND", "NAME", "A", "B", "SIZE"], &rows));
    }
}

/// A package's row: how it differs, its kind, its name, both versions, and by how much it grew.
pub(crate) fn package(change: &PackageChange) -> [String; 6] {
    let version = |side: &Option<PackageSide>| match side {
        Some(side) if side.version.is_empty() => "?".to_owned(),
        Some(side) => shortened(&side.version),
        None => "-".to_owned(),
    };
    let bytes = [&change.a, &change.b].map(|side| side.as_ref().map_or(0, |side| side.size_bytes));
    let grown = match bytes[0] <= bytes[1] {
        true => format!("+{}", human_bytes(bytes[1] - bytes[0])),
        false => format!("-{}", human_bytes(bytes[0] - bytes[1])),
    };
    let name = match &change.architecture {
        Some(architecture) if change.kind == PackageKind::Deb => {
            format!("{}:{architecture}", change.name)
        }
        _ => change.name.clone(),
    };
    [
        change.difference.name().to_owned(),
        change.kind.name().to_owned(),
        shortened(&name),
        version(&change.a),
        version(&change.b),
        grown,
    ]
}

fn settings(text: &mut String, comparison: &Comparison, all: bool) {
    let config: Vec<_> = comparison.config.iter().collect();
    let rows: Vec<_> = cut(&config, all).iter().map(|each| setting(each)).collect();
    if !rows.is_empty() {
        section(text, "Configuration", config.len(), rows.len());
        text.push_str(&table::table(["", "FIELD", "A", "B"], &rows));
    }
    let history: Vec<_> = comparison.history.iter().collect();
    let rows: Vec<_> = cut(&history, all)
        .iter()
        .map(|change| {
            let what = match change.difference {
                ValueDifference::Changed => format!("{} (another time)", change.created_by),
                _ => change.created_by.clone(),
            };
            [sign(change.difference).to_owned(), shortened(&what)]
        })
        .collect();
    if !rows.is_empty() {
        section(text, "History", history.len(), rows.len());
        text.push_str(&table::table(["", "LINE"], &rows));
    }
}

/// The first ones, or all.
fn cut<T>(list: &[T], all: bool) -> &[T] {
    &list[..if all {
        list.len()
    } else {
        list.len().min(SHOWN)
    }]
}

fn section(text: &mut String, title: &str, count: usize, shown: usize) {
    let more = match count > shown {
        true => format!(" ({shown} of {count}; --all lists them)"),
        false => String::new(),
    };
    text.push_str(&format!("\n{title}{more}\n"));
}

/// One of the images on a line.
pub(crate) fn side_of(side: &Side) -> String {
    let name = match side.names.first() {
        Some(name) => escape_name(name).into_owned(),
        None => "an image without a name".to_owned(),
    };
    format!(
        "{name}  {}  {}  {} in {} layers",
        escape_name(short_id(&side.config_digest)),
        escape_name(&side.platform),
        human_bytes(side.uncompressed_bytes),
        side.layers
    )
}

/// What changed, in a sentence or two.
pub(crate) fn summary(comparison: &Comparison) -> String {
    let aside = if comparison.semantic {
        ", times left aside"
    } else {
        ""
    };
    if comparison.same {
        let whole = match comparison.complete {
            true => "Nothing differs",
            false => "Nothing differs of what could be read",
        };
        return format!("{whole}{aside}.");
    }
    let totals = &comparison.totals;
    let mut parts = Vec::new();
    let mut part = |count: u64, what: String| {
        if count > 0 {
            parts.push(what);
        }
    };
    part(
        totals.added,
        format!(
            "{} added ({})",
            totals.added,
            human_bytes(totals.added_bytes)
        ),
    );
    part(
        totals.removed,
        format!(
            "{} removed ({})",
            totals.removed,
            human_bytes(totals.removed_bytes)
        ),
    );
    let changed = totals.content + totals.kind;
    part(
        changed,
        format!(
            "{changed} with another content ({})",
            human_bytes(totals.content_bytes)
        ),
    );
    part(
        totals.metadata,
        format!("{} with another mode, owner, time or link", totals.metadata),
    );
    let files = match parts.is_empty() {
        true => "no file differs".to_owned(),
        false => format!("files: {}", parts.join(", ")),
    };
    let packages = match package_sums(comparison) {
        sums if sums.is_empty() => String::new(),
        sums => format!("; packages: {sums}"),
    };
    let shared = comparison
        .layers
        .iter()
        .filter(|row| row.a.is_some() && row.b.is_some());
    let download = &comparison.download;
    let mut text = format!(
        "From A to B{aside}, {files}{packages}; {} of the configuration's values and {} lines of the history differ; {} of B's {} layers are A's.\n\
         A host that has A downloads {} of {} for B ({} layers)",
        comparison.config.len(),
        comparison.history.len(),
        shared.count(),
        comparison.b.layers,
        human_bytes(download.by_digest_bytes),
        human_bytes(download.whole_bytes),
        download.by_digest_layers,
    );
    if download.by_diff_id_bytes != download.by_digest_bytes {
        text.push_str(&format!(
            ", or {} where it knows layers by their content ({} layers)",
            human_bytes(download.by_diff_id_bytes),
            download.by_diff_id_layers
        ));
    }
    text.push('.');
    if download.uncompressed {
        text.push_str(" Some of it lies uncompressed here: a registry sends less.");
    }
    if !comparison.complete {
        text.push_str(
            "\nA part of them could not be read, and is not compared: see estiva inspect.",
        );
    }
    text
}

/// How many packages differ in which way, in words; empty where none does.
fn package_sums(comparison: &Comparison) -> String {
    use PackageDifference::{Added, Changed, Downgraded, Removed, Upgraded};
    let ways = [Upgraded, Downgraded, Changed, Added, Removed];
    let sums = ways.into_iter().filter_map(|way| {
        let packages = comparison.packages.iter();
        let count = packages.filter(|change| change.difference == way).count();
        (count > 0).then(|| format!("{count} {}", way.name()))
    });
    sums.collect::<Vec<_>>().join(", ")
}

fn layer(row: &LayerRow) -> [String; 6] {
    let index = |side: &Option<estiva_shared::image::LayerSide>| {
        side.as_ref()
            .map_or_else(|| "-".to_owned(), |side| side.index.to_string())
    };
    let side = row.b.as_ref().or(row.a.as_ref());
    [
        place(row.place).to_owned(),
        index(&row.a),
        index(&row.b),
        short_id(&row.diff_id).to_owned(),
        human_bytes(side.map_or(0, |side| side.uncompressed_bytes)),
        shortened(
            side.and_then(|side| side.created_by.as_deref())
                .unwrap_or_default(),
        ),
    ]
}

/// Where a layer is, in a word.
pub(crate) fn place(place: LayerPlace) -> &'static str {
    match place {
        LayerPlace::Shared => "both",
        LayerPlace::Moved => "moved",
        LayerPlace::OnlyA => "only A",
        LayerPlace::OnlyB => "only B",
    }
}

/// The files that differ, the largest first.
pub(crate) fn largest(comparison: &Comparison) -> Vec<&FileChange> {
    let mut files: Vec<_> = comparison.files.iter().collect();
    let weight = |change: &FileChange| {
        let bytes =
            [&change.a, &change.b].map(|side| side.as_ref().map_or(0, |side| side.size_bytes));
        match change.difference {
            FileDifference::Metadata => 0,
            _ => bytes[0].max(bytes[1]),
        }
    };
    files.sort_by(|one, other| {
        weight(other)
            .cmp(&weight(one))
            .then_with(|| one.difference.cmp(&other.difference))
            .then_with(|| one.path.cmp(&other.path))
    });
    files
}

fn file(change: &FileChange) -> [String; 4] {
    [
        mark(change.difference).to_owned(),
        sizes(change),
        change.path.to_string(),
        aspects(change),
    ]
}

/// A sign for how a path differs.
pub(crate) fn mark(difference: FileDifference) -> &'static str {
    match difference {
        FileDifference::Added => "+",
        FileDifference::Removed => "-",
        _ => "~",
    }
}

/// A path's size, or both where they differ.
pub(crate) fn sizes(change: &FileChange) -> String {
    let sides = (&change.a, &change.b);
    match sides {
        (Some(a), Some(b)) if a.size_bytes != b.size_bytes => format!(
            "{} → {}",
            human_bytes(a.size_bytes),
            human_bytes(b.size_bytes)
        ),
        _ => human_bytes(change.weight_bytes()),
    }
}

/// What of a path differs, with both values where they are short.
pub(crate) fn aspects(change: &FileChange) -> String {
    let (Some(a), Some(b)) = (&change.a, &change.b) else {
        return String::new();
    };
    let words = change.aspects.iter().map(|aspect| match aspect {
        Aspect::Kind => format!("{} → {}", kind(a.kind), kind(b.kind)),
        Aspect::Content => "content".to_owned(),
        Aspect::Mode => format!("mode {:o} → {:o}", a.mode, b.mode),
        Aspect::Owner => format!("owner {}:{} → {}:{}", a.uid, a.gid, b.uid, b.gid),
        Aspect::Mtime => "time".to_owned(),
        Aspect::Link => {
            let link = |link: &Option<Box<str>>| link.as_deref().unwrap_or("none").to_owned();
            format!("link {} → {}", link(&a.link), link(&b.link))
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

fn kind(kind: estiva_shared::image::EntryKind) -> &'static str {
    use estiva_shared::image::EntryKind;
    match kind {
        EntryKind::File | EntryKind::Hardlink => "file",
        EntryKind::Directory => "folder",
        EntryKind::Symlink => "symbolic link",
        EntryKind::CharDevice | EntryKind::BlockDevice => "device",
        EntryKind::Fifo => "pipe",
    }
}

fn folder(folder: &FolderChange) -> [String; 4] {
    let sign = if folder.b_bytes >= folder.a_bytes {
        "+"
    } else {
        "-"
    };
    [
        format!("{sign}{}", human_bytes(folder.difference_bytes())),
        human_bytes(folder.a_bytes),
        human_bytes(folder.b_bytes),
        format!("/{}", folder.path),
    ]
}

/// A sign for what happened to a value.
pub(crate) fn sign(difference: ValueDifference) -> &'static str {
    match difference {
        ValueDifference::Added => "+",
        ValueDifference::Removed => "-",
        ValueDifference::Changed => "~",
    }
}

fn setting(change: &ConfigChange) -> [String; 4] {
    [
        sign(change.difference).to_owned(),
        field(change),
        shortened(change.a.as_deref().unwrap_or_default()),
        shortened(change.b.as_deref().unwrap_or_default()),
    ]
}

/// A field with its key.
pub(crate) fn field(change: &ConfigChange) -> String {
    match &change.key {
        Some(key) => format!("{} {key}", change.field.name()),
        None => change.field.name().to_owned(),
    }
}

/// The start of a long text.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
