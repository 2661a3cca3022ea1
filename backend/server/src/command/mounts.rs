//! The words of `-v`, `--mount` and `--tmpfs`, read as Docker reads them, and the lines of an `--env-file`.
//!
//! What Docker has and Estiva hasn't (propagation, SELinux labels, drivers) is refused by name: a mount that is another
//! one than was asked for would be found out late.

use std::path::{Path, PathBuf};

use estiva_shared::protocol::Mount;

use super::options;
use crate::failure::{Failure, at};

/// The most bytes of a file of variables: more than a request can carry.
const ENV_FILE_BYTES_MAX: u64 = 1 << 20;

const NO_PROPAGATION: &str =
    "propagation can't be chosen: mounts of the host's come and go without the container";
const NO_LABELS: &str = "SELinux labels are not built: the files keep the labels that they have";
const NO_DRIVERS: &str = "volume drivers are not built: a volume is a folder of this root";
const NO_NOCOPY: &str = "a new volume begins with what the image has at its place; mount a folder that is empty instead";

/// `SOURCE:TARGET[:OPTIONS]`, `NAME:TARGET[:OPTIONS]`, or `TARGET` alone.
///
/// # Errors
/// What was expected, or which option is not built.
pub(super) fn volume(text: &str) -> Result<Mount, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, words) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, words] => (Some(*source), *target, *words),
        _ => return Err(format!("expected SOURCE:TARGET[:ro], but found: {text}")),
    };
    let mut read_only = false;
    for word in words.split(',').filter(|word| !word.is_empty()) {
        match word {
            "ro" | "readonly" => read_only = true,
            "rw" => read_only = false,
            // What every mount is here, and what only Docker on a Mac asks for.
            "private" | "rprivate" | "consistent" | "cached" | "delegated" => {}
            "shared" | "slave" | "rshared" | "rslave" => {
                return Err(format!("{word}: {NO_PROPAGATION}"));
            }
            "z" | "Z" => return Err(format!("{word}: {NO_LABELS}")),
            "nocopy" => return Err(format!("{word}: {NO_NOCOPY}")),
            _ => {
                return Err(format!(
                    "expected ro or rw after the second colon, but found: {word}"
                ));
            }
        }
    }
    let target = absolute_target(target)?;
    match source {
        None => Ok(Mount::Volume {
            name: None,
            target,
            read_only,
        }),
        Some("") => Err(format!(
            "expected SOURCE:TARGET, but found no SOURCE: {text}"
        )),
        Some(source) if is_path(source) => Ok(Mount::Bind {
            source: absolute(source)?,
            target,
            read_only,
            create_source: true,
        }),
        Some(name) if name.contains('/') => Err(format!(
            "expected a volume's name or a path, but found: {name}; a path from this folder is written ./{name}"
        )),
        Some(name) => Ok(Mount::Volume {
            name: Some(name.to_owned()),
            target,
            read_only,
        }),
    }
}

/// Docker takes for a path what begins with `/` or `.`; all else is a volume's name.
fn is_path(source: &str) -> bool {
    source.starts_with('/')
        || source == "."
        || source == ".."
        || source.starts_with("./")
        || source.starts_with("../")
}

/// A path of the caller's, as the server would see it: what is relative counts from the caller's folder.
fn absolute(path: &str) -> Result<String, String> {
    std::path::absolute(path)
        .map_err(|error| format!("can't tell where {path} is: {error}"))?
        .into_os_string()
        .into_string()
        .map_err(|path| format!("expected a path in UTF-8, but found: {}", path.display()))
}

fn absolute_target(target: &str) -> Result<String, String> {
    if target.starts_with('/') {
        return Ok(target.to_owned());
    }
    Err(format!(
        "expected an absolute path in the container, but found: {target}"
    ))
}

/// What `--mount` says so far.
#[derive(Default)]
struct Words {
    kind: Option<String>,
    source: Option<String>,
    target: Option<String>,
    read_only: bool,
    size_bytes: Option<u64>,
    mode: Option<u32>,
}

/// `type=bind|volume|tmpfs,source=…,target=…[,readonly]…`, comma-separated as in a file of values: a field with a comma
/// stands in double quotes.
///
/// # Errors
/// What was expected, or which key is not built.
pub(super) fn mount(text: &str) -> Result<Mount, String> {
    let mut words = Words::default();
    for field in fields(text)? {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key.to_ascii_lowercase(), Some(value)),
            None => (field.to_ascii_lowercase(), None),
        };
        words.take(&key, value)?;
    }
    words.mount(text)
}

