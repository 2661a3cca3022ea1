//! What is mounted into a container beside its image: checked, completed by the image's VOLUMEs, and made ready.
//!
//! [`merge`] is pure: from what was asked for to what the record says, each target clean, no target twice, each volume
//! with a name. [`prepare`] does what that needs on the host, before the runtime mounts anything. That no link in the
//! container's tree leads out is the runtime's work, by descriptor; here are words alone.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Component, Path, PathBuf},
};

use estiva_runtime::defaults::{Bind, Tmpfs};
use estiva_shared::{image::DiffId, protocol::Mount};

use crate::{
    EngineError,
    engine::Shared,
    entry::Entry,
    status::is_final,
    volumes::{VolumeName, Volumes, held},
};

/// The most mounts of a container: each is a look-up and a mount at every start, and an image can ask for any number by
/// its VOLUMEs. People have a handful.
const MOUNTS_MAX: usize = 128;

/// The longest path that the kernel takes, with its NUL (limits.h, PATH_MAX).
const PATH_BYTES_MAX: usize = 4096;

/// Names in `/dev` that are every container's own: mounted over, they would be another thing than programs trust.
const DEVICES: [&str; 16] = [
    "console", "core", "estiva", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "stderr",
    "stdin", "stdout", "tty", "urandom", "zero",
];

/// What a container gets.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Merged {
    /// All mounts; each volume has a name.
    pub(crate) mounts: Vec<Mount>,
    /// The names of those volumes that nobody named.
    pub(crate) anonymous: Vec<String>,
}

/// Checks what was asked for, and adds a volume for each VOLUME of the image where nothing else is mounted.
///
/// # Errors
/// [`EngineError::BadRequest`], [`EngineError::BadVolumeName`].
pub(crate) fn merge(asked: Vec<Mount>, image: &[String]) -> Result<Merged, EngineError> {
    let mut merged = Merged::default();
    let mut targets = HashSet::new();
    for mut mount in asked {
        let target = clean_target(mount.target(), "a mount's target")?;
        if !targets.insert(target.clone()) {
            return Err(EngineError::BadRequest {
                what: "a mount's target",
                expected: "one mount at each place",
                found: target,
            });
        }
        match &mut mount {
            Mount::Bind {
                source, target: to, ..
            } => {
                *source = clean_source(source)?;
                *to = target;
            }
            Mount::Volume {
                name, target: to, ..
            } => {
                *name = Some(named(name.as_deref(), &mut merged.anonymous)?);
                *to = target;
            }
            Mount::Tmpfs {
                target: to,
                size_bytes,
                mode,
                ..
            } => {
                check_tmpfs(*size_bytes, *mode)?;
                *to = target;
            }
        }
        merged.mounts.push(mount);
    }
    for volume in image {
        let target = clean_target(volume, "a VOLUME of the image")?;
        if targets.insert(target.clone()) {
            merged.mounts.push(Mount::Volume {
                name: Some(named(None, &mut merged.anonymous)?),
                target,
                read_only: false,
            });
        }
    }
    if merged.mounts.len() > MOUNTS_MAX {
        return Err(EngineError::BadRequest {
            what: "the mounts",
            expected: "at most 128, with the VOLUMEs of the image",
            found: merged.mounts.len().to_string(),
        });
    }
    Ok(merged)
}

fn named(name: Option<&str>, anonymous: &mut Vec<String>) -> Result<String, EngineError> {
    match name {
        Some(name) => Ok(name.parse::<VolumeName>()?.to_string()),
        None => {
            let name = VolumeName::random()?.to_string();
            anonymous.push(name.clone());
            Ok(name)
        }
    }
}

/// A target without `.`, `..` and doubled slashes, which is none of the kernel's places.
fn clean_target(target: &str, what: &'static str) -> Result<String, EngineError> {
    let bad = |expected| EngineError::BadRequest {
        what,
        expected,
        found: target.chars().take(256).collect(),
    };
    let clean = clean(target)
        .ok_or_else(|| bad("an absolute path of less than 4096 bytes, without a NUL"))?;
    let mut parts = clean.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some("") | None, _) => Err(bad("a place in the container, and not its root")),
        (Some("proc" | "sys"), _) => Err(bad("a place outside of /proc and /sys")),
        (Some("dev"), None) => Err(bad("a place in /dev, and not /dev itself")),
        (Some("dev"), Some(name)) if DEVICES.contains(&name) => {
            Err(bad("a place that is no device of the container's own"))
        }
        _ => Ok(clean),
    }
}

/// A source of the host. Relative ones are the command line's to complete: the server's own folder is nobody's.
fn clean_source(source: &str) -> Result<String, EngineError> {
    clean(source).ok_or_else(|| EngineError::BadRequest {
        what: "a mount's source",
        expected: "an absolute path of less than 4096 bytes, without a NUL",
        found: source.chars().take(256).collect(),
    })
}

