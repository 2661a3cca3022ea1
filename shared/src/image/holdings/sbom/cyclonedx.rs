//! CycloneDX 1.6 as JSON.
//!
//! Specification: ECMA-424, first edition (CycloneDX 1.6).

use serde_json::{Value, json};

use super::{SbomFormat, TOOL, TOOL_VERSION, element_id, license, moment, name, uuid};
use crate::image::ImageAnalysis;
use crate::image::holdings::{Distribution, Package};

/// The document.
pub(super) fn document(analysis: &ImageAnalysis) -> Value {
    let image = &analysis.image;
    let mut components: Vec<_> = analysis.holdings.distribution.iter().map(system).collect();
    components.extend(analysis.holdings.packages.iter().map(component));
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid(analysis, SbomFormat::CycloneDx)),
        "version": 1,
        "metadata": {
            "timestamp": moment::in_utc(image.created.as_deref()),
            "tools": {"components": [{"type": "application", "name": TOOL, "version": TOOL_VERSION}]},
            "component": {
                "type": "container",
                "bom-ref": "image",
                "name": name(analysis),
                "version": image.config_digest,
            },
        },
        "components": components,
    })
}

fn system(distribution: &Distribution) -> Value {
    let mut system = json!({
        "type": "operating-system",
        "bom-ref": "operating-system",
        "name": distribution.id,
        "description": distribution.name,
    });
    if !distribution.version.is_empty() {
        system["version"] = json!(distribution.version);
    }
    system
}

fn component(package: &Package) -> Value {
    let property =
        |name: &str, value: String| json!({"name": format!("estiva:{name}"), "value": value});
    let mut component = json!({
        "type": "library",
        "bom-ref": format!("package-{}", element_id(package)),
        "name": package.name,
        "purl": package.purl,
        "properties": [
            property("kind", package.kind.name().to_owned()),
            property("layer", package.layer.to_string()),
            property("path", package.path.clone()),
            property("size_bytes", package.size_bytes.to_string()),
        ],
    });
    if !package.version.is_empty() {
        component["version"] = json!(package.version);
    }
    if let Some(declared) = &package.license {
        component["licenses"] = match license::expression(declared) {
            Some(id) if license::is_id(&id) => json!([{"license": {"id": id}}]),
            Some(expression) => json!([{"expression": expression}]),
            None => json!([{"license": {"name": declared}}]),
        };
    }
    component
}
