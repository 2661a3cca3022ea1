//! Container names: what may be one, and one of our own where none was given.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::id::fill_random;

/// The longest name, in bytes. Docker sets none; it becomes no file's name here, but it is shown on a line, and 128 is
/// more than anyone types.
pub const NAME_BYTES_MAX: usize = 128;

/// How the sea and the port are today.
const ADJECTIVES: [&str; 48] = [
    "amber", "ample", "ashore", "balmy", "bold", "brave", "breezy", "bright", "briny", "brisk",
    "calm", "clear", "coastal", "deft", "drifting", "eastern", "even", "fair", "floating",
    "gentle", "golden", "hardy", "keen", "level", "lofty", "loyal", "lucid", "mellow", "merry",
    "moored", "nimble", "northern", "patient", "placid", "quiet", "salty", "serene", "silver",
    "sound", "southern", "steady", "still", "sunny", "swift", "tidal", "trim", "western",
    "windward",
];

/// What is found there.
const NOUNS: [&str; 64] = [
    "albatross",
    "anchor",
    "atoll",
    "barge",
    "bay",
    "beacon",
    "berth",
    "bollard",
    "bosun",
    "breakwater",
    "brig",
    "buoy",
    "capstan",
    "cargo",
    "catamaran",
    "clipper",
    "compass",
    "coral",
    "cormorant",
    "cove",
    "crane",
    "current",
    "cutter",
    "derrick",
    "dinghy",
    "dolphin",
    "ferry",
    "fjord",
    "frigate",
    "galley",
    "gull",
    "harbour",
    "helm",
    "hull",
    "islet",
    "jetty",
    "keel",
    "ketch",
    "lagoon",
    "lantern",
    "lighter",
    "lighthouse",
    "manatee",
    "marina",
    "mast",
    "mooring",
    "osprey",
    "pelican",
    "pier",
    "pilot",
    "quay",
    "reef",
    "rigger",
    "rudder",
    "schooner",
    "sextant",
    "shoal",
    "skipper",
    "sloop",
    "stevedore",
    "tern",
    "tide",
    "trawler",
    "wharf",
];

/// A container's name: a letter or digit, then letters, digits, `_`, `.` and `-`; two characters at least.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerName(String);

/// Text that can't be a container's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a name of 2 to {NAME_BYTES_MAX} letters, digits, `_`, `.` and `-`, that begins with a letter or digit"
)]
pub struct InvalidName;

impl ContainerName {
    /// A name of two words, such as `steady_quay`. From the third attempt on a number follows, so that a host with
    /// thousands of containers still finds one that is free.
    ///
    /// # Errors
    /// Where the kernel has no random bytes to give.
    pub fn random(attempt: u32) -> std::io::Result<Self> {
        let mut bytes = [0u8; 6];
        fill_random(&mut bytes)?;
        let pick =
            |one: u8, two: u8, count: usize| usize::from(u16::from_le_bytes([one, two])) % count;
        let adjective = ADJECTIVES[pick(bytes[0], bytes[1], ADJECTIVES.len())];
        let noun = NOUNS[pick(bytes[2], bytes[3], NOUNS.len())];
        Ok(Self(match attempt {
            0 | 1 => format!("{adjective}_{noun}"),
            _ => format!(
                "{adjective}_{noun}{}",
                u16::from_le_bytes([bytes[4], bytes[5]])
            ),
        }))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContainerName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let mut bytes = text.bytes();
        let starts_well = bytes
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        let goes_on_well =
            bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
        if starts_well && goes_on_well && (2..=NAME_BYTES_MAX).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName)
        }
    }
}

impl TryFrom<String> for ContainerName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ContainerName> for String {
    fn from(name: ContainerName) -> Self {
        name.0
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_dockers_names_and_nothing_else() {
        for good in [
            "web",
            "a1",
            "0x",
            "My_app.v1-2",
            &"n".repeat(NAME_BYTES_MAX),
        ] {
            assert!(good.parse::<ContainerName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "-web",
            ".web",
            "_web",
            "a/b",
            "a b",
            "né",
            "a\n",
            &"n".repeat(NAME_BYTES_MAX + 1),
        ] {
            assert!(bad.parse::<ContainerName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_generated_name_is_a_valid_one() {
        for adjective in ADJECTIVES {
            for noun in NOUNS {
                assert!(
                    format!("{adjective}_{noun}65535")
                        .parse::<ContainerName>()
                        .is_ok()
                );
            }
        }
        assert!(ContainerName::random(0).unwrap().as_str().contains('_'));
        assert!(
            ContainerName::random(2)
                .unwrap()
                .as_str()
                .parse::<ContainerName>()
                .is_ok()
        );
    }
}
