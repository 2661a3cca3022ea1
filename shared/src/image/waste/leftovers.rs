//! Places where builds leave what nothing needs at run time: caches of package managers, and archives that were unpacked.
//!
//! Names and places alone decide, by the table below, which `docs/inspect.md` repeats. A place that a program may read at run
//! time is not in it: Yarn's own `.yarn/cache` is what its Plug'n'Play loads modules from, and npm's `_npx` holds programs.

/// One place of one package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackageCache {
    /// Who leaves files there, such as `apt`.
    pub manager: &'static str,
    /// Where: names divided by `/`. A first `~` stands for `root` and for every folder of `home`, `*` for any part of one
    /// name, and a last `**` for all that lies below.
    pub pattern: &'static str,
}

const fn cache(manager: &'static str, pattern: &'static str) -> PackageCache {
    PackageCache { manager, pattern }
}

/// The places, by manager.
pub const PACKAGE_CACHES: &[PackageCache] = &[
    cache("apk", "var/cache/apk/**"),
    cache("apt", "var/cache/apt/*.bin"),
    cache("apt", "var/cache/apt/archives/*.deb"),
    cache("apt", "var/cache/apt/archives/partial/**"),
    cache("apt", "var/lib/apt/lists/**"),
    cache("cargo", "usr/local/cargo/git/checkouts/**"),
    cache("cargo", "usr/local/cargo/git/db/**"),
    cache("cargo", "usr/local/cargo/registry/cache/**"),
    cache("cargo", "usr/local/cargo/registry/index/**"),
    cache("cargo", "usr/local/cargo/registry/src/**"),
    cache("cargo", "~/.cargo/git/checkouts/**"),
    cache("cargo", "~/.cargo/git/db/**"),
    cache("cargo", "~/.cargo/registry/cache/**"),
    cache("cargo", "~/.cargo/registry/index/**"),
    cache("cargo", "~/.cargo/registry/src/**"),
    cache("dnf", "var/cache/dnf/**"),
    cache("dnf", "var/cache/libdnf5/**"),
    cache("go", "go/pkg/mod/cache/**"),
    cache("go", "~/.cache/go-build/**"),
    cache("go", "~/go/pkg/mod/cache/**"),
    cache("npm", "~/.npm/_cacache/**"),
    cache("npm", "~/.npm/_logs/**"),
    cache("pip", "~/.cache/pip/**"),
    cache("pnpm", "~/.cache/pnpm/**"),
    cache("pnpm", "~/.local/share/pnpm/store/*/files/**"),
    cache("pnpm", "~/.local/share/pnpm/store/*/index/**"),
    cache("yarn", "usr/local/share/.cache/yarn/**"),
    cache("yarn", "~/.cache/yarn/**"),
    cache("yum", "var/cache/yum/**"),
];

/// The cache that a path of an image (relative to its root) lies in.
#[must_use]
pub fn package_cache(path: &str) -> Option<&'static PackageCache> {
    // An image has a hundred thousand paths, and nearly none of them is looked at twice.
    let is_in_home = path.starts_with("root/") || path.starts_with("home/");
    let first = if is_in_home {
        Some(&b'~')
    } else {
        path.as_bytes().first()
    };
    PACKAGE_CACHES
        .iter()
        .filter(|cache| cache.pattern.as_bytes().first() == first)
        .find(|cache| cache.remains(path).is_some())
}

impl PackageCache {
    /// What a shell's `rm -rf` takes to remove all that lies where this path does, such as `/root/.cache/pip/*`; none where
    /// the path does not lie here.
    #[must_use]
    pub fn removal(&self, path: &str) -> Option<String> {
        let named = path.strip_suffix(self.remains(path)?)?;
        let end = match self.pattern.rsplit_once('/')?.1 {
            "**" => "*",
            names => names,
        };
        Some(format!("/{named}{end}"))
    }

    /// What of the path stands where the pattern's last name does; none where the path does not lie here.
    fn remains<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut rest = path;
        let mut names = self.pattern.split('/').peekable();
        if names.next_if_eq(&"~").is_some() {
            rest = match rest.strip_prefix("home/") {
                Some(homes) => homes.split_once('/')?.1,
                None => rest.strip_prefix("root/")?,
            };
        }
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                let fits = match name {
                    "**" => !rest.is_empty(),
                    name => !rest.contains('/') && is_named(rest, name),
                };
                return fits.then_some(rest);
            }
            let (first, after) = rest.split_once('/')?;
            if !is_named(first, name) {
                return None;
            }
            rest = after;
        }
        None
    }
}

