//! The connection to the server: what it is doing, and when to try again.

use estiva_shared::protocol::ErrorBody;

/// The first wait before trying again, in milliseconds: short, because a server that is restarted is back at once.
const BACK_OFF_FIRST_MS: u32 = 400;

/// The longest wait, in milliseconds: a person who comes back to the page should not wait longer.
const BACK_OFF_MAX_MS: u32 = 10_000;

/// What the connection is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Phase {
    /// There is no token: only the inspector works.
    #[default]
    Offline,
    /// The one-time code is being traded for a token.
    Trading,
    /// The code was refused.
    CodeRefused(ErrorBody),
    /// The first connection is being made.
    Connecting,
    /// All is well.
    Connected {
        /// The server's version.
        version: String,
    },
    /// It was lost; tries so far since then.
    Reconnecting {
        /// From 1.
        attempt: u32,
    },
    /// The server refuses this page for good: another protocol, or a token that it does not know.
    Refused(ErrorBody),
}

/// What can happen to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// The address holds a code.
    CodeFound,
    /// The code did not work.
    CodeRefused(ErrorBody),
    /// A token is at hand.
    TokenFound,
    /// The server said welcome.
    Welcome {
        /// Its version.
        version: String,
    },
    /// The connection closed, or could not be opened.
    Closed,
    /// The server said that it will not go on.
    Refused(ErrorBody),
}

impl Phase {
    /// The phase after something happened.
    pub fn after(&self, happening: Happening) -> Phase {
        match (self, happening) {
            (_, Happening::CodeFound) => Phase::Trading,
            (_, Happening::CodeRefused(error)) => Phase::CodeRefused(error),
            (_, Happening::TokenFound) => Phase::Connecting,
            (_, Happening::Refused(error)) => Phase::Refused(error),
            (_, Happening::Welcome { version }) => Phase::Connected { version },
            (Phase::Reconnecting { attempt }, Happening::Closed) => Phase::Reconnecting {
                attempt: attempt.saturating_add(1),
            },
            // A server that refused, or a page without a token, is not tried again.
            (
                Phase::Refused(_) | Phase::Offline | Phase::CodeRefused(_) | Phase::Trading,
                Happening::Closed,
            ) => self.clone(),
            (_, Happening::Closed) => Phase::Reconnecting { attempt: 1 },
        }
    }

    /// The word for tests and styles.
    pub fn name(&self) -> &'static str {
        match self {
            Phase::Offline | Phase::CodeRefused(_) => "offline",
            Phase::Trading | Phase::Connecting => "connecting",
            Phase::Connected { .. } => "connected",
            Phase::Reconnecting { .. } => "reconnecting",
            Phase::Refused(_) => "refused",
        }
    }

    /// Whether messages reach the server now.
    pub fn is_connected(&self) -> bool {
        matches!(self, Phase::Connected { .. })
    }

    /// Whether the pages that need a server can show anything.
    pub fn has_server(&self) -> bool {
        matches!(
            self,
            Phase::Connecting | Phase::Connected { .. } | Phase::Reconnecting { .. }
        )
    }
}

/// How long to wait before so many-th attempt, in milliseconds; doubles, up to a limit. `spread` from 0 to 1 takes up to
/// a quarter off, so that many pages do not come back at the same moment.
pub fn back_off_ms(attempt: u32, spread: f64) -> u32 {
    let whole = BACK_OFF_FIRST_MS
        .saturating_mul(
            1u32.checked_shl(attempt.saturating_sub(1))
                .unwrap_or(u32::MAX),
        )
        .min(BACK_OFF_MAX_MS);
    whole - (f64::from(whole) * 0.25 * spread.clamp(0.0, 1.0)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> ErrorBody {
        ErrorBody {
            code: "bad-token".into(),
            message: "expected a token of this server, but found another".into(),
            hint: None,
        }
    }

    #[test]
    fn a_lost_connection_is_tried_again_and_counted() {
        let connected = Phase::Connected {
            version: "0.1.0".into(),
        };
        let first = connected.after(Happening::Closed);
        assert_eq!(first, Phase::Reconnecting { attempt: 1 });
        assert_eq!(
            first.after(Happening::Closed),
            Phase::Reconnecting { attempt: 2 }
        );
        assert_eq!(
            first.after(Happening::Welcome {
                version: "0.1.0".into()
            }),
            connected
        );
    }

    #[test]
    fn a_refusal_is_final() {
        let phase = Phase::Connecting.after(Happening::Refused(refused()));
        assert_eq!(phase.after(Happening::Closed), phase);
        assert_eq!(phase.name(), "refused");
        assert!(!phase.has_server());
    }

    #[test]
    fn a_page_without_a_token_stays_offline() {
        assert_eq!(Phase::Offline.after(Happening::Closed), Phase::Offline);
    }

    #[test]
    fn waits_double_up_to_the_limit() {
        let waits: Vec<u32> = (1..8).map(|attempt| back_off_ms(attempt, 0.0)).collect();
        assert_eq!(waits, [400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
        assert_eq!(back_off_ms(1, 1.0), 300);
        assert_eq!(back_off_ms(u32::MAX, 0.0), BACK_OFF_MAX_MS);
    }
}