impl Words {
    fn take(&mut self, key: &str, value: Option<&str>) -> Result<(), String> {
        let given = || {
            value
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
                .ok_or_else(|| format!("expected {key}=VALUE, but found no value"))
        };
        match key {
            "type" => self.kind = Some(given()?.to_ascii_lowercase()),
            "source" | "src" => self.source = Some(given()?),
            "target" | "dst" | "destination" => self.target = Some(given()?),
            "readonly" | "ro" => self.read_only = truth(key, value)?,
            "tmpfs-size" => self.size_bytes = Some(options::bytes(&given()?)?),
            "tmpfs-mode" => self.mode = Some(octal(&given()?)?),
            "consistency" => {}
            "bind-propagation" if matches!(value, Some("private" | "rprivate")) => {}
            "bind-recursive" if matches!(value, Some("enabled" | "readonly")) => {}
            "bind-propagation" => return Err(format!("{key}: {NO_PROPAGATION}")),
            "bind-nonrecursive" | "bind-recursive" => {
                return Err(format!(
                    "{key}: what is mounted below the source comes with it, read-only where that is"
                ));
            }
            "volume-nocopy" if matches!(value, Some("false" | "0")) => {}
            "volume-nocopy" => return Err(format!("{key}: {NO_NOCOPY}")),
            "volume-driver" | "volume-opt" => return Err(format!("{key}: {NO_DRIVERS}")),
            "volume-label" => return Err(format!("{key}: labels of volumes are not built")),
            "volume-subpath" | "image-subpath" => {
                return Err(format!(
                    "{key}: a part of a volume can't be mounted; mount all of it"
                ));
            }
            "tmpfs-opt" | "tmpfs-options" => {
                return Err(format!("{key}: use --tmpfs TARGET:OPTIONS"));
            }
            _ => {
                return Err(format!(
                    "expected type, source, target, readonly, tmpfs-size or tmpfs-mode, but found: {key}"
                ));
            }
        }
        Ok(())
    }

    fn mount(self, text: &str) -> Result<Mount, String> {
        let kind = self.kind.as_deref().unwrap_or("volume");
        let target = self
            .target
            .as_deref()
            .ok_or_else(|| format!("expected target=PATH, but found none: {text}"))?;
        let target = absolute_target(target)?;
        if kind != "tmpfs" && (self.size_bytes.is_some() || self.mode.is_some()) {
            return Err(format!(
                "tmpfs-size and tmpfs-mode are for type=tmpfs, and not for type={kind}"
            ));
        }
        match (kind, self.source) {
            ("bind", Some(source)) => Ok(Mount::Bind {
                source: absolute(&source)?,
                target,
                read_only: self.read_only,
                create_source: false,
            }),
            ("bind", None) => Err(format!(
                "expected source=PATH of a bind, but found none: {text}"
            )),
            ("volume", Some(source)) if source.contains('/') => Err(format!(
                "expected a volume's name as source, but found: {source}; a folder of the host is type=bind"
            )),
            ("volume", name) => Ok(Mount::Volume {
                name,
                target,
                read_only: self.read_only,
            }),
            ("tmpfs", None) => Ok(Mount::Tmpfs {
                target,
                size_bytes: self.size_bytes,
                mode: self.mode,
                uid: None,
                gid: None,
                read_only: self.read_only,
                exec: false,
            }),
            ("tmpfs", Some(source)) => Err(format!(
                "expected no source of a tmpfs, but found: {source}"
            )),
            (other, _) => Err(format!(
                "expected type bind, volume or tmpfs, but found: {other}"
            )),
        }
    }
}

/// The fields of a line of comma-separated values (RFC 4180, section 2): one in double quotes may hold commas, and a
/// quote written twice.
fn fields(text: &str) -> Result<Vec<String>, String> {
    let unclosed = || format!("expected a closing quote, but found none: {text}");
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(mut quoted) => {
                let mut field = String::new();
                loop {
                    let (part, after) = quoted.split_once('"').ok_or_else(unclosed)?;
                    field.push_str(part);
                    match after.strip_prefix('"') {
                        Some(more) => {
                            field.push('"');
                            quoted = more;
                        }
                        None => break (field, after),
                    }
                }
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(fields),
            None => {
                return Err(format!(
                    "expected a comma after the quote, but found: {after}"
                ));
            }
        }
    }
}

fn truth(key: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        None | Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => Err(format!(
            "expected {key}=true or {key}=false, but found: {other}"
        )),
    }
}

