//! A base image without a registry: the host's static busybox, with a link for each of its applets.
//!
//! The program must be static, because nothing else of the host goes into the image. All times are 1970 and all entries
//! are sorted, so that the same program gives the same image anywhere.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use estiva_shared::image::Reference;
use oci_spec::image::{
    ConfigBuilder, HistoryBuilder, ImageConfiguration, ImageConfigurationBuilder,
};

use super::BaseError;
use crate::error::StoreError;
use crate::images::ImageRecord;
use crate::store::Store;
use crate::tar_writer::{Header, TarWriter, Type};

/// The name that the image gets.
const NAME: &str = "busybox:latest";

/// When the image says it was made.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// Docker's own default.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The most bytes that the program may have: Debian's has 2 MB.
const PROGRAM_BYTES_MAX: u64 = 64 << 20;

/// The most applets that a busybox may have: there are about 400 in all.
const APPLETS_MAX: usize = 2_000;

/// Folders, with their modes.
const FOLDERS: [(&str, u32); 14] = [
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("sbin", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("usr/sbin", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
];

/// Files, with their content.
const FILES: [(&str, &str); 3] = [
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    ),
    ("etc/shells", "/bin/sh\n"),
];

impl Store {
    /// Makes `busybox:latest` from a static busybox, which is run once, to list its applets. The same program gives
    /// the same image, in any store.
    ///
    /// # Errors
    /// [`BaseError`] where it is missing, not static, or doesn't answer `--list`; and any fault of the store.
    pub fn base_busybox(&self, program: &Path) -> Result<ImageRecord, StoreError> {
        let bytes = read_program(program)?;
        check_static(&bytes, program)?;
        let applets = applets(program)?;
        let tar = layer(&bytes, &applets).map_err(|source| BaseError::Read {
            path: program.to_owned(),
            source,
        })?;
        let _hold = self.hold();
        let record = self.import_layer(&mut &tar[..], None)?;
        let image = self.create_image(&config(), &[record.diff_id])?;
        let name: Reference = NAME.parse().map_err(|_| StoreError::BadRow {
            expected: "an image's name",
            found: NAME.to_owned(),
        })?;
        self.tag(&name, &image.id)?;
        self.resolve(NAME)
    }
}

fn read_program(path: &Path) -> Result<Vec<u8>, BaseError> {
    let fault = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => BaseError::Missing {
            path: path.to_owned(),
        },
        _ => BaseError::Read {
            path: path.to_owned(),
            source,
        },
    };
    let metadata = fs::metadata(path).map_err(fault)?;
    if !metadata.is_file() || metadata.len() > PROGRAM_BYTES_MAX {
        return Err(BaseError::NotAProgram {
            path: path.to_owned(),
            found: "something else, or a file of more than 64 MiB",
        });
    }
    fs::read(path).map_err(fault)
}

/// Looks for a program header of type `PT_INTERP` (System V ABI, "Program Header"): it names the dynamic loader.
fn check_static(bytes: &[u8], path: &Path) -> Result<(), BaseError> {
    let other = |found| BaseError::NotAProgram {
        path: path.to_owned(),
        found,
    };
    if !bytes.starts_with(b"\x7fELF") {
        return Err(other("no ELF file"));
    }
    let interpreter = match (bytes.get(4), bytes.get(5)) {
        (Some(2), Some(1)) => has_interpreter(bytes, (32, 8), (54, 56)),
        (Some(1), Some(1)) => has_interpreter(bytes, (28, 4), (42, 44)),
        _ => return Err(other("an ELF file of another byte order")),
    };
    match interpreter {
        Some(false) => Ok(()),
        Some(true) => Err(BaseError::Dynamic {
            path: path.to_owned(),
        }),
        None => Err(other("an ELF file that is cut off")),
    }
}

