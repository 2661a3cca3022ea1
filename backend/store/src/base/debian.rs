//! `debian` and `node`: images of Debian's packages, as mmdebstrap installs them.
//!
//! `node` is two layers: the same that `debian` is, and what its packages add. For that both are installed from nothing,
//! and what the second has in common with the first is left out, as from any step of a build. An installation on top of
//! the first would say when and how it was done, in caches and logs; this way the same packages give the same bytes.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use estiva_shared::image::{DiffId, Reference};
use oci_spec::image::{
    ConfigBuilder, History, HistoryBuilder, ImageConfiguration, ImageConfigurationBuilder,
};
use rustix::fs::{AtFlags, FileType, Mode, makedev, mknodat, statat};
use rustix::io::Errno;

use super::BaseError;
use super::date::rfc3339;
use super::mirror::Suite;
use super::mmdebstrap::{self, BaseStep, Order, Told};
use crate::error::{IoFault, StoreError};
use crate::extract::extract;
use crate::images::ImageRecord;
use crate::layers::LayerRecord;
use crate::store::Store;
use crate::tree::copy::open_folder;
use crate::tree::node;
use crate::tree::remove_all;

/// The release where none is named.
const DEFAULT_SUITE: &str = "bookworm";

/// What `node` has beside `debian`. The certificates are what Debian's node trusts; npm can't do without.
const NODE_PACKAGES: [&str; 3] = ["ca-certificates", "nodejs", "npm"];

/// Docker's own default.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The most bytes read of what dpkg knows of its packages: a desktop of 3,000 has 5 MB.
const DPKG_STATUS_BYTES_MAX: u64 = 64 << 20;

/// One image that is made.
struct Base<'a> {
    /// `debian` or `node`.
    name: &'static str,
    suite: &'a Suite,
    /// Of what it is named for.
    version: String,
    made: i64,
    program: &'static str,
    env: Vec<String>,
    history: Vec<History>,
}

