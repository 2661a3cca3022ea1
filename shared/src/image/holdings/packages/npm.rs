//! A `package.json`: of a package below `node_modules`, or of an application.
//!
//! Specification: npm's documentation, "package.json".

use serde::Deserialize;
use serde_json::Value;

use super::super::PackageKind;
use super::super::facts::{PackageFact, field};

/// What is read of it; all else is passed over, however deep it nests.
#[derive(Deserialize)]
struct PackageJson {
    name: Option<String>,
    version: Option<String>,
    license: Option<Value>,
}

/// Whether a `package.json` at this path is that of a package below `node_modules`, and not a part of one; none where it is
/// below none.
pub(in super::super) fn is_installed(path: &str) -> Option<bool> {
    let (_, below) = format!("/{path}")
        .rsplit_once("/node_modules/")
        .map(|(above, below)| (above.to_owned(), below.to_owned()))?;
    let parts = below.split('/').count();
    Some(parts == 2 + usize::from(below.starts_with('@')))
}

/// The package; none where it has no name, or is no JSON.
///
/// # Errors
/// JSON that can't be read.
pub(in super::super) fn package_json(
    bytes: &[u8],
) -> Result<Option<PackageFact>, serde_json::Error> {
    let json: PackageJson = serde_json::from_slice(bytes)?;
    let text = |given: &Option<String>| {
        given
            .as_deref()
            .and_then(|text| field(text.as_bytes()))
            .map(str::to_owned)
    };
    let (Some(name), Some(version)) = (text(&json.name), text(&json.version)) else {
        return Ok(None);
    };
    let license = match &json.license {
        Some(Value::String(license)) => field(license.as_bytes()),
        // The old form.
        Some(Value::Object(license)) => license
            .get("type")
            .and_then(Value::as_str)
            .and_then(|license| field(license.as_bytes())),
        _ => None,
    };
    Ok(Some(PackageFact {
        license: license.map(Into::into),
        ..PackageFact::new(PackageKind::Npm, &name, &version)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_told_from_parts_of_packages() {
        for (path, is) in [
            ("app/package.json", None),
            ("app/node_modules/a/package.json", Some(true)),
            ("node_modules/@s/a/package.json", Some(true)),
            ("app/node_modules/a/node_modules/b/package.json", Some(true)),
            ("app/node_modules/a/esm/package.json", Some(false)),
            ("app/node_modules/@s/package.json", Some(false)),
        ] {
            assert_eq!(is_installed(path), is, "{path}");
        }
    }

    #[test]
    fn name_version_and_licence_are_read() {
        let read = |text: &str| package_json(text.as_bytes()).unwrap();
        let found =
            read(r#"{"name":"@s/a","version":"1.0.0","license":{"type":"MIT"},"x":[1]}"#).unwrap();
        assert_eq!(
            (&*found.name, &*found.version, found.license.as_deref()),
            ("@s/a", "1.0.0", Some("MIT"))
        );
        assert_eq!(read(r#"{"type":"module"}"#), None);
        assert_eq!(read(r#"{"name":"a\u0000b","version":"1"}"#), None);
    }

    #[test]
    fn depth_is_an_error_or_passed_over_but_no_overflow() {
        let nested = |name: &str| {
            let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
            format!(r#"{{"name":"a","version":"1","{name}":{open}{close}}}"#)
        };
        assert!(package_json(nested("license").as_bytes()).is_err());
        // serde_json passes over what nobody wants without recursion.
        assert!(matches!(
            package_json(nested("other").as_bytes()),
            Ok(Some(_)) | Err(_)
        ));
    }
}
