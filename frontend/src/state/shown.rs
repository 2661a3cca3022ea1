//! Which container a page shows: the one of its address, also after it has left the list.

use estiva_shared::protocol::ContainerSummary;

/// What there is to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Shown {
    /// It is in the list.
    Here(ContainerSummary),
    /// It was, and is no more: as it was last seen.
    Removed(ContainerSummary),
    /// The page never saw it.
    #[default]
    Unknown,
}

impl Shown {
    /// What there is to show after a newer list.
    pub fn after(self, list: &[ContainerSummary], id: &str) -> Shown {
        match (list.iter().find(|container| container.id == id), self) {
            (Some(container), _) => Shown::Here(container.clone()),
            (None, Shown::Here(last) | Shown::Removed(last)) => Shown::Removed(last),
            (None, Shown::Unknown) => Shown::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::protocol::{ContainerStatus, Limits, NetworkMode};

    fn container(id: &str) -> ContainerSummary {
        ContainerSummary {
            id: id.into(),
            name: id.into(),
            image: "hello".into(),
            image_id: String::new(),
            command: Vec::new(),
            status: ContainerStatus::Running,
            created_ms: 0,
            started_ms: None,
            limits: Limits::default(),
            network: NetworkMode::None,
            pid: None,
            ports: Vec::new(),
            addresses: Vec::new(),
            mounts: Vec::new(),
            terminal: false,
            interactive: false,
            read_only: false,
        }
    }

    /// "Remove it when it ends" took the output away at the moment when one wanted to read it.
    #[test]
    fn a_container_that_leaves_the_list_stays_in_sight() {
        let list = [container("a"), container("b")];
        let here = Shown::default().after(&list, "a");
        assert_eq!(here, Shown::Here(container("a")));
        let removed = here.after(&list[1..], "a");
        assert_eq!(removed, Shown::Removed(container("a")));
        assert_eq!(removed.clone().after(&[], "a"), removed);
    }

    #[test]
    fn one_that_was_never_in_the_list_is_unknown() {
        assert_eq!(
            Shown::default().after(&[container("b")], "a"),
            Shown::Unknown
        );
    }
}