impl Store {
    /// Makes `debian:SUITE` of Debian's essential packages and apt, and `debian:latest` of the default release.
    ///
    /// # Errors
    /// [`BaseError`] where the host lacks a tool, the mirror can't be reached, or `told` breaks off; and any fault of
    /// the store. Nothing of it stays then.
    pub fn base_debian(
        &self,
        suite: Option<&str>,
        told: &mut dyn FnMut(BaseStep<'_>) -> ControlFlow<()>,
    ) -> Result<ImageRecord, StoreError> {
        let suite = Suite::parse(suite.unwrap_or(DEFAULT_SUITE))?;
        let _hold = self.hold();
        Ok(self.debian(&suite, told)?.0)
    }

    /// Makes `node:latest` and `node:MAJOR` of the same and Debian's Node.js and npm, and `debian` with it, whose layer
    /// it begins with.
    ///
    /// # Errors
    /// As for [`Self::base_debian`].
    pub fn base_node(
        &self,
        suite: Option<&str>,
        told: &mut dyn FnMut(BaseStep<'_>) -> ControlFlow<()>,
    ) -> Result<ImageRecord, StoreError> {
        let suite = Suite::parse(suite.unwrap_or(DEFAULT_SUITE))?;
        let _hold = self.hold();
        let (debian, layer) = self.debian(&suite, told)?;
        let folder = Folder::new(self)?;
        let order = Order {
            suite: &suite,
            include: &NODE_PACKAGES,
            folder: &folder.0,
        };
        let made = mmdebstrap::run(&order, told)?;
        let (added, version) = self.added(&suite, &layer, &folder.tar(), told)?;
        let major = version.split('.').next().unwrap_or_default().to_owned();
        let base = Base {
            name: "node",
            suite: &suite,
            made,
            program: "node",
            env: vec![PATH.to_owned(), format!("NODE_VERSION={version}")],
            history: debian.config.history().clone().unwrap_or_default(),
            version,
        };
        let layers = [layer.diff_id, added.diff_id];
        let tags = [format!("{major}-{}", suite.as_str()), major];
        self.keep(base, &layers, &tags)
    }

    fn debian(
        &self,
        suite: &Suite,
        told: Told<'_>,
    ) -> Result<(ImageRecord, LayerRecord), StoreError> {
        let folder = Folder::new(self)?;
        let order = Order {
            suite,
            include: &[],
            folder: &folder.0,
        };
        let made = mmdebstrap::run(&order, told)?;
        let mut tar = open(&folder.tar())?;
        let layer = self.import_layer(&mut tar, None)?;
        let version = self
            .layout
            .snapshot(layer.snapshot)
            .join("fs/etc/debian_version");
        let version = fs::read_to_string(&version).map_err(IoFault::at("read", &version))?;
        let base = Base {
            name: "debian",
            suite,
            made,
            program: "bash",
            env: vec![PATH.to_owned()],
            history: Vec::new(),
            version: version.trim().to_owned(),
        };
        let tags = [suite.as_str().to_owned()];
        Ok((self.keep(base, &[layer.diff_id], &tags)?, layer))
    }

    /// The layer of what a root's tar has beyond another layer, and the version of its Node.js.
    fn added(
        &self,
        suite: &Suite,
        below: &LayerRecord,
        tar: &Path,
        told: Told<'_>,
    ) -> Result<(LayerRecord, String), StoreError> {
        let parents = [below.diff_id];
        let prepared = self.prepare(&parents)?;
        let unpacked = extract(open(tar)?, &prepared.upper)
            .map_err(StoreError::from)
            .and_then(|_| {
                let lower = self.layout.snapshot(below.snapshot).join("fs");
                hide_missing(&lower, &prepared.upper)?;
                Ok(node_version(suite, &prepared.upper)?)
            });
        let version = match unpacked {
            Ok(version) => version,
            Err(error) => {
                // The first fault is the one to tell; what stays is removed at the store's next opening.
                let _ = self.discard(prepared);
                return Err(error);
            }
        };
        let mut progress = |_| told(BaseStep::Alive);
        let layer = self.commit(prepared, &parents, &[], &mut progress)?;
        let layer = layer.ok_or_else(|| BaseError::Incomplete {
            expected: "files of its own",
            suite: suite.as_str().to_owned(),
        })?;
        Ok((layer, version))
    }

    fn keep(
        &self,
        base: Base<'_>,
        layers: &[DiffId],
        tags: &[String],
    ) -> Result<ImageRecord, StoreError> {
        let name = base.name;
        let is_default = base.suite.as_str() == DEFAULT_SUITE;
        let image = self.create_image(&base.config(), layers)?;
        let latest = is_default.then_some("latest");
        for tag in tags.iter().map(String::as_str).chain(latest) {
            let text = format!("{name}:{tag}");
            let reference: Reference = text.parse().map_err(|_| StoreError::BadRow {
                expected: "an image's name",
                found: text,
            })?;
            self.tag(&reference, &image.id)?;
        }
        self.resolve(&image.id.to_string())
    }
}

impl Base<'_> {
    fn config(self) -> ImageConfiguration {
        let built = "every field has a default";
        let created = rfc3339(self.made);
        let label = |name: &str, value: &str| {
            (format!("org.opencontainers.image.{name}"), value.to_owned())
        };
        let suite = self.suite.as_str();
        let labels = [
            label("title", self.name),
            label("version", &self.version),
            label("vendor", "Debian"),
            label(
                "description",
                &format!("Debian {suite}, made from its packages"),
            ),
        ];
        let container = ConfigBuilder::default()
            .env(self.env)
            .cmd([self.program.to_owned()])
            .labels(
                labels
                    .into_iter()
                    .collect::<std::collections::HashMap<_, _>>(),
            )
            .build()
            .expect(built);
        let mut history = self.history;
        let added = HistoryBuilder::default()
            .created(created.clone())
            // In a Dockerfile's words, so that the inspector and a report can show it as an instruction.
            .created_by(format!("ADD {}-{}-{suite} /", self.name, self.version))
            .comment(format!("estiva base {}", self.name))
            .build()
            .expect(built);
        history.push(added);
        ImageConfigurationBuilder::default()
            .created(created)
            .config(container)
            .history(history)
            .build()
            .expect(built)
    }
}

/// A folder of the store's, for one installation; removed with this, and at the store's next opening where it was killed.
struct Folder(PathBuf);

impl Folder {
    fn new(store: &Store) -> Result<Self, IoFault> {
        let path = store.ingest_path();
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(IoFault::at("create", &path))?;
        Ok(Self(path))
    }

