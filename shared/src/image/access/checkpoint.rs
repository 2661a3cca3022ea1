//! Places at which a compressed stream can be entered, noted while it is read for the first time.
//!
//! A member of gzip or a frame of zstd begins with nothing before it. Within a deflate stream the boundaries of its blocks
//! will do, with the 32 KiB before them, which what follows may refer to (RFC 1951, section 2). A boundary lies anywhere in
//! a byte, and the inflater does not tell at which bit; so the checksum of what follows is noted too, and finds it again.

use flate2::Crc;

/// How far back a deflate stream refers (RFC 1951, section 2).
const WINDOW_BYTES: usize = 32 << 10;

/// Bytes after a boundary whose checksum is kept. More than a stored block holds, because such a block can be read from a
/// bit or two too early, with the same bytes, but as the last one or not the last one.
pub(super) const CHECK_BYTES: u64 = 68 << 10;

/// Uncompressed bytes between two checkpoints at first: inflated in some 10 ms, and twice that in a browser.
const SPACING_BYTES: u64 = 4 << 20;

/// Members and frames take no window, so they may lie closer.
const MEMBERS_PER_SPACING: u64 = 16;

/// What one checkpoint takes beside its window, in bytes.
const POINT_BYTES: usize = size_of::<Checkpoint>();

/// A place at which a compressed stream can be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Checkpoint {
    /// Bytes of the stream before it, uncompressed.
    pub(super) offset: u64,
    /// Bytes of the blob before it, begun ones counted.
    pub(super) packed_offset: u64,
    /// Where its member begins, uncompressed.
    pub(super) member_offset: u64,
    /// The bytes before it, at most [`WINDOW_BYTES`]; empty at the start of a member or frame.
    pub(super) window: Box<[u8]>,
    /// CRC-32 of the bytes after it.
    pub(super) check: u32,
    /// Of how many: [`CHECK_BYTES`], or what the member has left.
    pub(super) check_bytes: u64,
    /// The member ends with them.
    pub(super) ends: bool,
}

impl Checkpoint {
    /// Whether a member or frame begins here.
    pub(super) fn is_start(&self) -> bool {
        self.window.is_empty()
    }

    fn bytes(&self) -> usize {
        POINT_BYTES + self.window.len()
    }
}

/// The checkpoints of one stream, by offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Checkpoints {
    pub(super) points: Vec<Checkpoint>,
    /// Uncompressed bytes between two of them, at least.
    pub(super) spacing: u64,
    bytes: usize,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            spacing: SPACING_BYTES,
            bytes: 0,
        }
    }
}

impl Checkpoints {
    /// Memory that they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Those at or before an offset, the nearest first.
    pub(super) fn before(&self, offset: u64) -> impl Iterator<Item = &Checkpoint> {
        let count = self.points.partition_point(|point| point.offset <= offset);
        self.points[..count].iter().rev()
    }

    /// Whether there is one after `from` and up to `to`.
    pub(super) fn has_between(&self, from: u64, to: u64) -> bool {
        self.before(to)
            .next()
            .is_some_and(|point| point.offset > from)
    }

    /// Adds one that lies after all others.
    pub(super) fn add(&mut self, point: Checkpoint) {
        self.bytes += point.bytes();
        self.points.push(point);
    }

    /// Keeps those that lie twice as far apart, from each other and from the start; done often enough, none.
    pub(super) fn thin(&mut self) {
        self.spacing = self.spacing.saturating_mul(2);
        let mut kept = 0;
        let mut last = 0;
        let spacing = self.spacing;
        self.points.retain(|point| {
            let apart = match point.is_start() {
                true => spacing / MEMBERS_PER_SPACING,
                false => spacing,
            };
            let stays = point.offset - last >= apart;
            if stays {
                last = point.offset;
                kept += point.bytes();
            }
            stays
        });
        self.points.shrink_to_fit();
        self.bytes = kept;
    }
}

