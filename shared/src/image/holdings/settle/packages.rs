//! The packages that are installed in the merged tree, the layer that brought each, and the bytes that are its own.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::facts::{Fact, PackageFact, path_key};
use super::super::purl::purl;
use super::super::{Distribution, KindSum, Package, PackageKind};
use super::Seen;
use crate::image::EntryKind;
use crate::image::path::parent;

/// Most packages that are listed; the others are counted. The largest desktop image has 5,000.
const PACKAGES_MAX: usize = 50_000;

/// A package that is visible.
struct Installed<'a> {
    fact: &'a PackageFact,
    path: &'a str,
    layer: usize,
    size_bytes: u64,
}

/// The files of the tree, by the hash of their path.
struct Files<'s, 'a, 'c> {
    seen: &'s Seen<'a, 'c>,
    by_key: HashMap<u64, usize>,
}

/// The sums by kind, and the packages.
pub(super) fn packages(
    seen: &Seen<'_, '_>,
    distribution: Option<&Distribution>,
) -> (Vec<KindSum>, Vec<Package>) {
    let mut installed = installed(seen);
    let mut counted: BTreeMap<PackageKind, u64> = BTreeMap::new();
    let mut sizes = measure(seen, &mut installed);
    for package in &installed {
        *counted.entry(package.fact.kind).or_default() += 1;
    }
    let by_kind = counted.into_iter().map(|(kind, count)| KindSum {
        kind,
        count,
        size_bytes: sizes.remove(&kind).unwrap_or_default(),
    });
    let by_kind = by_kind.collect();
    installed.sort_by(|one, other| order(one).cmp(&order(other)));
    installed.truncate(PACKAGES_MAX);
    let packages = installed.into_iter().map(|package| {
        let fact = package.fact;
        let text = |given: &Option<Box<str>>| given.as_deref().map(str::to_owned);
        Package {
            kind: fact.kind,
            name: fact.name.to_string(),
            version: fact.version.to_string(),
            architecture: text(&fact.architecture),
            license: text(&fact.license),
            purl: purl(
                fact.kind,
                &fact.name,
                &fact.version,
                fact.architecture.as_deref(),
                distribution,
            ),
            layer: package.layer,
            path: package.path.to_owned(),
            size_bytes: package.size_bytes,
        }
    });
    (by_kind, packages.collect())
}

fn order<'a>(package: &Installed<'a>) -> (PackageKind, &'a str, &'a str, &'a str) {
    (
        package.fact.kind,
        &package.fact.name,
        &package.fact.version,
        package.path,
    )
}

/// The packages of the files that are visible. A database is written again by each layer that installs something: a package
/// came with the first layer from which on every copy has it in this version.
fn installed<'a>(seen: &Seen<'a, '_>) -> Vec<Installed<'a>> {
    type Known<'a> = HashMap<(&'a str, &'a str, Option<&'a str>), usize>;
    let visible = seen.visible(|fact| match fact {
        Fact::Packages(packages) => Some(packages),
        _ => None,
    });
    let mut known: HashMap<&str, Known<'_>> = HashMap::new();
    for (layer, fact) in seen.facts() {
        let Fact::Packages(packages) = &fact.fact else {
            continue;
        };
        // Other files tell of few packages each, and are written once.
        if !visible.contains_key(&*fact.path) {
            continue;
        }
        let before = known.remove(&*fact.path).unwrap_or_default();
        let now = packages.iter().map(|package| {
            let key = (
                &*package.name,
                &*package.version,
                package.architecture.as_deref(),
            );
            (key, before.get(&key).copied().unwrap_or(layer))
        });
        let now = now.collect();
        known.insert(&fact.path, now);
    }
    let mut found = Vec::new();
    for (path, (layer, packages)) in visible {
        let is_database = packages
            .first()
            .is_some_and(|first| matches!(first.kind, PackageKind::Deb | PackageKind::Apk));
        let mut told = HashSet::new();
        for fact in packages {
            let key = (&*fact.name, &*fact.version, fact.architecture.as_deref());
            if !told.insert(key) {
                continue;
            }
            let brought = known
                .get(path)
                .and_then(|known| known.get(&key))
                .copied()
                .filter(|_| is_database);
            found.push(Installed {
                fact,
                path,
                layer: brought.unwrap_or(layer),
                size_bytes: 0,
            });
        }
    }
    // Which of two packages a file belongs to must not depend on the map's order.
    found.sort_by(|one, other| order(one).cmp(&order(other)));
    found
}