    fn tar(&self) -> PathBuf {
        self.0.join("root.tar")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // As said above.
        let _ = remove_all(&self.0);
    }
}

fn open(path: &Path) -> Result<File, IoFault> {
    File::open(path).map_err(IoFault::at("open", path))
}

/// What dpkg wrote down of the package nodejs: `18.20.4` of `18.20.4+dfsg-1~deb12u1` (deb-version(7)).
fn node_version(suite: &Suite, root: &Path) -> Result<String, BaseError> {
    use std::io::Read as _;
    let path = root.join("var/lib/dpkg/status");
    let mut status = String::new();
    File::open(&path)
        .and_then(|file| file.take(DPKG_STATUS_BYTES_MAX).read_to_string(&mut status))
        .map_err(|source| BaseError::Read { path, source })?;
    version_of("nodejs", &status).ok_or_else(|| BaseError::Incomplete {
        expected: "the package nodejs",
        suite: suite.as_str().to_owned(),
    })
}

fn version_of(package: &str, status: &str) -> Option<String> {
    let name = format!("Package: {package}");
    let record = status
        .split("\n\n")
        .find(|record| record.lines().any(|line| line == name))?;
    let version = record
        .lines()
        .find_map(|line| line.strip_prefix("Version: "))?;
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    let end = upstream
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(upstream.len());
    Some(upstream[..end].trim_end_matches('.').to_owned()).filter(|version| !version.is_empty())
}

/// Marks as gone what the lower folder has and the upper one, which is a whole, has not.
fn hide_missing(lower: &Path, upper: &Path) -> Result<(), IoFault> {
    // By path, and not by descriptors held: of each, every part was seen to be a folder, and nobody else writes here.
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let below = hide_missing_in(&lower.join(&folder), &upper.join(&folder)).map_err(
            IoFault::at("compare with the layer below", upper.join(&folder)),
        )?;
        folders.extend(
            below
                .iter()
                .map(|name| folder.join(OsStr::from_bytes(name))),
        );
    }
    Ok(())
}

/// Of one folder; answers the names of folders that both have.
fn hide_missing_in(lower: &Path, upper: &Path) -> Result<Vec<Vec<u8>>, Errno> {
    let (lower, upper) = (open_folder(lower)?, open_folder(upper)?);
    let present: HashSet<Vec<u8>> = node::names(&upper)?.into_iter().collect();
    let is_folder = |folder: &OwnedFd, name: &[u8]| {
        statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
            .map(|found| FileType::from_raw_mode(found.st_mode).is_dir())
    };
    let mut both = Vec::new();
    for name in node::names(&lower)? {
        if !present.contains(&name) {
            let device = makedev(0, 0);
            mknodat(
                &upper,
                &name[..],
                FileType::CharacterDevice,
                Mode::empty(),
                device,
            )?;
        } else if is_folder(&lower, &name)? && is_folder(&upper, &name)? {
            both.push(name);
        }
    }
    Ok(both)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt as _;

    use super::*;

    #[test]
    fn a_packages_version_is_what_its_makers_call_it() {
        let status = "Package: npm\nVersion: 9.2.0~ds1-1\n\nPackage: nodejs\nStatus: ok\n\
             Version: 1:18.20.4+dfsg-1~deb12u1\nDepends: libnode108\n";
        assert_eq!(version_of("nodejs", status).as_deref(), Some("18.20.4"));
        assert_eq!(version_of("npm", status).as_deref(), Some("9.2.0"));
        assert_eq!(version_of("node", status), None);
        assert_eq!(version_of("x", "Package: x\nVersion: beta\n"), None);
    }

    #[test]
    fn what_only_the_lower_layer_has_is_marked_as_gone() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIP what_only_the_lower_layer_has_is_marked_as_gone: needs root");
            return;
        }
        let temporary = tempfile::TempDir::new().unwrap();
        let (lower, upper) = (temporary.path().join("l"), temporary.path().join("u"));
        for folder in [
            lower.join("both/gone"),
            upper.join("both"),
            upper.join("new"),
        ] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(lower.join("both/file"), "1").unwrap();
        fs::write(upper.join("both/file"), "2").unwrap();
        hide_missing(&lower, &upper).unwrap();
        let gone = fs::symlink_metadata(upper.join("both/gone")).unwrap();
        assert!(gone.file_type().is_char_device());
        assert_eq!(fs::read(upper.join("both/file")).unwrap(), b"2");
        assert_eq!(fs::read_dir(&upper).unwrap().count(), 2);
    }
}
