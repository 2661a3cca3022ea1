//! A transaction of nf_tables: messages between a beginning and an end, of which all take effect at once or none does
//! (`nfnetlink_rcv_batch` in the kernel's `net/netfilter/nfnetlink.c`).
//!
//! Transactions share one socket, which stays open: the kernel does not let a socket be closed before everything that was
//! deleted is freed (`nft_rcv_nl_event`), which takes 5 to 15 ms.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::attributes::Attributes;
use crate::netlink::{
    FLAG_ACK, FLAG_APPEND, FLAG_CREATE, FLAG_DUMP, FLAG_EXCLUSIVE, FLAG_REQUEST, Netlink,
};

/// `NFPROTO_INET`: both families.
pub(crate) const FAMILY_INET: u8 = 1;

/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;

/// `NFNL_MSG_BATCH_BEGIN` and `NFNL_MSG_BATCH_END`.
const BEGIN: u16 = 16;
const END: u16 = 17;

/// The messages of nf_tables (`enum nf_tables_msg_types`).
pub(crate) const NEW_TABLE: u16 = 0;
pub(crate) const GET_TABLE: u16 = 1;
pub(crate) const DELETE_TABLE: u16 = 2;
pub(crate) const NEW_CHAIN: u16 = 3;
pub(crate) const GET_CHAIN: u16 = 4;
pub(crate) const NEW_RULE: u16 = 6;
pub(crate) const GET_RULE: u16 = 7;
pub(crate) const NEW_SET: u16 = 9;
pub(crate) const NEW_ELEMENTS: u16 = 12;
pub(crate) const DELETE_ELEMENTS: u16 = 14;

/// A refused transaction: nothing of it was done.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What the message was to do that the kernel refused, in words.
    pub(crate) step: String,
    /// Why.
    pub(crate) source: io::Error,
}

/// A transaction that is being written.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    steps: Vec<String>,
    family: u8,
}

impl Batch {
    /// About tables of both families.
    pub(crate) fn new() -> Self {
        Self::of(FAMILY_INET)
    }

    /// About tables of one family.
    pub(crate) fn of(family: u8) -> Self {
        let mut batch = Self {
            bytes: Vec::new(),
            steps: Vec::new(),
            family,
        };
        batch.frame(BEGIN, 0, 0, SUBSYSTEM, &[]);
        batch.steps.push("begin a transaction".to_owned());
        batch
    }

    /// A message that makes something, or leaves what is there.
    pub(crate) fn add(&mut self, message: u16, step: String, attributes: Attributes) {
        self.message(message, FLAG_CREATE, step, attributes);
    }

    /// A message that makes something that must not be there.
    pub(crate) fn add_new(&mut self, message: u16, step: String, attributes: Attributes) {
        self.message(message, FLAG_CREATE | FLAG_EXCLUSIVE, step, attributes);
    }

    /// A message that makes something after the others of its kind.
    pub(crate) fn append(&mut self, message: u16, step: String, attributes: Attributes) {
        self.message(message, FLAG_CREATE | FLAG_APPEND, step, attributes);
    }

    /// A message that takes something away that must be there.
    pub(crate) fn delete(&mut self, message: u16, step: String, attributes: Attributes) {
        self.message(message, 0, step, attributes);
    }

    fn message(&mut self, message: u16, flags: u16, step: String, attributes: Attributes) {
        let kind = SUBSYSTEM << 8 | message;
        let body = attributes.into_bytes();
        self.frame(kind, flags | FLAG_ACK, self.family, 0, &body);
        self.steps.push(step);
    }

    fn frame(&mut self, kind: u16, flags: u16, family: u8, resource: u16, body: &[u8]) {
        let sequence = u32::try_from(self.steps.len()).expect("a batch of ours is short");
        self.bytes
            .extend(framed(kind, flags, sequence, family, resource, body));
    }

    /// What is sent: the messages, numbered from `first` on, and the end.
    fn finished(mut self, first: u32) -> (Vec<u8>, Vec<String>) {
        self.frame(END, 0, 0, SUBSYSTEM, &[]);
        let mut at = 0;
        // Every frame is a multiple of four bytes long, and this file wrote them.
        while let Some(length) = self.bytes[at..].first_chunk() {
            let length = u32::from_ne_bytes(*length) as usize;
            let number = &mut self.bytes[at + 8..at + 12];
            let index = u32::from_ne_bytes([number[0], number[1], number[2], number[3]]);
            number.copy_from_slice(&first.wrapping_add(index).to_ne_bytes());
            at += length;
        }
        (self.bytes, self.steps)
    }
}

/// The one connection to nf_tables of a world.
#[derive(Default)]
pub(crate) struct Nftables {
    open: Mutex<Option<Open>>,
}

struct Open {
    socket: Netlink,
    /// The number of the next message. Answers to former ones may still come.
    next: u32,
}

impl std::fmt::Debug for Nftables {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Nftables")
    }
}

