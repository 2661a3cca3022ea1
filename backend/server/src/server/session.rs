//! One-time codes and tokens: how a page that was opened by a printed address comes to be trusted.
//!
//! A code is made for the owner of the Unix socket, stands in the address's fragment (which browsers send nowhere), and
//! is traded once for a token. Tokens live in the server's memory alone: a new server knows none.
//!
//! **Invariant:** neither is kept as it is, only its digest, so that a look into the memory of the table gives nobody
//! entrance; and every comparison takes the same time wherever the two differ.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::rand::{GetRandomFlags, getrandom};
use sha2::{Digest as _, Sha256};

/// How long a code can be used: the time to carry an address to a browser, with a walk between.
pub(crate) const CODE_LIFE: Duration = Duration::from_secs(10 * 60);

/// How long a token is good: a working day with its breaks.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// Codes and tokens that are kept at once; the oldest goes. A person has few pages open.
const KEPT_MAX: usize = 64;

/// Wrong codes in one [`WRONG_WINDOW`] before further ones are told to wait. A code has 128 bits, so this guards against
/// noise and not against luck; a right one is always taken, or whoever sends noise would lock the owner out.
const WRONG_MAX: u32 = 20;

/// The window of [`WRONG_MAX`].
const WRONG_WINDOW: Duration = Duration::from_secs(60);

/// Bytes of a code: 128 bits, 32 hexadecimal digits.
const CODE_BYTES: usize = 16;

/// Bytes of a token: 256 bits, 64 hexadecimal digits.
const TOKEN_BYTES: usize = 32;

/// Why a code gave no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodeError {
    /// Nobody was given it, or it was used, or it is too old.
    #[error("the code is wrong, was used before, or is older than ten minutes")]
    Wrong,
    /// Too many wrong ones came before.
    #[error("too many wrong codes came in the last minute")]
    TooMany,
    /// The kernel gives no random bytes.
    #[error("the kernel gave no random bytes")]
    NoRandomness,
}

/// The codes and tokens of one server.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    codes: Vec<Secret>,
    tokens: Vec<Secret>,
    wrong: u32,
    wrong_since: Option<Instant>,
}

#[derive(Debug)]
struct Secret {
    digest: [u8; 32],
    until: Instant,
}

impl Sessions {
    /// A new code.
    ///
    /// # Errors
    /// [`CodeError::NoRandomness`].
    pub(crate) fn new_code(&self, now: Instant) -> Result<String, CodeError> {
        let (code, digest) = secret::<CODE_BYTES>()?;
        keep(&mut self.inner().codes, digest, now, CODE_LIFE);
        Ok(code)
    }

    /// Trades a code for a token. The code is gone then.
    ///
    /// # Errors
    /// Where the code is not one; another error where too many wrong ones came before.
    pub(crate) fn exchange(&self, code: &str, now: Instant) -> Result<String, CodeError> {
        let mut inner = self.inner();
        if inner
            .wrong_since
            .is_none_or(|since| now.duration_since(since) >= WRONG_WINDOW)
        {
            inner.wrong = 0;
            inner.wrong_since = Some(now);
        }
        inner.codes.retain(|known| known.until > now);
        let Some(found) = position(&inner.codes, code) else {
            if inner.wrong >= WRONG_MAX {
                return Err(CodeError::TooMany);
            }
            inner.wrong += 1;
            return Err(CodeError::Wrong);
        };
        inner.codes.remove(found);
        let (token, digest) = secret::<TOKEN_BYTES>()?;
        keep(&mut inner.tokens, digest, now, TOKEN_LIFE);
        Ok(token)
    }

