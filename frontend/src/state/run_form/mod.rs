//! The run dialog's fields as typed, what is wrong with them, and the request that they ask for.
//!
//! Each field is judged while it is typed in. What is only missing is told when the form is sent, not before.

pub mod mounts;
pub mod ports;
pub mod variables;

use std::rc::Rc;

use estiva_shared::protocol::{Limits, NetworkMode, RunRequest};
use yew::Reducible;

use self::mounts::MountRow;
use self::ports::PortRow;
use self::variables::VariableRow;
pub use super::forms::Problem;
use super::forms::{parse_cpus, parse_memory, parse_pids, split_words};
use super::rows::Rows;

/// The longest name of a container, in bytes, as the engine has it.
const NAME_BYTES_MAX: usize = 128;

/// The run dialog's fields, as typed.
#[derive(Clone, Debug, PartialEq)]
pub struct RunForm {
    /// The container's name; chosen by the server where empty.
    pub name: String,
    /// The words that replace CMD.
    pub args: String,
    /// The environment.
    pub env: Rows<VariableRow>,
    /// The network.
    pub network: NetworkMode,
    /// The ports to publish; on the bridge only.
    pub ports: Rows<PortRow>,
    /// They answer this machine alone.
    pub is_local: bool,
    /// What is mounted into it.
    pub mounts: Rows<MountRow>,
    /// Such as `64m`.
    pub memory: String,
    /// Such as `0.5`.
    pub cpus: String,
    /// Such as `64`.
    pub pids: String,
    /// It has a terminal (`-it`).
    pub terminal: bool,
    /// Its own file system can't be written.
    pub read_only: bool,
    /// It trusts the certificates that the host trusts.
    pub trust_host_ca: bool,
    /// Remove it when it ends.
    pub remove: bool,
}

impl Default for RunForm {
    fn default() -> Self {
        Self {
            name: String::new(),
            args: String::new(),
            env: Rows::default(),
            network: NetworkMode::Bridge,
            ports: Rows::default(),
            is_local: false,
            mounts: Rows::default(),
            memory: String::new(),
            cpus: String::new(),
            pids: String::new(),
            terminal: false,
            read_only: false,
            trust_host_ca: false,
            remove: false,
        }
    }
}

/// A change of the form: made on the form as it is then, never on one that was remembered.
pub struct Change(Box<dyn FnOnce(&mut RunForm)>);

impl Change {
    /// This change.
    pub fn new(change: impl FnOnce(&mut RunForm) + 'static) -> Self {
        Self(Box::new(change))
    }
}

impl Reducible for RunForm {
    type Action = Change;

    fn reduce(self: Rc<Self>, change: Change) -> Rc<Self> {
        let mut next = Rc::unwrap_or_clone(self);
        (change.0)(&mut next);
        Rc::new(next)
    }
}

impl RunForm {
    /// Whether ports can be published: the host's network has them all, and no network has none.
    pub fn has_ports(&self) -> bool {
        self.network == NetworkMode::Bridge
    }

    /// What is wrong with the name.
    pub fn name_problem(&self) -> Option<Problem> {
        let name = self.name.trim();
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let begins_well = name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        if name.is_empty() {
            None
        } else if !begins_well || !name.bytes().all(is_word) || name.len() > NAME_BYTES_MAX {
            Some(Problem::Name(name.to_owned()))
        } else {
            (name.len() < 2).then_some(Problem::NameShort)
        }
    }

    /// The request that the fields ask for.
    ///
    /// # Errors
    /// The first field that has a problem.
    pub fn request(&self, image: &str) -> Result<RunRequest, Problem> {
        if let Some(problem) = self.name_problem() {
            return Err(problem);
        }
        let name = self.name.trim();
        let ports = if self.has_ports() {
            ports::requests(&self.ports, self.is_local)?
        } else {
            Vec::new()
        };
        Ok(RunRequest {
            image: image.to_owned(),
            args: split_words(&self.args)?,
            name: (!name.is_empty()).then(|| name.to_owned()),
            env: variables::requests(&self.env)?,
            limits: Limits {
                memory_bytes: parse_memory(&self.memory)?,
                cpus: parse_cpus(&self.cpus)?,
                pids: parse_pids(&self.pids)?,
            },
            network: self.network,
            ports,
            mounts: mounts::requests(&self.mounts)?,
            interactive: self.terminal,
            terminal: self.terminal,
            read_only: self.read_only,
            trust_host_ca: self.trust_host_ca,
            remove: self.remove,
            ..RunRequest::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_fields_ask_for_nothing_but_the_bridge() {
        let request = RunForm::default()
            .request("hello")
            .expect("an empty form is fine");
        assert_eq!(
            request,
            RunRequest {
                image: "hello".into(),
                network: NetworkMode::Bridge,
                ..RunRequest::default()
            }
        );
    }

    #[test]
    fn ports_are_sent_with_the_bridge_alone_and_kept_meanwhile() {
        let mut form = RunForm::default();
        form.ports
            .add(PortRow::of_exposed("3000/tcp").expect("a port"));
        let sent = |form: &RunForm| form.request("web").expect("a good form").ports.len();
        assert_eq!(sent(&form), 1);
        for network in [NetworkMode::Host, NetworkMode::None] {
            form.network = network;
            // A mistake in what is not sent is none.
            form.ports.get_mut(0).expect("a row").host = "x".into();
            assert_eq!(sent(&form), 0);
        }
    }

    #[test]
    fn a_terminal_is_a_standard_input_too() {
        let form = RunForm {
            terminal: true,
            ..RunForm::default()
        };
        let request = form.request("hello").expect("a good form");
        assert!(request.terminal && request.interactive);
    }

    #[test]
    fn names_are_as_the_engine_wants_them() {
        let problem = |name: &str| {
            let form = RunForm {
                name: name.into(),
                ..RunForm::default()
            };
            form.name_problem()
        };
        for name in ["", " web-1 ", "a.b_c"] {
            assert_eq!(problem(name), None, "{name}");
        }
        // One letter may be the first of several.
        assert_eq!(problem("a"), Some(Problem::NameShort));
        for name in ["-a", "a b", "ção"] {
            assert_eq!(problem(name), Some(Problem::Name(name.into())));
        }
    }
}
