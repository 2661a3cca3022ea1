//! Layers side by side, and what of them has to travel.

use std::collections::HashSet;

use super::super::{ImageView, LayerView};
use super::align::align;
use super::{Download, LayerPlace, LayerRow, LayerSide};

/// The layers of both, lowest first, joined by their diff IDs.
pub(super) fn rows(a: &ImageView, b: &ImageView) -> Vec<LayerRow> {
    let aligned = align(&keys(a, 'a'), &keys(b, 'b'));
    let mut rows: Vec<LayerRow> = Vec::with_capacity(aligned.len());
    for (one, two) in aligned {
        let (one, two) = (one.map(|at| &a.layers[at]), two.map(|at| &b.layers[at]));
        let place = match (one, two) {
            (Some(_), Some(_)) => LayerPlace::Shared,
            (Some(_), None) => LayerPlace::OnlyA,
            _ => LayerPlace::OnlyB,
        };
        let diff_id = two.or(one).map(|layer| layer.diff_id.clone());
        rows.push(LayerRow {
            place,
            diff_id: diff_id.unwrap_or_default(),
            a: one.map(side),
            b: two.map(side),
        });
    }
    join_moved(rows)
}

/// What a layer is known by; where it could not be read, by nothing that another image has.
fn keys(image: &ImageView, name: char) -> Vec<String> {
    let key = |layer: &LayerView| match (layer.diff_id.as_str(), layer.digest.as_str()) {
        ("", "") => format!("{name} {}", layer.index),
        ("", digest) => digest.to_owned(),
        (diff_id, _) => diff_id.to_owned(),
    };
    image.layers.iter().map(key).collect()
}

/// Joins what both have in another order, at B's place.
fn join_moved(mut rows: Vec<LayerRow>) -> Vec<LayerRow> {
    let mut taken = HashSet::new();
    for at in 0..rows.len() {
        if rows[at].place != LayerPlace::OnlyB || rows[at].diff_id.is_empty() {
            continue;
        }
        let other = rows.iter().enumerate().position(|(place, row)| {
            row.place == LayerPlace::OnlyA
                && row.diff_id == rows[at].diff_id
                && !taken.contains(&place)
        });
        if let Some(other) = other {
            taken.insert(other);
            let a = rows[other].a.take();
            rows[at].place = LayerPlace::Moved;
            rows[at].a = a;
        }
    }
    let kept = rows.into_iter().enumerate();
    kept.filter(|(place, _)| !taken.contains(place))
        .map(|(_, row)| row)
        .collect()
}

fn side(layer: &LayerView) -> LayerSide {
    LayerSide {
        index: layer.index,
        digest: layer.digest.clone(),
        compression: layer.compression.clone(),
        size_bytes: layer.size_bytes,
        uncompressed_bytes: layer.uncompressed_bytes,
        created_by: layer.created_by.clone(),
    }
}

/// What a host that has A lacks of B's layers.
pub(super) fn download(a: &ImageView, b: &ImageView) -> Download {
    let blobs: HashSet<&str> = a.layers.iter().map(|layer| &*layer.digest).collect();
    let contents: HashSet<&str> = a.layers.iter().map(|layer| &*layer.diff_id).collect();
    let mut seen = HashSet::new();
    let mut download = Download::default();
    for layer in &b.layers {
        if !layer.digest.is_empty() && !seen.insert(&*layer.digest) {
            continue;
        }
        let bytes = layer.size_bytes;
        download.whole_bytes = download.whole_bytes.saturating_add(bytes);
        if !layer.digest.is_empty() && blobs.contains(&*layer.digest) {
            continue;
        }
        download.uncompressed |= layer.compression == "none";
        download.by_digest_bytes = download.by_digest_bytes.saturating_add(bytes);
        download.by_digest_layers += 1;
        if layer.diff_id.is_empty() || !contents.contains(&*layer.diff_id) {
            download.by_diff_id_bytes = download.by_diff_id_bytes.saturating_add(bytes);
            download.by_diff_id_layers += 1;
        }
    }
    download
}
