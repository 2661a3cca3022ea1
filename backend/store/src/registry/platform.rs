//! Which of an index's images is for which machine.
//!
//! OCI image specification, "Image Index", `platform`; what is left out there, and which variants run on which, as
//! containerd's `platforms` package has it: arm64 is v8, amd64 is v1, an ARM of version 7 runs what is for 6 and 5.

use std::fmt;

use oci_spec::image::Arch;
use serde::Deserialize;

use super::error::RegistryError;

/// Operating system, architecture and variant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

impl Platform {
    /// This host's.
    pub(super) fn host() -> Self {
        let architecture = Arch::default().to_string();
        // Every ARM that this program is built for.
        let variant = (architecture == "arm").then(|| "v7".to_owned());
        Self {
            os: "linux".to_owned(),
            architecture,
            variant,
        }
    }

    /// `OS/ARCHITECTURE[/VARIANT]`, with the names that people use too.
    pub(super) fn parse(text: &str) -> Result<Self, RegistryError> {
        let fault = || {
            let found = super::said::shorten(text);
            RegistryError::Name(format!(
                "expected OS/ARCHITECTURE[/VARIANT], such as linux/arm64, but found {found}"
            ))
        };
        let parts: Vec<String> = text.split('/').map(str::to_ascii_lowercase).collect();
        let is_word = |part: &String| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !parts.iter().all(is_word) {
            return Err(fault());
        }
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant.clone())),
            _ => return Err(fault()),
        };
        let (architecture, implied) = match architecture.as_str() {
            "x86_64" | "x86-64" => ("amd64", None),
            "aarch64" => ("arm64", None),
            "armhf" => ("arm", Some("v7")),
            "armel" => ("arm", Some("v6")),
            "i386" | "i686" => ("386", None),
            other => (other, None),
        };
        Ok(Self {
            os: os.clone(),
            architecture: architecture.to_owned(),
            variant: variant.or_else(|| implied.map(str::to_owned)),
        })
    }

    /// An image's own, by its config.
    pub(super) fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        }
    }

    /// How well an image for `other` serves a machine of this platform: 0 is best, none is not at all.
    pub(super) fn rank(&self, other: &Self) -> Option<u32> {
        if self.os != other.os || self.architecture != other.architecture {
            return None;
        }
        let (own, other) = (self.version()?, other.version()?);
        own.checked_sub(other)
    }

    /// The variant as a number that grows with what a machine can do.
    fn version(&self) -> Option<u32> {
        let implied = match self.architecture.as_str() {
            "arm64" => 8,
            "arm" => 7,
            "amd64" => 1,
            // Others have none in use.
            _ => 0,
        };
        match self.variant.as_deref() {
            None | Some("") => Some(implied),
            Some(variant) => variant.strip_prefix('v').unwrap_or(variant).parse().ok(),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.os, self.architecture)?;
        match self.variant.as_deref() {
            Some(variant) if !variant.is_empty() => write!(out, "/{variant}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(own: &str, other: &str) -> Option<u32> {
        let parse = |text| Platform::parse(text).unwrap();
        parse(own).rank(&parse(other))
    }

    #[test]
    fn an_older_variant_serves_and_a_newer_one_does_not() {
        assert_eq!(rank("linux/arm64", "linux/arm64/v8"), Some(0));
        assert_eq!(rank("linux/arm/v7", "linux/arm/v6"), Some(1));
        assert_eq!(rank("linux/arm/v6", "linux/arm/v7"), None);
        assert_eq!(rank("linux/amd64", "linux/amd64/v1"), Some(0));
        assert_eq!(rank("linux/amd64", "linux/amd64/v3"), None);
        assert_eq!(rank("linux/amd64/v3", "linux/amd64/v2"), Some(1));
        assert_eq!(rank("linux/x86_64", "linux/amd64"), Some(0));
        assert_eq!(rank("linux/amd64", "windows/amd64"), None);
        assert_eq!(rank("linux/amd64", "linux/arm64"), None);
    }

    #[test]
    fn what_is_no_platform_is_refused() {
        for text in [
            "",
            "linux",
            "linux/",
            "/amd64",
            "linux/a/b/c",
            "linux/é",
            "linux/a b",
        ] {
            assert!(Platform::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(
            Platform::parse("Linux/ARMHF").unwrap().to_string(),
            "linux/arm/v7"
        );
    }
}