/// The path with each `.` and `..` taken as written. A source's `..` behind a link means what Docker takes it for.
fn clean(path: &str) -> Option<String> {
    if !path.starts_with('/') || path.contains('\0') || path.len() >= PATH_BYTES_MAX {
        return None;
    }
    let mut clean = PathBuf::from("/");
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean.into_os_string().into_string().ok()
}

fn check_tmpfs(size_bytes: Option<u64>, mode: Option<u32>) -> Result<(), EngineError> {
    let bad = |what, expected, found: String| {
        Err(EngineError::BadRequest {
            what,
            expected,
            found,
        })
    };
    match (size_bytes, mode) {
        // The kernel takes 0 for no limit at all, and i64::MAX for the most.
        (Some(0), _) => bad("a tmpfs's size", "at least one byte", "0".to_owned()),
        (Some(size), _) if i64::try_from(size).is_err() => {
            bad("a tmpfs's size", "less than 2^63 bytes", size.to_string())
        }
        (_, Some(mode)) if mode > 0o7777 => bad(
            "a tmpfs's mode",
            "an octal number up to 7777",
            format!("{mode:o}"),
        ),
        _ => Ok(()),
    }
}

/// Refuses a source that is not there, before anything is made, unless it is to be made.
///
/// # Errors
/// [`EngineError::MountSource`].
pub(crate) fn check_sources(mounts: &[Mount]) -> Result<(), EngineError> {
    for mount in mounts {
        if let Mount::Bind {
            source,
            create_source,
            ..
        } = mount
        {
            match fs::metadata(source) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && *create_source => {}
                Err(error) => return Err(source_error(source, error)),
                Ok(_) => {}
            }
        }
    }
    Ok(())
}

fn source_error(path: &str, source: io::Error) -> EngineError {
    EngineError::MountSource {
        path: path.into(),
        source,
    }
}

/// Makes the sources and volumes that are missing, and fills new volumes with what the image has at their place.
///
/// # Errors
/// [`EngineError::MountSource`], [`EngineError::VolumeFill`], [`EngineError::File`].
pub(crate) fn prepare(
    shared: &Shared,
    entry: &Entry,
    layers: &[DiffId],
) -> Result<(), EngineError> {
    let record = &entry.record;
    for mount in &record.mounts {
        if let Mount::Bind {
            source,
            create_source: true,
            ..
        } = mount
        {
            make_source(source)?;
        }
    }
    let mut volumes: Vec<(VolumeName, &Path)> = Vec::new();
    for mount in &record.mounts {
        if let Mount::Volume {
            name: Some(name),
            target,
            ..
        } = mount
        {
            volumes.push((name.parse()?, Path::new(target)));
        }
    }
    // All at once, and in one order: of two containers that share two volumes, neither may wait for the other's.
    volumes.sort();
    let mut locks: Vec<_> = volumes.iter().map(|(name, _)| name).collect();
    locks.dedup();
    let locks: Vec<_> = locks
        .into_iter()
        .map(|name| shared.volumes.lock_of(name))
        .collect();
    let _held: Vec<_> = locks.iter().map(|lock| held(lock)).collect();
    for (name, target) in &volumes {
        let is_anonymous = record.anonymous.iter().any(|other| other == name.as_str());
        shared.volumes.make(name, is_anonymous)?;
        // Who runs with it sees the folder that would be replaced.
        if !is_used_by_another(shared, entry, name) {
            shared.volumes.fill(name, &shared.store, layers, target)?;
        }
    }
    let mut prepared = shared.volumes.prepared();
    prepared.retain(|id| shared.table.is_live(id));
    prepared.insert(record.id.clone());
    Ok(())
}