/// Notes checkpoints as a stream goes by.
#[derive(Debug)]
pub(in super::super) struct Recorder {
    found: Checkpoints,
    /// Most bytes that they may take.
    room: usize,
    /// From here on the next boundary is wanted, uncompressed.
    due: u64,
    member_offset: u64,
    /// The last bytes of the member, once a boundary is due.
    window: Vec<u8>,
    /// A boundary, while the bytes after it go by.
    pending: Option<(Checkpoint, Crc)>,
}

impl Recorder {
    /// A recorder of checkpoints that take at most `room` bytes.
    pub(in super::super) fn new(room: usize) -> Self {
        Self::with_spacing(room, SPACING_BYTES)
    }

    /// As [`Self::new`], with another distance between checkpoints to begin with.
    pub(super) fn with_spacing(room: usize, spacing: u64) -> Self {
        Self {
            found: Checkpoints {
                spacing,
                ..Checkpoints::default()
            },
            room,
            due: spacing,
            member_offset: 0,
            window: Vec::new(),
            pending: None,
        }
    }

    /// What was noted.
    pub(super) fn finish(mut self) -> Checkpoints {
        self.found.points.shrink_to_fit();
        self.found
    }

    /// A member or frame begins.
    pub(in super::super) fn member(&mut self, offset: u64, packed_offset: u64) {
        self.window.clear();
        self.member_offset = offset;
        let apart = self.found.spacing / MEMBERS_PER_SPACING;
        let last = self.found.points.last().map_or(0, |point| point.offset);
        // The first byte of all needs no checkpoint.
        if offset - last >= apart {
            self.keep(Checkpoint {
                offset,
                packed_offset,
                member_offset: offset,
                window: Box::default(),
                check: 0,
                check_bytes: 0,
                ends: false,
            });
            self.due = offset + self.found.spacing;
        }
    }

    /// Whether to stop at the next boundary of a block.
    pub(in super::super) fn wants_a_boundary(&self) -> bool {
        self.window.len() == WINDOW_BYTES
    }

    /// Bytes went by, up to `offset`.
    pub(in super::super) fn take(&mut self, bytes: &[u8], offset: u64) {
        if let Some((point, crc)) = &mut self.pending {
            let left = usize::try_from(CHECK_BYTES - u64::from(crc.amount())).unwrap_or(0);
            crc.update(&bytes[..left.min(bytes.len())]);
            if u64::from(crc.amount()) == CHECK_BYTES {
                point.check_bytes = CHECK_BYTES;
                self.settle();
            }
        } else if offset >= self.due {
            let kept = &bytes[bytes.len().saturating_sub(WINDOW_BYTES)..];
            let surplus = (self.window.len() + kept.len()).saturating_sub(WINDOW_BYTES);
            self.window.drain(..surplus);
            self.window.extend_from_slice(kept);
        }
    }

    /// A boundary is here.
    pub(in super::super) fn boundary(&mut self, offset: u64, packed_offset: u64) {
        let point = Checkpoint {
            offset,
            packed_offset,
            member_offset: self.member_offset,
            window: std::mem::take(&mut self.window).into_boxed_slice(),
            check: 0,
            check_bytes: 0,
            ends: false,
        };
        self.pending = Some((point, Crc::new()));
    }

    /// The member's stream ends.
    pub(in super::super) fn end_member(&mut self) {
        self.window.clear();
        if let Some((point, crc)) = &mut self.pending {
            // A boundary after the last block leads nowhere.
            if crc.amount() == 0 {
                self.pending = None;
                return;
            }
            point.check_bytes = u64::from(crc.amount());
            point.ends = true;
            self.settle();
        }
    }

    /// Keeps the boundary whose following bytes went by.
    fn settle(&mut self) {
        if let Some((mut point, crc)) = self.pending.take() {
            point.check = crc.sum();
            let offset = point.offset;
            self.keep(point);
            self.due = offset + self.found.spacing;
        }
    }

    fn keep(&mut self, point: Checkpoint) {
        self.found.add(point);
        while self.found.bytes > self.room && self.found.points.len() > 1 {
            self.found.thin();
        }
        if self.found.bytes > self.room {
            self.found.points.clear();
            self.found.bytes = 0;
        }
    }
}
