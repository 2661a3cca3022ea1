//! The cgroups of this world's containers, where something is to be asked of them or done to them from outside. Making
//! them and entering them is the runtime's.

use estiva_runtime::{
    CgroupPath,
    cgroup::{self, Cgroup},
};

use crate::{ContainerId, EngineError};

/// The cgroup of a container.
pub(crate) fn path(world: &str, id: &ContainerId) -> CgroupPath {
    CgroupPath {
        world: world.to_owned(),
        id: id.to_string(),
    }
}

/// Whether a container has a cgroup in any hierarchy.
pub(crate) fn exists(world: &str, id: &ContainerId) -> bool {
    let Ok(cgroup) = Cgroup::find(&path(world, id)) else {
        return false;
    };
    cgroup
        .layout()
        .hierarchies()
        .iter()
        .any(|hierarchy| cgroup.folder(hierarchy).exists())
}

/// Kills what is in a container's cgroup and removes it. A monitor that ends by itself has done so already.
///
/// # Errors
/// [`EngineError::Internal`] where a process does not end.
pub(crate) fn sweep_one(world: &str, id: &ContainerId) -> Result<(), EngineError> {
    if exists(world, id) {
        sweep(world, &|other| other != id.as_str())
    } else {
        Ok(())
    }
}

/// Kills and removes what belongs to no live container of this world.
///
/// # Errors
/// [`EngineError::Internal`], with the first group that could not be removed.
pub(crate) fn sweep(world: &str, alive: &dyn Fn(&str) -> bool) -> Result<(), EngineError> {
    let failed = |reason: String| EngineError::Internal { reason };
    let swept = cgroup::sweep(world, alive).map_err(|error| failed(error.to_string()))?;
    swept
        .failures
        .into_iter()
        .next()
        .map_or(Ok(()), |failure| Err(failed(failure)))
}