fn octal(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777)
        .ok_or_else(|| format!("expected an octal mode, such as 1777, but found: {text}"))
}

/// `TARGET[:OPTIONS]`, its options those of mount(8) for tmpfs.
///
/// # Errors
/// What was expected, or which option is not built.
pub(super) fn tmpfs(text: &str) -> Result<Mount, String> {
    let (target, words) = text.split_once(':').unwrap_or((text, ""));
    let (mut size, mut fs_mode, mut owner, mut group) = (None, None, None, None);
    let (mut is_read_only, mut runs) = (false, false);
    let number = |text: &str| {
        text.parse::<u32>()
            .map_err(|_| format!("expected a number of a user or group, but found: {text}"))
    };
    for word in words.split(',').filter(|word| !word.is_empty()) {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "ro" => is_read_only = true,
            "rw" => is_read_only = false,
            "exec" => runs = true,
            "noexec" => runs = false,
            "nosuid" | "nodev" | "relatime" | "private" | "rprivate" => {}
            "size" => size = Some(options::bytes(value)?),
            "mode" => fs_mode = Some(octal(value)?),
            "uid" => owner = Some(number(value)?),
            "gid" => group = Some(number(value)?),
            "suid" | "dev" => {
                return Err(format!(
                    "{key}: in a folder in memory, set-user-ID programs gain nothing and devices don't open"
                ));
            }
            _ => {
                return Err(format!(
                    "expected size, mode, uid, gid, ro, rw, exec or noexec, but found: {word}"
                ));
            }
        }
    }
    Ok(Mount::Tmpfs {
        target: absolute_target(target)?,
        size_bytes: size,
        mode: fs_mode,
        uid: owner,
        gid: group,
        read_only: is_read_only,
        exec: runs,
    })
}

/// The variables of files, in order, as Docker reads them: a line is `KEY=VALUE`, or `KEY` for the value that this
/// command's own environment has; quotes are part of a value; `#` begins a line that says nothing.
///
/// # Errors
/// A file that can't be read, or the first line that is neither.
pub(super) fn env_files(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let mut variables = Vec::new();
    for path in paths {
        variables.extend(env_file(path)?);
    }
    Ok(variables)
}