    /// Whether a token is good.
    pub(crate) fn knows(&self, token: &str, now: Instant) -> bool {
        let mut inner = self.inner();
        inner.tokens.retain(|known| known.until > now);
        position(&inner.tokens, token).is_some()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Lists of digests: no half-made change can stand in them.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Random hexadecimal digits and their digest.
fn secret<const BYTES: usize>() -> Result<(String, [u8; 32]), CodeError> {
    let text = random_hex::<BYTES>().ok_or(CodeError::NoRandomness)?;
    let digest = digest(&text);
    Ok((text, digest))
}

/// `BYTES` random bytes as hexadecimal digits.
pub(crate) fn random_hex<const BYTES: usize>() -> Option<String> {
    let mut bytes = [0; BYTES];
    // The kernel gives up to 256 bytes in one call.
    let filled = getrandom(&mut bytes, GetRandomFlags::empty()).ok()?;
    (filled == BYTES).then(|| {
        bytes
            .iter()
            .fold(String::with_capacity(BYTES * 2), |mut text, byte| {
                // Writing into a string never fails.
                let _ = write!(text, "{byte:02x}");
                text
            })
    })
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn keep(secrets: &mut Vec<Secret>, digest: [u8; 32], now: Instant, life: Duration) {
    if secrets.len() >= KEPT_MAX {
        secrets.remove(0);
    }
    secrets.push(Secret {
        digest,
        until: now + life,
    });
}

/// The place of a secret, found in a time that depends on how many there are and on nothing else.
fn position(secrets: &[Secret], text: &str) -> Option<usize> {
    let wanted = digest(text);
    let mut found = None;
    for (place, known) in secrets.iter().enumerate() {
        let difference = known
            .digest
            .iter()
            .zip(wanted)
            .fold(0, |sum, (a, b)| sum | (a ^ b));
        if std::hint::black_box(difference) == 0 {
            found = Some(place);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_gives_one_token_once() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let code = sessions.new_code(now).unwrap();
        assert_eq!(code.len(), 32);
        let token = sessions.exchange(&code, now).unwrap();
        assert_eq!(token.len(), 64);
        assert!(sessions.knows(&token, now));
        assert_eq!(sessions.exchange(&code, now), Err(CodeError::Wrong));
        assert!(!sessions.knows(&code, now) && !sessions.knows("", now));
    }

    #[test]
    fn codes_and_tokens_grow_too_old() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let (late, early) = (
            sessions.new_code(now).unwrap(),
            sessions.new_code(now).unwrap(),
        );
        let token = sessions
            .exchange(&early, now + CODE_LIFE - Duration::from_secs(1))
            .unwrap();
        assert_eq!(
            sessions.exchange(&late, now + CODE_LIFE),
            Err(CodeError::Wrong)
        );
        assert!(sessions.knows(&token, now + TOKEN_LIFE - Duration::from_secs(1)));
        assert!(!sessions.knows(&token, now + CODE_LIFE + TOKEN_LIFE));
    }

    /// Anybody on the host could once keep the owner out with twenty wrong codes a minute.
    #[test]
    fn after_too_many_wrong_codes_further_ones_have_to_wait_and_a_right_one_is_taken() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let code = sessions.new_code(now).unwrap();
        for _ in 0..WRONG_MAX {
            assert_eq!(sessions.exchange("wrong", now), Err(CodeError::Wrong));
        }
        assert_eq!(sessions.exchange("wrong", now), Err(CodeError::TooMany));
        assert!(sessions.exchange(&code, now).is_ok());
        assert_eq!(sessions.exchange(&code, now), Err(CodeError::TooMany));
        let later = now + WRONG_WINDOW;
        assert_eq!(sessions.exchange(&code, later), Err(CodeError::Wrong));
    }

    #[test]
    fn the_oldest_of_too_many_tokens_goes() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let mut tokens = Vec::new();
        for _ in 0..=KEPT_MAX {
            let code = sessions.new_code(now).unwrap();
            tokens.push(sessions.exchange(&code, now).unwrap());
        }
        assert!(!sessions.knows(&tokens[0], now));
        assert!(sessions.knows(&tokens[1], now) && sessions.knows(&tokens[KEPT_MAX], now));
    }
}
