//! The files of any tar are a folder of images or an error; what is shown is what the tar itself shows.
#![no_main]

use std::collections::BTreeMap;
use std::io::Read;

use estiva_shared::image::{
    Folder, FolderError, Limits, Listed, ReadAt, Subject, TarKind, TarReader, inspect_some, inspect_within,
    normalise,
};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    entries: 1000,
    name_bytes: 1 << 20,
    uncompressed_bytes: 16 << 20,
    shown_bytes: 64 << 20,
};

struct Memory(BTreeMap<String, Vec<u8>>);

impl Folder for Memory {
    fn open(&self, path: &str) -> Result<Option<Box<dyn ReadAt + '_>>, FolderError> {
        let file = self.0.get(path);
        Ok(file.map(|bytes| Box::new(bytes.clone()) as Box<dyn ReadAt>))
    }

    fn describe(&self) -> String {
        "a folder".to_owned()
    }
}

/// The plain files of a tar; none where it has links, which a folder of bytes has not, or can't be read to its end.
fn unpacked(archive: &[u8]) -> Option<Memory> {
    let mut files = BTreeMap::new();
    let mut reader = TarReader::new(archive);
    while let Some(entry) = reader.next_entry().ok()? {
        match entry.kind {
            TarKind::File => {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).ok()?;
                files.insert(normalise(&entry.path).path, bytes);
            }
            TarKind::Symlink | TarKind::Hardlink => return None,
            _ => {}
        }
    }
    Some(Memory(files))
}

fuzz_target!(|bytes: &[u8]| {
    let Some(folder) = unpacked(bytes) else {
        return;
    };
    let mut all = |images: &[Listed]| (0..images.len()).collect();
    let shown = inspect_some(Subject::Folder(&folder), &LIMITS, &mut all, &mut |_| true);
    let packed = inspect_within(&bytes.to_vec(), &LIMITS, &mut |_| true);
    if let (Ok(shown), Ok(packed)) = (shown, packed) {
        assert_eq!(shown, packed);
    }
});