/// As Docker's `-v` does: a folder, and the folders on the way, for everybody to read.
fn make_source(source: &str) -> Result<(), EngineError> {
    if fs::metadata(source).is_ok() {
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(source)
        .and_then(|()| fs::set_permissions(source, fs::Permissions::from_mode(0o755)))
        .map_err(|error| source_error(source, error))
}

/// Whether another container may have the volume mounted: one that runs, or whose volumes are ready for its start. One
/// that waits for the lock does not count; it will find the volume filled.
fn is_used_by_another(shared: &Shared, entry: &Entry, name: &VolumeName) -> bool {
    let prepared = shared.volumes.prepared();
    shared.table.entries().iter().any(|other| {
        let (id, state) = (&other.record.id, other.state());
        *id != entry.record.id
            && !is_final(&state.status)
            && (state.started.is_some() || prepared.contains(id))
            && uses(&other.record.mounts, name.as_str())
    })
}

/// Whether a volume is among the mounts.
pub(crate) fn uses(mounts: &[Mount], volume: &str) -> bool {
    mounts
        .iter()
        .any(|mount| matches!(mount, Mount::Volume { name, .. } if name.as_deref() == Some(volume)))
}

/// What the runtime is told: the engine's own files, and over them what was asked for.
pub(crate) fn for_runtime(
    own: Vec<Bind>,
    mounts: &[Mount],
    volumes: &Volumes,
) -> (Vec<Bind>, Vec<Tmpfs>) {
    let is_free = |bind: &Bind| {
        mounts
            .iter()
            .all(|mount| Path::new(mount.target()) != bind.destination)
    };
    let mut binds: Vec<Bind> = own.into_iter().filter(is_free).collect();
    let mut tmpfs = Vec::new();
    for mount in mounts {
        match mount {
            Mount::Bind {
                source,
                target,
                read_only,
                ..
            } => binds.push(Bind {
                source: source.into(),
                destination: target.into(),
                read_only: *read_only,
            }),
            Mount::Volume {
                name,
                target,
                read_only,
            } => {
                // Every volume of a record has a name, and was checked when it was written.
                let name = name.as_deref().and_then(|name| name.parse().ok());
                binds.extend(name.map(|name: VolumeName| Bind {
                    source: volumes.data(&name),
                    destination: target.into(),
                    read_only: *read_only,
                }));
            }
            Mount::Tmpfs {
                target,
                size_bytes,
                mode,
                uid,
                gid,
                read_only,
                exec,
            } => tmpfs.push(Tmpfs {
                destination: target.into(),
                size_bytes: *size_bytes,
                mode: *mode,
                owner: (*uid, *gid),
                read_only: *read_only,
                exec: *exec,
            }),
        }
    }
    (binds, tmpfs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(name: Option<&str>, target: &str) -> Mount {
        Mount::Volume {
            name: name.map(str::to_owned),
            target: target.to_owned(),
            read_only: false,
        }
    }

    fn bind(source: &str, target: &str) -> Mount {
        Mount::Bind {
            source: source.to_owned(),
            target: target.to_owned(),
            read_only: false,
            create_source: false,
        }
    }

    #[test]
    fn an_images_volumes_are_added_where_nothing_was_asked_for() {
        let image = ["/data/".to_owned(), "/var/lib/db".to_owned()];
        let merged = merge(vec![bind("/srv/./x/../db", "/var//lib/db")], &image).unwrap();
        assert_eq!(merged.mounts[0], bind("/srv/db", "/var/lib/db"));
        assert_eq!(merged.mounts[1].target(), "/data");
        assert_eq!(merged.mounts.len(), 2);
        assert_eq!(merged.anonymous.len(), 1);
        assert!(uses(&merged.mounts, &merged.anonymous[0]));
    }

    #[test]
    fn targets_are_places_of_the_image_each_named_once() {
        for bad in [
            "",
            "data",
            "/",
            "//",
            "/x/..",
            "/proc",
            "/proc/self",
            "/x/../proc/1",
            "/sys",
            "/sys/fs/cgroup",
            "/dev",
            "/dev/null",
            "/dev/pts/0",
            "/dev/estiva",
            "/a\0b",
        ] {
            let refused = merge(vec![volume(None, bad)], &[]).unwrap_err();
            assert_eq!(refused.code(), "bad-request", "{bad:?}");
            assert!(merge(Vec::new(), &[bad.to_owned()]).is_err(), "{bad:?}");
        }
        for good in ["/data", "/proc2", "/dev/shm", "/dev/log", "/..data/x"] {
            merge(vec![volume(Some("db"), good)], &[]).unwrap();
        }
        let twice = merge(vec![volume(None, "/a/b"), bind("/x", "/a/./b/")], &[]).unwrap_err();
        assert!(twice.to_string().contains("/a/b"), "{twice}");
    }

    #[test]
    fn sources_names_and_sizes_are_checked() {
        assert_eq!(
            merge(vec![bind("data", "/x")], &[]).unwrap_err().code(),
            "bad-request"
        );
        let bad_name = merge(vec![volume(Some("../x"), "/x")], &[]).unwrap_err();
        assert_eq!(bad_name.code(), "bad-volume-name");
        let tmpfs = |size_bytes, mode| Mount::Tmpfs {
            target: "/x".to_owned(),
            size_bytes,
            mode,
            uid: None,
            gid: None,
            read_only: false,
            exec: false,
        };
        assert!(merge(vec![tmpfs(Some(0), None)], &[]).is_err());
        assert!(merge(vec![tmpfs(Some(u64::MAX), None)], &[]).is_err());
        assert!(merge(vec![tmpfs(None, Some(0o10000))], &[]).is_err());
        merge(vec![tmpfs(Some(1), Some(0o1777))], &[]).unwrap();
    }

    #[test]
    fn an_image_of_ten_thousand_volumes_is_refused() {
        let image: Vec<String> = (0..10_000).map(|number| format!("/v{number}")).collect();
        assert_eq!(merge(Vec::new(), &image).unwrap_err().code(), "bad-request");
    }
}