/// Finds the bytes of each package; answers those of each kind, where a file counts once.
fn measure(seen: &Seen<'_, '_>, installed: &mut [Installed<'_>]) -> HashMap<PackageKind, u64> {
    let mut sizes: HashMap<PackageKind, u64> = HashMap::new();
    if installed.is_empty() {
        return sizes;
    }
    let lists = seen.visible(|fact| match fact {
        Fact::Owns(files) => Some(files),
        _ => None,
    });
    let is_listed = |package: &Installed<'_>| {
        matches!(
            package.fact.kind,
            PackageKind::Deb | PackageKind::Apk | PackageKind::Pypi
        )
    };
    let files = Files::new(seen, installed.iter().any(is_listed));
    let mut taken: HashSet<(PackageKind, usize)> = HashSet::new();
    for package in installed.iter_mut() {
        let fact = package.fact;
        let places = match fact.kind {
            PackageKind::Deb => files.of_keys(deb_list(package, &lists).unwrap_or_default()),
            PackageKind::Apk => files.of_keys(&fact.files),
            PackageKind::Pypi => {
                match lists.get(format!("{}/RECORD", parent(package.path)).as_str()) {
                    Some((_, record)) => files.of_keys(record),
                    None => files.below(package.path),
                }
            }
            PackageKind::Go | PackageKind::Cargo if fact.is_program => {
                seen.place(package.path).into_iter().collect()
            }
            // Those of npm are found from their files, below; parts of a program have none of their own.
            _ => Vec::new(),
        };
        for place in places {
            let bytes = seen.tree[place].size_bytes;
            package.size_bytes = package.size_bytes.saturating_add(bytes);
            if taken.insert((fact.kind, place)) {
                add(&mut sizes, fact.kind, bytes);
            }
        }
    }
    measure_npm(seen, installed, &mut sizes);
    sizes
}

fn add(sizes: &mut HashMap<PackageKind, u64>, kind: PackageKind, bytes: u64) {
    let sum = sizes.entry(kind).or_default();
    *sum = sum.saturating_add(bytes);
}

/// dpkg's list of a package's files: `NAME.list`, `NAME:ARCHITECTURE.list` where several architectures may be installed, or
/// the sums of a distroless image.
fn deb_list<'a>(
    package: &Installed<'a>,
    lists: &HashMap<&'a str, (usize, &'a Vec<u64>)>,
) -> Option<&'a [u64]> {
    let fact = package.fact;
    let architecture = fact.architecture.as_deref().unwrap_or_default();
    let places = [
        format!("var/lib/dpkg/info/{}:{architecture}.list", fact.name),
        format!("var/lib/dpkg/info/{}.list", fact.name),
        format!("{}.md5sums", package.path),
    ];
    places
        .iter()
        .find_map(|place| lists.get(place.as_str()))
        .map(|(_, files)| files.as_slice())
}

/// Gives each file of the tree to the package whose folder is the nearest above it. The root folder is no package's.
fn measure_npm(
    seen: &Seen<'_, '_>,
    installed: &mut [Installed<'_>],
    sizes: &mut HashMap<PackageKind, u64>,
) {
    let mut folders = HashMap::new();
    for (number, package) in installed.iter().enumerate() {
        if package.fact.kind == PackageKind::Npm {
            folders.insert(parent(package.path), number);
        }
    }
    if folders.is_empty() {
        return;
    }
    for entry in seen
        .tree
        .iter()
        .filter(|entry| entry.kind == EntryKind::File)
    {
        let mut folder = parent(&entry.path);
        while !folder.is_empty() {
            if let Some(number) = folders.get(folder) {
                let package = &mut installed[*number];
                package.size_bytes = package.size_bytes.saturating_add(entry.size_bytes);
                add(sizes, PackageKind::Npm, entry.size_bytes);
                break;
            }
            folder = parent(folder);
        }
    }
}

impl<'s, 'a, 'c> Files<'s, 'a, 'c> {
    fn new(seen: &'s Seen<'a, 'c>, is_needed: bool) -> Self {
        let files = seen
            .tree
            .iter()
            .enumerate()
            .filter(|(_, entry)| is_needed && entry.kind == EntryKind::File);
        let by_key = files
            .map(|(place, entry)| (path_key(&entry.path), place))
            .collect();
        Self { seen, by_key }
    }

    /// The files of these paths that are there, each once.
    fn of_keys(&self, keys: &[u64]) -> Vec<usize> {
        let mut places: Vec<_> = keys
            .iter()
            .filter_map(|key| self.by_key.get(key))
            .copied()
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The files of the folder that a path lies in; the path alone where that is no package's own.
    fn below(&self, path: &str) -> Vec<usize> {
        let folder = parent(path);
        if !folder.ends_with("-info") {
            return self.seen.place(path).into_iter().collect();
        }
        let prefix = format!("{folder}/");
        let tree = self.seen.tree;
        let first = tree.partition_point(|entry| entry.path.as_str() < prefix.as_str());
        let below = tree[first..]
            .iter()
            .take_while(|entry| entry.path.starts_with(&prefix));
        let files = below
            .enumerate()
            .filter(|(_, entry)| entry.kind == EntryKind::File);
        files.map(|(at, _)| first + at).collect()
    }
}
