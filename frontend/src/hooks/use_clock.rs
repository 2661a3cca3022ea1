//! The time, told again and again while something runs.

use yew::prelude::*;

use crate::services::timer::{Timer, now_ms};

/// How often a page renews what it says of how long ago something was, in milliseconds.
pub const AGO_RENEWED_MS: u32 = 10_000;

/// Milliseconds since 1970, renewed every `period_ms` while `running`.
#[hook]
pub fn use_clock(running: bool, period_ms: u32) -> u64 {
    let now = use_state(now_ms);
    {
        let now = now.clone();
        use_effect_with((running, period_ms), move |(running, period_ms)| {
            now.set(now_ms());
            let timer = running
                .then(|| Timer::every(*period_ms, move || now.set(now_ms())))
                .flatten();
            move || drop(timer)
        });
    }
    *now
}
