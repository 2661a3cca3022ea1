//! Container ids: 256 random bits as 64 hexadecimal digits, the form that every tool around containers expects.
//!
//! An id becomes a folder's and a cgroup's name, so one that was not checked never exists as a [`ContainerId`].

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The digits of an id.
const ID_DIGITS: usize = 64;

/// The digits of its short form, as in listings, and as the container's host name: Docker's number.
const SHORT_DIGITS: usize = 12;

/// A container's id: 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerId(String);

/// Text that is not a container's id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 lower-case hexadecimal digits, but found {0} bytes of other text")]
pub struct InvalidId(usize);

impl ContainerId {
    /// A new id from the kernel's random source.
    ///
    /// # Errors
    /// Where the kernel has no random bytes to give, which Linux does not do once it has started.
    pub fn random() -> std::io::Result<Self> {
        Ok(Self(random_hex::<{ ID_DIGITS / 2 }>()?))
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits.
    pub fn short(&self) -> &str {
        &self.0[..SHORT_DIGITS]
    }
}

/// `BYTES` random bytes as hexadecimal digits.
pub(crate) fn random_hex<const BYTES: usize>() -> std::io::Result<String> {
    let mut bytes = [0u8; BYTES];
    fill_random(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Fills the bytes from the kernel's random source.
pub(crate) fn fill_random(bytes: &mut [u8]) -> std::io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            // Long requests may be interrupted by a signal (getrandom(2)).
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

impl FromStr for ContainerId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == ID_DIGITS && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(text.len()))
        }
    }
}

impl TryFrom<String> for ContainerId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ContainerId> for String {
    fn from(id: ContainerId) -> Self {
        id.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_differ_and_parse_back() {
        let (one, other) = (
            ContainerId::random().unwrap(),
            ContainerId::random().unwrap(),
        );
        assert_ne!(one, other);
        assert_eq!(one.as_str().parse::<ContainerId>().unwrap(), one);
        assert_eq!(one.short().len(), 12);
    }

    #[test]
    fn rejects_what_could_leave_the_containers_folder() {
        let upper = "A".repeat(64);
        let dots = format!("../{}", "a".repeat(61));
        let long = "a".repeat(65);
        for bad in ["", "abc", upper.as_str(), dots.as_str(), long.as_str()] {
            assert!(bad.parse::<ContainerId>().is_err(), "{bad}");
            assert!(
                serde_json::from_value::<ContainerId>(bad.into()).is_err(),
                "{bad}"
            );
        }
    }
}