/// Whether any program header says `PT_INTERP`. `table` is where the header keeps the table's offset, and that
/// field's bytes; `sizes` where it keeps an entry's bytes and their number. None where the file ends too early.
fn has_interpreter(bytes: &[u8], table: (usize, usize), sizes: (usize, usize)) -> Option<bool> {
    const PT_INTERP: usize = 3;
    let number = |at: usize, length: usize| -> Option<usize> {
        let field = bytes.get(at..at.checked_add(length)?)?;
        let value = field
            .iter()
            .rev()
            .fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        usize::try_from(value).ok()
    };
    let offset = number(table.0, table.1)?;
    let (entry_bytes, count) = (number(sizes.0, 2)?, number(sizes.1, 2)?);
    for entry in 0..count {
        let at = offset.checked_add(entry.checked_mul(entry_bytes)?)?;
        if number(at, 4)? == PT_INTERP {
            return Some(true);
        }
    }
    Some(false)
}

fn applets(program: &Path) -> Result<Vec<String>, BaseError> {
    let wrong = |found: String| BaseError::NoApplets {
        path: program.to_owned(),
        found,
    };
    let output = Command::new(program)
        .arg0("busybox")
        .arg("--list")
        .env_clear()
        .output()
        .map_err(|error| wrong(error.to_string()))?;
    if !output.status.success() {
        return Err(wrong(output.status.to_string()));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| wrong("other bytes".to_owned()))?;
    let mut applets: Vec<String> = text
        .lines()
        .filter(|name| *name != "busybox")
        .map(str::to_owned)
        .collect();
    applets.sort_unstable();
    applets.dedup();
    let is_name = |name: &String| {
        !name.is_empty()
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'/')
    };
    if let Some(bad) = applets.iter().find(|name| !is_name(name)) {
        return Err(wrong(format!("the name {bad:?}")));
    }
    if applets.len() > APPLETS_MAX || !applets.iter().any(|name| name == "sh") {
        return Err(wrong(format!(
            "{} names, sh not always among them",
            applets.len()
        )));
    }
    Ok(applets)
}

/// The image's only layer.
fn layer(program: &[u8], applets: &[String]) -> io::Result<Vec<u8>> {
    let mut tar = TarWriter::new(Vec::with_capacity(program.len() + (1 << 20)));
    let folder = |tar: &mut TarWriter<Vec<u8>>, (path, mode): (&str, u32)| {
        let mut header = Header::new(Type::Folder, path.as_bytes());
        header.mode = mode;
        tar.entry(&header)
    };
    let file = |tar: &mut TarWriter<Vec<u8>>, path: &str, mode, mut content: &[u8]| {
        let mut header = Header::new(Type::File, path.as_bytes());
        header.mode = mode;
        header.size = content.len() as u64;
        tar.file(&header, &mut content, &mut |_| Ok(()))
    };
    let link = |tar: &mut TarWriter<Vec<u8>>, path: &str, target: &str| {
        let mut header = Header::new(Type::Symlink, path.as_bytes());
        header.mode = 0o777;
        header.link = target.as_bytes();
        tar.entry(&header)
    };
    for each in FOLDERS {
        folder(&mut tar, each)?;
    }
    file(&mut tar, "bin/busybox", 0o755, program)?;
    for applet in applets {
        link(&mut tar, &format!("bin/{applet}"), "busybox")?;
    }
    for (path, content) in FILES {
        file(&mut tar, path, 0o644, content.as_bytes())?;
    }
    // Where scripts of every kind look for it.
    link(&mut tar, "usr/bin/env", "../../bin/busybox")?;
    tar.finish()
}

fn config() -> ImageConfiguration {
    let built = "every field has a default";
    let container = ConfigBuilder::default()
        .env([PATH.to_owned()])
        .cmd(["sh".to_owned()])
        .build()
        .expect(built);
    let history = HistoryBuilder::default()
        .created(CREATED)
        // In a Dockerfile's words, so that the inspector and a report can show it as an instruction.
        .created_by("ADD busybox-static /")
        .comment("estiva base busybox")
        .build()
        .expect(built);
    ImageConfigurationBuilder::default()
        .created(CREATED)
        .config(container)
        .history([history])
        .build()
        .expect(built)
}