fn env_file(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(at("open", path))?;
    file.take(ENV_FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(at("read", path))?;
    if bytes.len() as u64 > ENV_FILE_BYTES_MAX {
        return Err(Failure::new(format_args!(
            "expected a file of variables of at most 1 MiB, but found more: {}",
            path.display()
        )));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut words = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let bad = |what: &str| {
            let number = index + 1;
            Failure::new(format_args!("{}:{number}: {what}", path.display()))
        };
        let line = std::str::from_utf8(line).map_err(|_| bad("expected text in UTF-8"))?;
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = line.split('=').next().unwrap_or_default();
        if key.is_empty() {
            return Err(bad(&format!(
                "expected KEY=VALUE or KEY, but found no KEY: {line}"
            )));
        }
        if key.contains(char::is_whitespace) {
            return Err(bad(&format!(
                "expected a KEY without spaces, but found: {key}"
            )));
        }
        if line.contains('\0') {
            return Err(bad("expected text without a NUL"));
        }
        words.push(line.to_owned());
    }
    Ok(options::variables(&words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(mount: Result<Mount, String>) -> String {
        match mount {
            Ok(Mount::Bind {
                source,
                target,
                read_only,
                create_source,
            }) => format!("bind {source} {target} ro={read_only} make={create_source}"),
            Ok(Mount::Volume {
                name,
                target,
                read_only,
            }) => format!(
                "volume {} {target} ro={read_only}",
                name.unwrap_or_default()
            ),
            Ok(Mount::Tmpfs {
                target,
                size_bytes,
                mode,
                uid,
                read_only,
                exec,
                ..
            }) => {
                format!("tmpfs {target} {size_bytes:?} {mode:?} {uid:?} ro={read_only} exec={exec}")
            }
            Err(error) => format!("refused: {error}"),
        }
    }

    #[test]
    fn volumes_are_read_as_docker_reads_them() {
        let here = std::env::current_dir().unwrap().display().to_string();
        for (text, expected) in [
            ("/srv:/data", "bind /srv /data ro=false make=true"),
            ("/srv:/data:ro", "bind /srv /data ro=true make=true"),
            (
                "./a:/data",
                &format!("bind {here}/a /data ro=false make=true"),
            ),
            (
                ".:/data:rw,cached",
                &format!("bind {here} /data ro=false make=true"),
            ),
            ("db:/data", "volume db /data ro=false"),
            ("db:/data:ro", "volume db /data ro=true"),
            ("/data", "volume  /data ro=false"),
        ] {
            assert_eq!(shown(volume(text)), expected, "{text}");
        }
        for (text, word) in [
            ("a/b:/x", "./a/b"),
            (":/x", "SOURCE"),
            ("db:x", "absolute"),
            ("/x:ro", "absolute"),
            ("", "absolute"),
            ("/a:/b:/c", "ro or rw"),
            ("/a:/b:ro:x", "SOURCE:TARGET"),
            ("/a:/b:z", "SELinux"),
            ("/a:/b:rshared", "propagation"),
            ("db:/b:nocopy", "nocopy"),
        ] {
            let refusal = volume(text).unwrap_err();
            assert!(refusal.contains(word), "{text}: {refusal}");
        }
    }

    #[test]
    fn mounts_are_comma_separated_values() {
        for (text, expected) in [
            (
                "type=bind,source=/srv,target=/data,readonly",
                "bind /srv /data ro=true make=false",
            ),
            (
                "type=bind,src=/srv,dst=/data,ro=false",
                "bind /srv /data ro=false make=false",
            ),
            ("source=db,destination=/data", "volume db /data ro=false"),
            ("target=/data", "volume  /data ro=false"),
            (
                "type=bind,\"source=/a,\"\"b\",target=/x",
                "bind /a,\"b /x ro=false make=false",
            ),
            (
                "type=tmpfs,target=/x,tmpfs-size=1m,tmpfs-mode=0700",
                "tmpfs /x Some(1048576) Some(448) None ro=false exec=false",
            ),
        ] {
            assert_eq!(shown(mount(text)), expected, "{text}");
        }
        for (text, word) in [
            ("type=bind,target=/x", "source"),
            ("type=bind,source=/x", "target"),
            ("type=npipe,source=a,target=/x", "npipe"),
            ("type=volume,source=/x,target=/y", "type=bind"),
            ("type=tmpfs,source=/x,target=/y", "no source"),
            ("type=bind,source=/x,target=/y,tmpfs-size=1", "tmpfs-size"),
            ("type=tmpfs,target=/y,tmpfs-mode=9", "octal"),
            ("target=/y,volume-driver=nfs", "drivers"),
            ("target=/y,bind-propagation=shared", "propagation"),
            ("target=/y,readonly=perhaps", "perhaps"),
            ("target=/y,colour=red", "colour"),
            ("\"target=/y", "quote"),
            ("target", "VALUE"),
            ("", "expected type"),
        ] {
            let refusal = mount(text).unwrap_err();
            assert!(refusal.contains(word), "{text}: {refusal}");
        }
    }

    #[test]
    fn folders_in_memory_take_mounts_own_words() {
        assert_eq!(
            shown(tmpfs("/run:rw,noexec,nosuid,size=65536k,mode=1777,uid=7")),
            "tmpfs /run Some(67108864) Some(1023) Some(7) ro=false exec=false"
        );
        assert_eq!(
            shown(tmpfs("/run:exec,ro")),
            "tmpfs /run None None None ro=true exec=true"
        );
        for (text, word) in [
            ("run", "absolute"),
            ("/x:suid", "set-user-ID"),
            ("/x:huge=1", "huge"),
        ] {
            let refusal = tmpfs(text).unwrap_err();
            assert!(refusal.contains(word), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_file_of_variables_is_read_as_docker_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        let text = "\u{feff}A=1\r\n# no\n\n  B=\"x\" = y \nPATH\nESTIVA_SURELY_NOT_SET\nEMPTY=";
        std::fs::write(&path, text).unwrap();
        let read = env_files(std::slice::from_ref(&path)).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read[..2], [pair("A", "1"), pair("B", "\"x\" = y ")]);
        assert_eq!((read[2].0.as_str(), &read[3]), ("PATH", &pair("EMPTY", "")));
        assert_eq!(read.len(), 4);
        for (text, place) in [
            ("A=1\n=x", ":2:"),
            ("A B=1", ":1:"),
            ("A=1\n\nB\0=1", ":3:"),
        ] {
            std::fs::write(&path, text).unwrap();
            let refusal = env_files(std::slice::from_ref(&path)).unwrap_err();
            assert!(refusal.message.contains(place), "{}", refusal.message);
        }
        std::fs::write(&path, [b'A', b'=', 0xff]).unwrap();
        assert!(env_files(&[path]).is_err());
        assert!(env_files(&[folder.path().join("none")]).is_err());
    }
}
