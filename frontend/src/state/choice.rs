//! Which of an archive's images the address means. An address has a digest, never a place: another file has another image
//! there, and a reload or a link that is sent must not show it as if it were the same.

use std::collections::BTreeMap;

use estiva_shared::image::ImageView;
use serde::{Deserialize, Serialize};

/// The part of the inspector's address that names an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageQuery {
    /// As [`keys`] makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The image's name, where it is looked at where its registry has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What of the image is looked at, and else (`state/place.rs`).
    #[serde(flatten)]
    pub rest: BTreeMap<String, String>,
}

impl ImageQuery {
    /// The address of an image.
    pub fn of(key: &str) -> ImageQuery {
        ImageQuery {
            image: Some(key.to_owned()),
            from: None,
            rest: BTreeMap::new(),
        }
    }
}

/// What is shown of an open archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The image at this place.
    One(usize),
    /// The list, because nobody chose yet.
    List,
    /// The list, because the address means an image that this archive does not hold.
    Missing,
}

/// Each image's own part of the address: the digest of its manifest, or of its config where it has none. A second image of
/// the same digest gets a number, so that each can be told from the other.
pub fn keys<'a>(images: impl IntoIterator<Item = &'a ImageView>) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for image in images {
        let digest = image
            .manifest_digest
            .as_ref()
            .unwrap_or(&image.config_digest);
        let same = keys
            .iter()
            .filter(|key| key.split('~').next() == Some(digest.as_str()))
            .count();
        keys.push(match same {
            0 => digest.clone(),
            more => format!("{digest}~{}", more + 1),
        });
    }
    keys
}

/// What the address shows. The only image of an archive is shown where the address names none.
pub fn shown(keys: &[String], wanted: Option<&str>) -> Shown {
    match wanted {
        Some(wanted) => keys
            .iter()
            .position(|key| key == wanted)
            .map_or(Shown::Missing, Shown::One),
        None if keys.len() == 1 => Shown::One(0),
        None => Shown::List,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::image::ConfigView;

    fn image(manifest: Option<&str>, config: &str) -> ImageView {
        ImageView {
            format: String::new(),
            names: Vec::new(),
            manifest_digest: manifest.map(str::to_owned),
            config_digest: config.to_owned(),
            platform: String::new(),
            created: None,
            config: ConfigView::default(),
            history: Vec::new(),
            layers: Vec::new(),
            referrers: Vec::new(),
            size_bytes: 0,
            uncompressed_bytes: 0,
        }
    }

    #[test]
    fn every_image_has_an_address_of_its_own() {
        let images = [
            image(Some("m1"), "c"),
            image(Some("m2"), "c"),
            image(None, "c"),
            image(None, "c"),
        ];
        assert_eq!(keys(&images), ["m1", "m2", "c", "c~2"]);
    }

    #[test]
    fn an_address_never_shows_another_image() {
        let both = ["a".to_owned(), "b".to_owned()];
        assert_eq!(shown(&both, None), Shown::List);
        assert_eq!(shown(&both, Some("b")), Shown::One(1));
        assert_eq!(shown(&both, Some("c")), Shown::Missing);
        assert_eq!(shown(&both[..1], None), Shown::One(0));
        assert_eq!(shown(&both[..1], Some("b")), Shown::Missing);
        assert_eq!(shown(&[], None), Shown::List);
    }
}
