//! SPDX 2.3 as JSON.
//!
//! Specification: SPDX 2.3, clauses 6 (document creation), 7 (package), 11 (relationships); annex F for package URLs.

use serde_json::{Value, json};

use super::{SbomFormat, TOOL, TOOL_VERSION, element_id, license, moment, name, uuid};
use crate::image::ImageAnalysis;
use crate::image::holdings::Package;

/// What stands where nothing is known.
const NOTHING: &str = "NOASSERTION";

/// The element of the image itself.
const IMAGE_ID: &str = "SPDXRef-Image";

/// The document.
pub(super) fn document(analysis: &ImageAnalysis) -> Value {
    let image = &analysis.image;
    let name = name(analysis);
    let mut packages = vec![json!({
        "SPDXID": IMAGE_ID,
        "name": name,
        "versionInfo": image.config_digest,
        "downloadLocation": NOTHING,
        "filesAnalyzed": false,
        "licenseConcluded": NOTHING,
        "licenseDeclared": NOTHING,
        "copyrightText": NOTHING,
        "primaryPackagePurpose": "CONTAINER",
        "supplier": NOTHING,
    })];
    let mut relationships = vec![relationship("SPDXRef-DOCUMENT", "DESCRIBES", IMAGE_ID)];
    for package in &analysis.holdings.packages {
        let id = format!("SPDXRef-Package-{}", element_id(package));
        relationships.push(relationship(IMAGE_ID, "CONTAINS", &id));
        packages.push(element(package, &id));
    }
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": format!("https://spdx.org/spdxdocs/estiva-{}", uuid(analysis, SbomFormat::Spdx)),
        "creationInfo": {
            "created": moment::in_utc(image.created.as_deref()),
            "creators": [format!("Tool: {TOOL}-{TOOL_VERSION}")],
        },
        "packages": packages,
        "relationships": relationships,
    })
}

fn element(package: &Package, id: &str) -> Value {
    let declared = package.license.as_deref();
    let expression = declared.and_then(license::expression);
    let mut element = json!({
        "SPDXID": id,
        "name": package.name,
        "downloadLocation": NOTHING,
        "filesAnalyzed": false,
        "licenseConcluded": NOTHING,
        "licenseDeclared": expression.as_deref().unwrap_or(NOTHING),
        "copyrightText": NOTHING,
        "supplier": NOTHING,
        "sourceInfo": format!("found in /{} of layer {}", package.path, package.layer),
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": package.purl,
        }],
    });
    if !package.version.is_empty() {
        element["versionInfo"] = json!(package.version);
    }
    if let (Some(declared), None) = (declared, expression) {
        element["licenseComments"] = json!(format!("declared as: {declared}"));
    }
    element
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to})
}