/// Whether a name fits one of at most one `*`.
fn is_named(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

/// How the names of archives end, in lower case. Archives that programs run or load as they are (`.jar`, `.whl`) are none.
const ARCHIVE_ENDS: [&str; 19] = [
    ".7z",
    ".deb",
    ".rar",
    ".rpm",
    ".tar",
    ".tar.bz2",
    ".tar.gz",
    ".tar.lz",
    ".tar.lzma",
    ".tar.xz",
    ".tar.z",
    ".tar.zst",
    ".tbz",
    ".tbz2",
    ".tgz",
    ".tlz",
    ".txz",
    ".tzst",
    ".zip",
];

/// Folders of temporary files and of sources: an archive counts at any depth.
const PASSING_FOLDERS: [&str; 4] = ["tmp/", "var/tmp/", "usr/src/", "usr/local/src/"];

/// Whether a name is that of an archive.
#[must_use]
pub fn is_archive(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().as_bytes();
    ARCHIVE_ENDS.iter().any(|end| {
        // Longer than the ending: `.zip` alone is a name without one.
        name.len() > end.len()
            && name[name.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
    })
}

/// Whether a path (relative to the image's root) is an archive where builds leave them: anywhere below `/tmp`, `/var/tmp`,
/// `/usr/src` and `/usr/local/src`; directly in `/`, in `/root`, in a folder of `/home`, and in the working folder. Below
/// the working folder an archive may be the program's data, so it counts there only where it lies directly in it.
#[must_use]
pub fn is_leftover_archive(path: &str, working_dir: Option<&str>) -> bool {
    if !is_archive(path) {
        return false;
    }
    let folder = super::super::path::parent(path);
    let working_dir = working_dir.unwrap_or_default().trim_matches('/');
    if folder == working_dir {
        return true;
    }
    let in_working_dir = folder
        .strip_prefix(working_dir)
        .is_some_and(|below| !working_dir.is_empty() && below.starts_with('/'));
    if in_working_dir {
        return false;
    }
    let is_home = folder == "root"
        || folder
            .strip_prefix("home/")
            .is_some_and(|name| !name.contains('/'));
    folder.is_empty()
        || is_home
        || PASSING_FOLDERS
            .iter()
            .any(|passing| path.starts_with(passing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_are_told_by_their_places() {
        for (path, found) in [
            (
                "var/lib/apt/lists/deb.debian.org_Packages",
                Some(("apt", "/var/lib/apt/lists/*")),
            ),
            (
                "var/lib/apt/lists/partial/x",
                Some(("apt", "/var/lib/apt/lists/*")),
            ),
            (
                "var/cache/apt/archives/curl_8_amd64.deb",
                Some(("apt", "/var/cache/apt/archives/*.deb")),
            ),
            (
                "var/cache/apt/pkgcache.bin",
                Some(("apt", "/var/cache/apt/*.bin")),
            ),
            ("var/cache/apt/archives/lock", None),
            (
                "var/cache/apk/APKINDEX.1.tar.gz",
                Some(("apk", "/var/cache/apk/*")),
            ),
            (
                "root/.cache/pip/http/a/b",
                Some(("pip", "/root/.cache/pip/*")),
            ),
            (
                "home/node/.npm/_cacache/index",
                Some(("npm", "/home/node/.npm/_cacache/*")),
            ),
            ("home/.npm/_cacache/index", None),
            ("root/.npm/_npx/1/index.js", None),
            (
                "root/.local/share/pnpm/store/v3/files/00/1",
                Some(("pnpm", "/root/.local/share/pnpm/store/v3/files/*")),
            ),
            ("root/.local/share/pnpm/store/v10/links/x", None),
            (
                "usr/local/cargo/registry/src/index/serde/lib.rs",
                Some(("cargo", "/usr/local/cargo/registry/src/*")),
            ),
            ("usr/local/cargo/bin/cargo", None),
            (
                "go/pkg/mod/cache/download/x.zip",
                Some(("go", "/go/pkg/mod/cache/*")),
            ),
            (
                "var/cache/yum/x/repomd.xml",
                Some(("yum", "/var/cache/yum/*")),
            ),
            ("app/.yarn/cache/x.zip", None),
            ("srv/var/lib/apt/lists/x", None),
            ("var/lib/apt/lists", None),
            ("", None),
        ] {
            let cache = package_cache(path);
            let told = cache.map(|cache| (cache.manager, cache.removal(path).unwrap()));
            let told = told
                .as_ref()
                .map(|(manager, removal)| (*manager, removal.as_str()));
            assert_eq!(told, found, "{path}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_names_each_place_once() {
        assert!(PACKAGE_CACHES.is_sorted_by_key(|cache| (
            cache.manager,
            cache.pattern.starts_with('~'),
            cache.pattern
        )));
        assert!(
            PACKAGE_CACHES
                .iter()
                .all(|cache| cache.pattern.matches('*').count() < 4)
        );
    }

    #[test]
    fn archives_are_leftovers_where_builds_work() {
        for (path, working_dir, leftover) in [
            ("tmp/a.tar.gz", None, true),
            ("tmp/deep/er/A.TGZ", None, true),
            ("usr/src/php.tar.xz", Some("/var/www"), true),
            ("root/a.zip", None, true),
            ("root/data/a.zip", None, false),
            ("home/app/a.zip", None, true),
            ("home/a.zip", None, false),
            ("a.tar", None, true),
            ("app/a.tar", Some("/app/"), true),
            ("app/a.tar", None, false),
            (
                "usr/src/app/node_modules/x/fixture.tgz",
                Some("/usr/src/app"),
                false,
            ),
            ("usr/src/app/a.tgz", Some("/usr/src/app"), true),
            ("usr/src/application/x/a.tgz", Some("/usr/src/app"), true),
            ("tmp/a.jar", None, false),
            ("tmp/.zip", None, false),
            ("tmp/zip", None, false),
            ("tmp", None, false),
        ] {
            assert_eq!(
                is_leftover_archive(path, working_dir),
                leftover,
                "{path} {working_dir:?}"
            );
        }
    }
}
