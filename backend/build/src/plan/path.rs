//! Paths as the Dockerfile writes them: text, cleaned without looking at any file system, as Go's `path.Join` does.

/// `path`, absolute: relative to `folder` where it doesn't begin with `/`; without `.`, `..` and doubled slashes.
/// `..` at the root stays at the root.
pub(super) fn absolute(folder: &str, path: &str) -> String {
    let joined = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{folder}/{path}")
    };
    format!("/{}", parts(&joined).join("/"))
}

/// `path` as relative to the root of a context or stage: clean, without a leading slash; empty is the root itself.
pub(super) fn relative(path: &str) -> String {
    parts(path).join("/")
}

fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_follow_the_folder_and_never_leave_the_root() {
        for (folder, path, expected) in [
            ("/", "app", "/app"),
            ("/app", "src", "/app/src"),
            ("/app", "/srv", "/srv"),
            ("/app", "../srv/./x//y/", "/srv/x/y"),
            ("/app", "../../../etc", "/etc"),
            ("/app", ".", "/app"),
        ] {
            assert_eq!(absolute(folder, path), expected, "{folder} {path}");
        }
        assert_eq!(relative("../../etc/passwd"), "etc/passwd");
        assert_eq!(relative("./"), "");
    }
}
