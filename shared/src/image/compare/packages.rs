//! The packages of both images, joined by what they are and where they lie, and which of them are newer.
//!
//! dpkg and apk have one of each name and architecture. A package of npm is where its `package.json` is, one of Python's in
//! its folder of packages, a module or crate in the program that holds it; so several versions side by side stay apart. What is
//! left after that, one of a name on each side, was moved.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::ImageAnalysis;
use super::super::holdings::{Package, PackageKind};
use super::super::path::parent;
use super::versions;

/// How a package differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageDifference {
    /// B has it, and A not.
    Added,
    /// A has it, and B not.
    Removed,
    /// B's version is the newer.
    Upgraded,
    /// A's version is the newer.
    Downgraded,
    /// The versions differ, and which is the newer can't be said.
    Changed,
}

impl PackageDifference {
    /// The name as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Upgraded => "upgraded",
            Self::Downgraded => "downgraded",
            Self::Changed => "changed",
        }
    }
}

/// A package that differs in its version, or that one of the images has alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageChange {
    /// Its kind.
    pub kind: PackageKind,
    /// Its name.
    pub name: String,
    /// The architecture that it is for, in its kind's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// How it differs.
    pub difference: PackageDifference,
    /// As A has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<PackageSide>,
    /// As B has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<PackageSide>,
}

/// A package as one image has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageSide {
    /// Its version; empty where none is recorded.
    pub version: String,
    /// The layer that brought it in this version, by index.
    pub layer: usize,
    /// The file that tells of it.
    pub path: String,
    /// Bytes of its files.
    pub size_bytes: u64,
}

impl PackageSide {
    fn of(package: &Package) -> Self {
        Self {
            version: package.version.clone(),
            layer: package.layer,
            path: package.path.clone(),
            size_bytes: package.size_bytes,
        }
    }
}

/// What a package is, wherever it lies.
type Identity<'a> = (PackageKind, &'a str, Option<&'a str>);

/// The packages of one place, A's and B's.
type Sides<'a> = [Vec<&'a Package>; 2];

/// The packages that differ, by kind and name.
pub(super) fn compare(a: &ImageAnalysis, b: &ImageAnalysis) -> Vec<PackageChange> {
    let mut by_place: BTreeMap<(Identity<'_>, &str), Sides<'_>> = BTreeMap::new();
    for (side, analysis) in [a, b].into_iter().enumerate() {
        for package in &analysis.holdings.packages {
            let key = (identity(package), place(package));
            by_place.entry(key).or_default()[side].push(package);
        }
    }
    let mut left: BTreeMap<Identity<'_>, Sides<'_>> = BTreeMap::new();
    let mut changes = Vec::new();
    for ((identity, _), sides) in by_place {
        let [a, b] = without_same(sides);
        let joined = a.len().min(b.len());
        for (one, two) in a.iter().zip(&b) {
            changes.push(change(Some(one), Some(two)));
        }
        let rest = left.entry(identity).or_default();
        rest[0].extend(&a[joined..]);
        rest[1].extend(&b[joined..]);
    }
    for (_, sides) in left {
        // Elsewhere in the same version is the same package.
        let [a, b] = without_same(sides);
        match (&a[..], &b[..]) {
            ([one], [two]) => changes.push(change(Some(one), Some(two))),
            _ => {
                changes.extend(a.iter().map(|one| change(Some(one), None)));
                changes.extend(b.iter().map(|two| change(None, Some(two))));
            }
        }
    }
    let path = |side: &Option<PackageSide>| side.as_ref().map(|side| side.path.clone());
    changes.sort_by_cached_key(|change| {
        let paths = (path(&change.a), path(&change.b));
        (change.kind, change.name.clone(), change.difference, paths)
    });
    changes
}

fn identity(package: &Package) -> Identity<'_> {
    let architecture = package.architecture.as_deref();
    (package.kind, &package.name, architecture)
}

/// What tells two packages of one name apart. A version never stands in it.
fn place(package: &Package) -> &str {
    match package.kind {
        PackageKind::Deb | PackageKind::Apk => "",
        // The folder of a distribution's metadata has its version in its name.
        PackageKind::Pypi => parent(parent(&package.path)),
        PackageKind::Npm | PackageKind::Go | PackageKind::Cargo => &package.path,
    }
}

/// Leaves out what both sides have in the same version, as often as both have it.
fn without_same([mut a, mut b]: Sides<'_>) -> Sides<'_> {
    for side in [&mut a, &mut b] {
        side.sort_by_key(|package| (&package.version, &package.path));
    }
    a.retain(|one| {
        let same = b.iter().position(|two| two.version == one.version);
        same.map(|place| b.remove(place)).is_none()
    });
    [a, b]
}

fn change(a: Option<&Package>, b: Option<&Package>) -> PackageChange {
    let difference = match (a, b) {
        (Some(a), Some(b)) => match versions::order(a.kind, &a.version, &b.version) {
            Some(Ordering::Less) => PackageDifference::Upgraded,
            Some(Ordering::Greater) => PackageDifference::Downgraded,
            _ => PackageDifference::Changed,
        },
        (None, _) => PackageDifference::Added,
        (_, None) => PackageDifference::Removed,
    };
    let named = a.or(b).expect("one of the two is given");
    PackageChange {
        kind: named.kind,
        name: named.name.clone(),
        architecture: named.architecture.clone(),
        difference,
        a: a.map(PackageSide::of),
        b: b.map(PackageSide::of),
    }
}
