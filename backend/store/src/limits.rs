//! Every limit of the store, each with the reason for its number. What comes from an archive is measured against these.

/// The most bytes that one layer's tar may have, uncompressed: 128 GiB. The largest layers in use, of machine-learning
/// images, are below 20 GiB; gzip turns 128 GiB of zeros into 128 MiB, which is where a bomb is stopped.
pub const LAYER_BYTES_MAX: u64 = 128 << 30;

/// The most bytes of an archive, as it lies, that is spooled from a stream: 256 GiB, two of the largest layers.
pub const ARCHIVE_BYTES_MAX: u64 = 256 << 30;

/// The most entries that one layer may have: 4 million. A whole Debian is half a million; each costs an inode.
pub const LAYER_ENTRIES_MAX: u64 = 4_000_000;

/// The most bytes of the paths of one layer's folders, which are held in memory until their times are set: 256 MiB, a
/// million folders of 256 bytes each. A whole Debian has 3 MB of them.
pub const FOLDER_NAME_BYTES_MAX: usize = 256 << 20;

/// The longest path of an entry, in bytes: Linux's `PATH_MAX` less its final NUL.
pub const PATH_BYTES_MAX: usize = 4095;

/// The longest name of one component, in bytes: what ext4, xfs, btrfs and overlayfs take.
pub const NAME_BYTES_MAX: usize = 255;

/// The deepest folder: a path of [`PATH_BYTES_MAX`] bytes can't name a deeper one, and each level of a walk holds two
/// descriptors, of which Linux gives a process 1,024 unless asked for more. No tree in use is deeper than 100.
pub const DEPTH_MAX: usize = 400;

/// The most bytes of an image's config: 8 MiB. The longest histories seen are below 100 KiB.
pub const CONFIG_BYTES_MAX: u64 = 8 << 20;

/// The most bytes of a manifest or index: 4 MiB, the size that registries take at most.
pub const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// The most bytes of all manifests, indexes and configs of one archive together: 128 MiB, because they are held in memory
/// until its images are made. A thousand images with the longest histories seen have 100 MB; most have 10.
pub const ARCHIVE_DOCUMENT_BYTES_MAX: u64 = 128 << 20;

/// The most bytes that cached steps may keep on the disk, beyond what images have, when a build ends: 10 GB, some weeks of
/// one developer's builds. [`CACHE_DISK_SHARE`] says less on a small disk.
pub const CACHE_BYTES_MAX: u64 = 10_000_000_000;

/// The part of the disk that they may keep, as its divisor: a tenth.
pub const CACHE_DISK_SHARE: u64 = 10;

/// The most cached steps: 100,000, of which each is a row of 200 bytes though it made no layer.
pub const CACHE_STEPS_MAX: u64 = 100_000;

/// The most bytes of a shared report: 16 MiB; it lists tens of files a layer, never all.
pub const REPORT_BYTES_MAX: u64 = 16 << 20;

/// The most layers of one image: what overlayfs stacks (`OVL_MAX_STACK`, 500 lower folders).
pub const LAYERS_MAX: usize = 500;

/// The most images in one archive. `podman save` of a whole host is below this.
pub const ARCHIVE_IMAGES_MAX: usize = 1_000;

/// The fewest digits of an id that name an image: below 4, a short name would be taken for an id.
pub const ID_PREFIX_MIN: usize = 4;

/// The most names offered where one isn't known.
pub const SIMILAR_MAX: usize = 5;

/// The most bytes of one extended attribute: the kernel's `XATTR_SIZE_MAX`.
pub const XATTR_BYTES_MAX: usize = 65_536;
