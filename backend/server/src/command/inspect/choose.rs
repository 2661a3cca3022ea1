//! Several images in one file: the list that a person chooses from.

use estiva_shared::image::{Choice, Listed};
use estiva_shared::text::{escape_name, human_bytes};

use crate::failure::Failure;
use crate::output::{short_id, table};

/// How an image is chosen.
const HINT: &str = "choose one with --image INDEX, NAME or DIGEST, or with --platform OS/ARCH";

/// The images as a table; INDEX is the place in the whole file.
pub(super) fn list(images: &[Listed], places: &[usize]) -> String {
    let rows: Vec<_> = places
        .iter()
        .filter_map(|place| Some((place, images.get(*place)?)))
        .map(|(place, image)| {
            let digest = image
                .manifest_digest
                .as_ref()
                .unwrap_or(&image.config_digest);
            [
                place.to_string(),
                names(image),
                platform(&image.platform).to_owned(),
                human_bytes(image.size_bytes),
                image.layers.to_string(),
                short_id(digest).to_owned(),
            ]
        })
        .collect();
    table::table(
        ["INDEX", "NAME", "PLATFORM", "SIZE", "LAYERS", "DIGEST"],
        &rows,
    )
}

/// Why no image is shown: several fit, or none does. `counts` are those of the images, and of those that fit.
pub(super) fn refusal(choice: &Choice, counts: (usize, usize)) -> Failure {
    let given = [
        choice.image.as_ref().map(|word| format!("--image {word}")),
        choice
            .platform
            .as_ref()
            .map(|word| format!("--platform {word}")),
    ];
    let given: Vec<_> = given.into_iter().flatten().collect();
    Failure::new(message(&given.join(" "), counts)).hint(HINT)
}

/// The same where one option alone chooses.
pub(super) fn refusal_of(choice: &Choice, option: &str, counts: (usize, usize)) -> Failure {
    let word = choice.image.as_deref().unwrap_or_default();
    let given = match word {
        "" => String::new(),
        word => format!("{option} {word}"),
    };
    let hint = format!("choose one with {option} INDEX, NAME, DIGEST or OS/ARCH");
    Failure::new(message(&given, counts)).hint(hint)
}

fn message(given: &str, (images, fitting): (usize, usize)) -> String {
    let given = escape_name(given);
    match (given.is_empty(), fitting) {
        (true, _) => format!("expected one image, but found {images} in it"),
        (false, 0) => {
            format!("expected one of the images in it ({images}), but found none for {given}")
        }
        (false, _) => format!("expected one image for {given}, but found {fitting}"),
    }
}

fn names(image: &Listed) -> String {
    match image.names.as_slice() {
        [] => "<none>".to_owned(),
        names => names.join(", "),
    }
}

/// A platform as it is shown.
pub(super) fn platform(platform: &str) -> &str {
    match platform {
        "" | "unknown/unknown" => "unknown",
        known => known,
    }
}
