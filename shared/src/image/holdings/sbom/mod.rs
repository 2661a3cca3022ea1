//! An image's packages as a bill of materials, in the two forms that other tools read.
//!
//! Deterministic: the same analysis gives the same bytes. The time is the image's own, and the document's name follows from the
//! image's id.

mod cyclonedx;
mod license;
pub(crate) mod moment;
mod spdx;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Package;
use crate::image::{Digest, ImageAnalysis};

/// The name of the tool that a document says it is made by.
const TOOL: &str = "estiva";

/// Its version.
const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// A form of a bill of materials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SbomFormat {
    /// SPDX 2.3, as JSON.
    Spdx,
    /// CycloneDX 1.6, as JSON.
    CycloneDx,
}

impl SbomFormat {
    /// Its name, such as `spdx`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Spdx => "spdx",
            Self::CycloneDx => "cyclonedx",
        }
    }

    /// The ending that its files have by custom.
    #[must_use]
    pub fn file_end(self) -> &'static str {
        match self {
            Self::Spdx => ".spdx.json",
            Self::CycloneDx => ".cdx.json",
        }
    }
}

/// The bill of materials of an image: JSON, indented, with a line's end.
#[must_use]
pub fn sbom(analysis: &ImageAnalysis, format: SbomFormat) -> String {
    let document = match format {
        SbomFormat::Spdx => spdx::document(analysis),
        SbomFormat::CycloneDx => cyclonedx::document(analysis),
    };
    let mut text = pretty(&document);
    text.push('\n');
    text
}

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).expect("a JSON value has string keys only")
}

/// The image's name: its first one, else its id.
fn name(analysis: &ImageAnalysis) -> &str {
    let image = &analysis.image;
    image.names.first().unwrap_or(&image.config_digest)
}

/// A UUID that follows from the image and the form (RFC 9562, version 8).
fn uuid(analysis: &ImageAnalysis, format: SbomFormat) -> String {
    let seed = format!(
        "{} {} {TOOL_VERSION}",
        format.name(),
        analysis.image.config_digest
    );
    let hex = Digest::of(seed.as_bytes()).hex();
    let variant = match hex.as_bytes()[16] % 4 {
        0 => '8',
        1 => '9',
        2 => 'a',
        _ => 'b',
    };
    format!(
        "{}-{}-8{}-{variant}{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

/// What tells an element from all others of its document: an id that follows from what it is and where. An address writes
/// several names in one spelling, so the name is part of it.
fn element_id(package: &Package) -> String {
    let Package {
        purl, name, path, ..
    } = package;
    Digest::of(format!("{purl}\0{name}\0{path}").as_bytes()).hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_form_end_as_is_the_custom() {
        for format in [SbomFormat::Spdx, SbomFormat::CycloneDx] {
            assert!(format.file_end().ends_with(".json"));
            let word = serde_json::to_value(format).unwrap();
            assert_eq!(word, format.name());
        }
    }
}
