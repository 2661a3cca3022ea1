//! What is typed on its way to the server, and how a terminal stands: the page's side of the protocol's flow control.

use std::collections::VecDeque;

use estiva_shared::protocol::TERMINAL_INPUT_BYTES_MAX;

/// What goes into one frame at most, in bytes: small, so that a paste doesn't hold up what else is said.
const PIECE_BYTES: u64 = 16 << 10;

/// The longest that waits here, in bytes: a paste of a long file. What is typed beyond it is dropped, because a program
/// that reads nothing would otherwise take the page's memory.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// How a terminal stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TerminalState {
    /// It is being attached to.
    #[default]
    Attaching,
    /// What is typed arrives.
    Live,
    /// It is shown, and can't be typed into.
    Shown,
    /// The connection is lost, and being made again.
    Adrift,
    /// The program has ended with this status.
    Ended(i32),
    /// It can't be attached to.
    Failed,
}

/// What was typed and is not taken.
#[derive(Debug, Default)]
pub struct Input {
    waiting: VecDeque<u8>,
    untaken: u64,
}

impl Input {
    /// Something was typed.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.waiting.len() + bytes.len() <= WAITING_BYTES_MAX {
            self.waiting.extend(bytes);
        }
    }

    /// What can be sent now.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let room = TERMINAL_INPUT_BYTES_MAX.saturating_sub(self.untaken);
        let length = (self.waiting.len() as u64).min(room).min(PIECE_BYTES);
        if length == 0 {
            return None;
        }
        self.untaken += length;
        // No more than PIECE_BYTES.
        Some(self.waiting.drain(..length as usize).collect())
    }

    /// The process has taken so much.
    pub fn taken(&mut self, bytes: u64) {
        self.untaken = self.untaken.saturating_sub(bytes);
    }

    /// The connection is new: what was on its way has arrived, or is lost with the old one.
    pub fn restart(&mut self) {
        self.untaken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_on_its_way_than_is_taken_and_the_order_stays() {
        let mut input = Input::default();
        let text: Vec<u8> = (0..200_000_u32).map(|number| number as u8).collect();
        input.push(&text);
        let (mut sent, mut on_its_way) = (Vec::new(), 0);
        while sent.len() < text.len() {
            while let Some(piece) = input.take() {
                on_its_way += piece.len() as u64;
                sent.extend(piece);
                assert!(on_its_way <= TERMINAL_INPUT_BYTES_MAX);
            }
            input.taken(1000);
            on_its_way -= 1000.min(on_its_way);
        }
        assert_eq!(sent, text);
        assert!(input.take().is_none());
    }

    #[test]
    fn a_lost_connection_makes_room_again_and_a_flood_is_bounded() {
        let mut input = Input::default();
        input.push(&vec![b'x'; 100_000]);
        while input.take().is_some() {}
        input.restart();
        assert!(input.take().is_some());
        input.push(&vec![b'x'; WAITING_BYTES_MAX + 1]);
        assert!(input.waiting.len() < 100_000);
    }
}
