//! Which of an archive's images is meant: by its name, its place or its digest, and by its platform. Never a guess: where
//! several fit, all of them do.

use serde::{Deserialize, Serialize};

use super::Reference;

/// Fewest digits of a digest that name an image: fewer are rather a tag or a place.
const DIGITS_MIN: usize = 6;

/// One image of an archive or folder, as it is listed before its layers are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its names.
    pub names: Vec<String>,
    /// `linux/amd64`, with `/variant` where there is one; empty where its config does not say.
    pub platform: String,
    /// The manifest's digest, where there is a manifest.
    pub manifest_digest: Option<String>,
    /// The config's digest: the image's id.
    pub config_digest: String,
    /// How many layers it has.
    pub layers: usize,
    /// Sum of its layers as they lie, in bytes, as far as manifest or archive tell.
    pub size_bytes: u64,
}

/// What someone said of the image that is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// A name, a place from 0, or the digest of manifest or config, also its first digits.
    pub image: Option<String>,
    /// A platform: `OS/ARCH`, or `OS/ARCH/VARIANT`.
    pub platform: Option<String>,
}

impl Choice {
    /// The places of all images that fit, in their order.
    #[must_use]
    pub fn fitting(&self, images: &[Listed]) -> Vec<usize> {
        let fits = |(place, image): &(usize, &Listed)| {
            self.image
                .as_deref()
                .is_none_or(|word| is_called(word, *place, image))
                && self
                    .platform
                    .as_deref()
                    .is_none_or(|platform| runs_on(platform, &image.platform))
        };
        let fitting = images.iter().enumerate().filter(fits);
        fitting.map(|(place, _)| place).collect()
    }
}

/// Whether a word means this image.
fn is_called(word: &str, place: usize, image: &Listed) -> bool {
    word.parse() == Ok(place)
        || image.names.iter().any(|name| is_name(word, name))
        || is_digest(word, &image.config_digest)
        || image
            .manifest_digest
            .as_deref()
            .is_some_and(|digest| is_digest(word, digest))
}

/// Whether both are one name: as it stands, or as `hello` is `docker.io/library/hello:latest`.
fn is_name(word: &str, name: &str) -> bool {
    // A layout may give a tag alone, which is no name of an image.
    let is_whole = name.contains([':', '/']);
    word == name
        || is_whole
            && word
                .parse::<Reference>()
                .is_ok_and(|word| name.parse() == Ok(word))
}

fn is_digest(word: &str, digest: &str) -> bool {
    let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
    let digits = word.strip_prefix("sha256:").unwrap_or(word);
    digits.len() >= DIGITS_MIN && hex.starts_with(digits)
}

/// Whether an image of this platform is what someone wants who names one; a variant that is not named may be any.
fn runs_on(wanted: &str, platform: &str) -> bool {
    platform == wanted
        || wanted.matches('/').count() == 1
            && platform
                .strip_prefix(wanted)
                .is_some_and(|variant| variant.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(name: &str, platform: &str, digit: &str) -> Listed {
        Listed {
            names: vec![name.to_owned()],
            platform: platform.to_owned(),
            manifest_digest: Some(format!("sha256:{}", digit.repeat(64))),
            config_digest: format!("sha256:c{}", digit.repeat(63)),
            layers: 1,
            size_bytes: 1,
        }
    }

    #[test]
    fn an_image_is_meant_by_name_place_digest_or_platform() {
        let images = [
            image("hello:latest", "linux/amd64", "a"),
            image("hello:latest", "linux/arm64/v8", "b"),
            image("registry.example/team/api:1.0", "linux/arm64/v9", "d"),
            image("1", "", "e"),
        ];
        let fitting = |image: &str, platform: &str| {
            let given = |word: &str| (!word.is_empty()).then(|| word.to_owned());
            let choice = Choice {
                image: given(image),
                platform: given(platform),
            };
            choice.fitting(&images)
        };
        for (word, platform, expected) in [
            ("", "", &[0, 1, 2, 3][..]),
            ("hello", "", &[0, 1]),
            ("docker.io/library/hello:latest", "", &[0, 1]),
            ("hello:2", "", &[]),
            ("hello", "linux/arm64", &[1]),
            ("", "linux/arm64", &[1, 2]),
            ("", "linux/arm64/v9", &[2]),
            ("", "linux/arm", &[]),
            ("", "linux", &[]),
            ("registry.example/team/api:1.0", "", &[2]),
            ("2", "", &[2]),
            // The second image, and the last by its tag: both fit, so neither is taken.
            ("1", "", &[1, 3]),
            ("4", "", &[]),
            (&"b".repeat(64), "", &[1]),
            ("sha256:bbbbbbb", "", &[1]),
            ("cbbbbbb", "", &[1]),
            ("bbb", "", &[]),
            ("sha256:", "", &[]),
        ] {
            assert_eq!(fitting(word, platform), expected, "{word} {platform}");
        }
    }
}