impl Nftables {
    /// Has the kernel do a transaction.
    ///
    /// # Errors
    ///
    /// The first message that it refused.
    pub(crate) fn commit(&self, batch: Batch) -> Result<(), Refused> {
        let last = u32::try_from(batch.steps.len() - 1).expect("a batch of ours is short");
        let mut refused = None;
        let answer = self.with(last + 2, |socket, first| {
            let (bytes, steps) = batch.finished(first);
            let named = |index: u32, source| Refused {
                step: steps[index.min(last) as usize].clone(),
                source,
            };
            socket.send(&bytes)?;
            // Each message is acknowledged or refused, in their order; a refusal of the whole stands before them.
            socket.receive(|frame| {
                let index = frame.sequence.wrapping_sub(first);
                if index > last {
                    return Ok(false);
                }
                if let Some(Err(source)) = frame.verdict() {
                    refused.get_or_insert_with(|| named(index, source));
                }
                Ok(index == last || (index == 0 && refused.is_some()))
            })
        });
        match refused {
            Some(refused) => Err(refused),
            None => answer.map_err(|source| Refused {
                step: "speak with nf_tables".to_owned(),
                source,
            }),
        }
    }

    /// Asks for one thing.
    ///
    /// # Errors
    ///
    /// The kernel's: `ENOENT` for what is not there.
    pub(crate) fn get(&self, message: u16, attributes: Attributes) -> io::Result<()> {
        let kind = SUBSYSTEM << 8 | message;
        let body = attributes.into_bytes();
        self.with(1, |socket, first| {
            socket.send(&framed(kind, FLAG_ACK, first, FAMILY_INET, 0, &body))?;
            socket.receive(|frame| match frame.verdict() {
                Some(verdict) if frame.sequence == first => verdict.map(|()| true),
                _ => Ok(false),
            })
        })
    }

    /// Uses the socket, with `count` numbers of its own.
    fn with<T>(
        &self,
        count: u32,
        use_it: impl FnOnce(&Netlink, u32) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = match open.take() {
            Some(open) => open,
            None => Open {
                socket: Netlink::netfilter()?,
                next: 1,
            },
        };
        let first = taken.next;
        taken.next = first.wrapping_add(count);
        let answer = use_it(&taken.socket, first);
        *open = Some(taken);
        answer
    }
}

/// Asks for everything of a kind, of every family and table, and gives each answer's family and attributes to `take`.
pub(crate) fn dump(message: u16, mut take: impl FnMut(u8, &[u8])) -> io::Result<()> {
    let request = framed(SUBSYSTEM << 8 | message, FLAG_DUMP, 1, 0, 0, &[]);
    Netlink::netfilter()?.dump(&request, |frame| {
        if let [family, _, _, _, attributes @ ..] = frame.body {
            take(*family, attributes);
        }
    })
}

/// A header (`struct nlmsghdr`), a second one (`struct nfgenmsg`) and a body.
pub(crate) fn framed(
    kind: u16,
    flags: u16,
    sequence: u32,
    family: u8,
    resource: u16,
    body: &[u8],
) -> Vec<u8> {
    const HEADERS_BYTES: usize = 20;
    let length = u32::try_from(HEADERS_BYTES + body.len()).expect("a message of ours is short");
    let mut bytes = Vec::with_capacity(HEADERS_BYTES + body.len());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((flags | FLAG_REQUEST).to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend([family, 0]);
    bytes.extend(resource.to_be_bytes());
    bytes.extend(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::frames;

    #[test]
    fn a_batch_numbers_its_messages_and_wants_an_answer_to_each() {
        let mut batch = Batch::new();
        batch.add(
            NEW_TABLE,
            "add it".to_owned(),
            Attributes::new().text(1, "x"),
        );
        batch.delete(
            DELETE_TABLE,
            "delete it".to_owned(),
            Attributes::new().text(1, "x"),
        );
        let (bytes, steps) = batch.finished(40);
        let found: Vec<_> = frames(&bytes)
            .map(|frame| (frame.kind, frame.sequence, frame.body.len()))
            .collect();
        let expected = [(16, 40, 4), (0xa00, 41, 12), (0xa02, 42, 12), (17, 43, 4)];
        assert_eq!(found, expected);
        let flags: Vec<_> = [20, 48].map(|at| bytes[at + 6]).to_vec();
        assert_eq!(flags, [0x5, 0x5], "each wants an answer");
        assert_eq!(steps.last().unwrap(), "delete it");
    }

    #[test]
    fn a_refused_batch_names_the_message_and_leaves_the_socket_in_step() {
        let nftables = Nftables::default();
        for _ in 0..3 {
            let mut batch = Batch::new();
            batch.delete(
                DELETE_TABLE,
                "delete a table".to_owned(),
                Attributes::new().text(1, "estiva-that-is-not-there"),
            );
            batch.delete(
                DELETE_TABLE,
                "delete another".to_owned(),
                Attributes::new().text(1, "estiva-nor-is-this"),
            );
            let refused = nftables.commit(batch).unwrap_err();
            if refused.source.kind() == io::ErrorKind::PermissionDenied {
                println!("SKIP needs root: nf_tables refuses");
                return;
            }
            assert_eq!(refused.step, "delete a table");
            assert_eq!(refused.source.kind(), io::ErrorKind::NotFound);
        }
    }
}
