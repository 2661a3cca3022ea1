//! The states of a container own their rules: what can follow what, and what can be done in which.
//!
//! ```text
//! created ──► running ──► exited
//!    │           └──────► failed   its monitor ended without a word
//!    ├──────────────────► failed   it could not be started
//!    └──────────────────► exited   it began and ended while no engine looked
//! ```

use estiva_runtime::Exit;
use estiva_shared::protocol::ContainerStatus;

use crate::EngineError;

/// What can be asked of a container, with the state it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Send a signal.
    Kill,
    /// Signal and wait, then kill.
    Stop,
    /// A further process.
    Exec,
    /// `attach`.
    Attach,
    /// Sample what it uses.
    Stats,
    /// Remove it without `--force`.
    Remove,
}

impl Verb {
    fn text(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Exec => "exec in",
            Self::Attach => "attach to",
            Self::Stats => "sample",
            Self::Remove => "remove",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Kill | Self::Stop | Self::Exec | Self::Attach | Self::Stats => "running",
            Self::Remove => "ended",
        }
    }

    fn is_allowed(self, status: &ContainerStatus) -> bool {
        match self {
            Self::Kill | Self::Exec | Self::Attach | Self::Stats => {
                matches!(status, ContainerStatus::Running)
            }
            // As Docker's: to stop what has stopped is no mistake.
            Self::Stop => !matches!(status, ContainerStatus::Created),
            Self::Remove => is_final(status),
        }
    }

    /// Refuses the verb in a state that does not allow it.
    ///
    /// # Errors
    /// [`EngineError::WrongState`], which names both states.
    pub(crate) fn check(self, name: &str, status: &ContainerStatus) -> Result<(), EngineError> {
        if self.is_allowed(status) {
            return Ok(());
        }
        Err(EngineError::WrongState {
            verb: self.text(),
            name: name.to_owned(),
            expected: self.expected(),
            found: describe(status),
        })
    }
}

/// Whether nothing follows this state.
pub(crate) fn is_final(status: &ContainerStatus) -> bool {
    matches!(
        status,
        ContainerStatus::Exited { .. } | ContainerStatus::Failed { .. }
    )
}

/// Whether `to` may follow `from`.
pub(crate) fn can_follow(from: &ContainerStatus, to: &ContainerStatus) -> bool {
    match from {
        ContainerStatus::Created => !matches!(to, ContainerStatus::Created),
        ContainerStatus::Running => is_final(to),
        ContainerStatus::Exited { .. } | ContainerStatus::Failed { .. } => false,
    }
}

/// The state in a word or two, for messages.
pub(crate) fn describe(status: &ContainerStatus) -> String {
    match status {
        ContainerStatus::Created => "created".to_owned(),
        ContainerStatus::Running => "running".to_owned(),
        ContainerStatus::Exited { code, .. } => format!("exited with status {code}"),
        ContainerStatus::Failed { .. } => "failed".to_owned(),
    }
}

/// The state after this end.
pub(crate) fn exited(exit: &Exit) -> ContainerStatus {
    ContainerStatus::Exited {
        code: exit.code,
        signal: exit.signal,
        oom_killed: exit.oom_killed,
        finished_ms: exit.finished_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [ContainerStatus; 4] {
        let exited = ContainerStatus::Exited {
            code: 3,
            signal: None,
            oom_killed: false,
            finished_ms: 1,
        };
        [
            ContainerStatus::Created,
            ContainerStatus::Running,
            exited,
            ContainerStatus::Failed {
                message: "m".into(),
            },
        ]
    }

    #[test]
    fn only_the_drawn_transitions_are_allowed() {
        let allowed: Vec<(usize, usize)> = (0..16)
            .map(|pair| (pair / 4, pair % 4))
            .filter(|(from, to)| can_follow(&all()[*from], &all()[*to]))
            .collect();
        assert_eq!(allowed, [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)]);
    }

    #[test]
    fn a_refused_verb_names_both_states() {
        let refused = |verb: Verb, status: &ContainerStatus| {
            verb.check("web", status).unwrap_err().to_string()
        };
        let [created, running, exited, failed] = all();
        assert_eq!(
            refused(Verb::Kill, &exited),
            "can't kill container web: expected it running, but it is exited with status 3"
        );
        assert_eq!(
            refused(Verb::Remove, &running),
            "can't remove container web: expected it ended, but it is running"
        );
        assert!(refused(Verb::Exec, &failed).ends_with("but it is failed"));
        assert!(refused(Verb::Stop, &created).ends_with("but it is created"));
        assert!(Verb::Stop.check("web", &exited).is_ok());
    }
}
