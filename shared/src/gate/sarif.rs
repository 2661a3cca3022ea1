//! The gate's report as SARIF 2.1.0, for code scanning.
//!
//! Specification: OASIS Static Analysis Results Interchange Format 2.1.0: §3.19 (toolComponent), §3.27 (result), §3.29
//! (physicalLocation), §3.33 (logicalLocation), §3.11.5 (braces in messages). What passes gives no result, as consumers
//! take each for a finding.

use serde_json::{Value, json};

use super::{GateReport, ImageVerdict, Place, RULES, RuleResult, Status, Unit};
use crate::image::Digest;
use crate::text::{escape_name, human_bytes};

/// The schema's address.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Longest name in a message, in characters.
const NAME_CHARS_MAX: usize = 200;

/// Most results of one run: GitHub refuses a file with more than 25,000, and shows 5,000 of them.
const RESULTS_MAX: usize = 5000;

/// Writes the report. `tool_version` is the program's.
#[must_use]
pub fn sarif(report: &GateReport, tool_version: &str) -> Value {
    let rules: Vec<_> = RULES
        .iter()
        .map(|info| {
            json!({
                "id": info.key,
                "shortDescription": {"text": info.about},
                "help": {"text": info.about},
                "defaultConfiguration": {"level": "error"},
            })
        })
        .collect();
    let results = report
        .images
        .iter()
        .flat_map(|image| of_image(report, image));
    let exit_code = i32::from(report.status == Status::Fail);
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "estiva", "semanticVersion": tool_version, "version": tool_version, "rules": rules,
            }},
            "invocations": [{"executionSuccessful": true, "exitCode": exit_code}],
            "columnKind": "utf16CodeUnits",
            "results": results.take(RESULTS_MAX).collect::<Vec<_>>(),
        }],
    })
}

fn of_image<'a>(
    report: &'a GateReport,
    image: &'a ImageVerdict,
) -> impl Iterator<Item = Value> + 'a {
    let failed = image
        .rules
        .iter()
        .filter(|result| result.status == Status::Fail);
    failed.flat_map(move |result| of_rule(report, image, result))
}

/// A result for each place of a rule about files; for one about a sum, one result with its places beside it.
fn of_rule(report: &GateReport, image: &ImageVerdict, result: &RuleResult) -> Vec<Value> {
    let of_each = matches!(result.unit, Unit::Files | Unit::Problems);
    if !of_each || result.places.is_empty() {
        let related = result.places.iter().enumerate().map(|(id, place)| {
            let mut location = location(report, image, place);
            location["id"] = json!(id + 1);
            location["message"] = json!({"text": escaped(&sized(place))});
            location
        });
        let first = result.places.first().cloned().unwrap_or_default();
        // The sum is of the image; the line is that of its largest part.
        let about = Place {
            path: None,
            layer: None,
            ..first
        };
        let mut value = finding(report, image, result, &about, &result.message());
        value["relatedLocations"] = related.collect();
        return vec![value];
    }
    let each = result.places.iter().map(|place| {
        let message = format!("{}: {}", result.message(), sized(place));
        finding(report, image, result, place, &message)
    });
    let mut values: Vec<_> = each.collect();
    let left_out = result.places_left_out();
    if left_out > 0 {
        let message = format!(
            "{}: {left_out} more places are not listed",
            result.message()
        );
        values.push(finding(report, image, result, &Place::default(), &message));
    }
    values
}

fn finding(
    report: &GateReport,
    image: &ImageVerdict,
    result: &RuleResult,
    place: &Place,
    message: &str,
) -> Value {
    let rule_index = RULES.iter().position(|info| info.key == result.rule);
    let mut value = json!({
        "ruleId": result.rule,
        "kind": "fail",
        "level": "error",
        "message": {"text": escaped(message)},
        "locations": [location(report, image, place)],
        "partialFingerprints": {"estivaPlace/v1": fingerprint(image, result, place)},
    });
    if let Some(index) = rule_index {
        value["ruleIndex"] = json!(index);
    }
    value
}

/// The Dockerfile's line where there is one, else the archive; the path in the image is a logical place.
fn location(report: &GateReport, image: &ImageVerdict, place: &Place) -> Value {
    let physical = match (&report.dockerfile, place.line) {
        (Some(file), Some(line)) => json!({
            "artifactLocation": {"uri": uri(file)},
            "region": {"startLine": line},
        }),
        // Code scanning shows no result without a line.
        _ => json!({
            "artifactLocation": {"uri": uri(&report.subject)},
            "region": {"startLine": 1},
        }),
    };
    let name = image.names.first().unwrap_or(&image.config_digest);
    let mut parts = vec![name.clone()];
    parts.extend(place.layer.map(|layer| format!("layer {layer}")));
    parts.extend(place.path.clone());
    let path_in_image = parts.join("/");
    json!({
        "physicalLocation": physical,
        "logicalLocations": [{"fullyQualifiedName": escape_name(&path_in_image), "kind": "resource"}],
    })
}

/// The same place of the same rule, from one build to the next: the layer's number and the sizes may change.
fn fingerprint(image: &ImageVerdict, result: &RuleResult, place: &Place) -> String {
    let name = image.names.first().map_or("", String::as_str);
    let parts = [
        &result.rule,
        name,
        place.path.as_deref().unwrap_or_default(),
    ];
    Digest::of(parts.join("\0").as_bytes()).hex()
}

fn sized(place: &Place) -> String {
    let text = place.text(NAME_CHARS_MAX);
    match (text.is_empty(), place.size_bytes) {
        (true, _) => "the image".to_owned(),
        (false, 0) => text,
        (false, bytes) => format!("{text}, {}", human_bytes(bytes)),
    }
}

/// A text as a message's: braces stand for placeholders there, and `[…](…)` for links.
fn escaped(text: &str) -> String {
    text.replace("](", "] (")
        .replace('{', "{{")
        .replace('}', "}}")
}

/// A path as a relative reference (RFC 3986, section 4.2), an absolute one as a `file:` address.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut text = match path.starts_with('/') {
        true => "file://".to_owned(),
        false => String::new(),
    };
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references_that_nothing_in_them_ends() {
        for (path, reference) in [
            ("image.tar", "image.tar"),
            ("./out/image.tar", "out/image.tar"),
            ("../a b#?.tar", "../a%20b%23%3F.tar"),
            ("busybox:latest", "busybox%3Alatest"),
            ("/tmp/é.tar", "file:///tmp/%C3%A9.tar"),
        ] {
            assert_eq!(uri(path), reference, "{path}");
        }
    }

    #[test]
    fn messages_hold_no_placeholder_and_no_link() {
        assert_eq!(escaped("a{0} [x](1)\\u{2028}"), "a{{0}} [x] (1)\\u{{2028}}");
    }
}
