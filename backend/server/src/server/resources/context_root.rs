//! Folders under the server's `--context-root`, to pick a build's context from. Every path is walked beneath it.

use std::os::fd::{AsFd, OwnedFd};

use axum::Json;
use axum::extract::{Query, State};
use estiva_shared::protocol::ContextFolder;
use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, openat2};
use serde::Deserialize;

use super::Of;
use crate::server::error::{ApiError, ApiResult};
use crate::server::services::blocking;

/// Folders and Dockerfiles that are listed of one folder: more can't be picked from by eye.
const LISTED_MAX: usize = 2_000;

/// The query.
#[derive(Deserialize)]
pub(in crate::server) struct FolderQuery {
    #[serde(default)]
    path: String,
}

/// `GET /api/v1/context-root?path=`
pub(in crate::server) async fn list(
    State(services): Of,
    Query(query): Query<FolderQuery>,
) -> ApiResult<Json<ContextFolder>> {
    let folder = blocking(move || {
        let root = services.context_root.as_ref().ok_or_else(no_root)?;
        read(&pick(root, &query.path)?, query.path)
    })
    .await?;
    Ok(Json(folder))
}

/// Opens a folder beneath the root, for a build.
///
/// # Errors
/// If it leads out of the root, or is no folder.
pub(in crate::server) fn pick(root: impl AsFd, path: &str) -> ApiResult<OwnedFd> {
    let path = if path.is_empty() { "." } else { path };
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, flags, Mode::empty(), resolve).map_err(|error| {
        let shown = estiva_shared::text::escape_name(path);
        ApiError::bad_request(
            "bad-context",
            format_args!("expected a folder under the context root, but found: {shown}: {error}"),
        )
    })
}

/// The answer where the server was started without `--context-root`.
pub(in crate::server) fn no_root() -> ApiError {
    ApiError::not_found("no-context-root", "this server has no context root").hint(Some(
        "start it with: estiva serve --context-root DIR".to_owned(),
    ))
}

fn read(folder: &OwnedFd, path: String) -> ApiResult<ContextFolder> {
    let fault = |error: rustix::io::Errno| {
        ApiError::internal(format_args!("can't read the folder: {error}"))
    };
    let mut found = ContextFolder {
        path,
        folders: Vec::new(),
        dockerfiles: Vec::new(),
    };
    for entry in Dir::read_from(folder).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        match entry.file_type() {
            FileType::Directory if name != "." && name != ".." => {
                found.folders.push(name.to_owned())
            }
            FileType::RegularFile
                if name.contains("Dockerfile") || name.contains("Containerfile") =>
            {
                found.dockerfiles.push(name.to_owned());
            }
            _ => {}
        }
        if found.folders.len() + found.dockerfiles.len() >= LISTED_MAX {
            break;
        }
    }
    found.folders.sort();
    found.dockerfiles.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_folder_is_picked_beneath_the_root_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("root/app")).unwrap();
        fs::create_dir(folder.path().join("secret")).unwrap();
        fs::write(folder.path().join("root/app/Dockerfile"), "").unwrap();
        std::os::unix::fs::symlink("../../secret", folder.path().join("root/app/out")).unwrap();
        let root = OwnedFd::from(fs::File::open(folder.path().join("root")).unwrap());
        let listed = read(&pick(&root, "app").unwrap(), "app".to_owned()).unwrap();
        assert_eq!(
            (listed.folders, listed.dockerfiles),
            (vec![], vec!["Dockerfile".to_owned()])
        );
        assert_eq!(
            read(&pick(&root, "").unwrap(), String::new())
                .unwrap()
                .folders,
            ["app"]
        );
        for outside in [
            "..",
            "/",
            "app/../..",
            "app/out",
            "missing",
            "app/Dockerfile",
            "/proc/self",
        ] {
            assert!(pick(&root, outside).is_err(), "{outside}");
        }
    }
}
