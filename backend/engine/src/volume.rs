//! The verbs of volumes: list, make, look, remove. What a volume is on the disk is in `volumes`.

use estiva_shared::protocol::{VolumeRequest, VolumeSummary};

use crate::{
    EngineError,
    engine::Shared,
    folder::remove_folder,
    mounts::uses,
    similar::similar,
    volumes::{Volume, VolumeName, held},
};

/// All volumes, by name.
pub(crate) fn list(shared: &Shared) -> Result<Vec<VolumeSummary>, EngineError> {
    let volumes = shared.volumes.list()?;
    Ok(volumes
        .into_iter()
        .map(|volume| summary(shared, volume))
        .collect())
}

/// One of them.
pub(crate) fn get(shared: &Shared, name: &str) -> Result<VolumeSummary, EngineError> {
    let found = name
        .parse()
        .ok()
        .and_then(|name: VolumeName| shared.volumes.find(&name));
    match found {
        Some(volume) => Ok(summary(shared, volume)),
        None => Err(unknown(shared, name)),
    }
}

/// Makes one, where there is none of the name: asking twice is no mistake.
pub(crate) fn create(
    shared: &Shared,
    request: VolumeRequest,
) -> Result<VolumeSummary, EngineError> {
    let name = match &request.name {
        Some(name) => name.parse()?,
        None => VolumeName::random()?,
    };
    let made = {
        let lock = shared.volumes.lock_of(&name);
        let _held = held(&lock);
        shared.volumes.make(&name, request.name.is_none())?;
        shared.volumes.find(&name)
    };
    let volume = made.ok_or_else(|| unknown(shared, name.as_str()))?;
    Ok(summary(shared, volume))
}

/// Removes one that no container has.
pub(crate) fn remove(shared: &Shared, name: &str) -> Result<(), EngineError> {
    let Ok(parsed) = name.parse::<VolumeName>() else {
        return Err(unknown(shared, name));
    };
    let lock = shared.volumes.lock_of(&parsed);
    let is_held = held(&lock);
    if shared.volumes.find(&parsed).is_none() {
        return Err(unknown(shared, name));
    }
    let entries = shared.table.entries();
    let mut users: Vec<String> = entries
        .iter()
        .filter(|entry| uses(&entry.record.mounts, name))
        .map(|entry| entry.name().to_owned())
        .collect();
    if !users.is_empty() {
        users.sort();
        return Err(EngineError::VolumeInUse {
            name: name.to_owned(),
            containers: users,
        });
    }
    let retired = shared.volumes.retire(&parsed)?;
    drop(is_held);
    retired.map_or(Ok(()), |retired| remove_folder(&retired))
}

/// Removes those volumes of a container that is no more which nobody named, and which no other container has.
///
/// # Errors
/// The first that can't be removed; the others are removed all the same.
pub(crate) fn remove_anonymous(
    shared: &Shared,
    names: &[String],
    is_used: &dyn Fn(&str) -> bool,
) -> Result<(), EngineError> {
    let mut outcome = Ok(());
    for name in names {
        let Ok(parsed) = name.parse::<VolumeName>() else {
            continue;
        };
        let lock = shared.volumes.lock_of(&parsed);
        let is_held = held(&lock);
        // Somebody may have named what was made up; what its own file says counts too.
        let is_anonymous = |volume: Volume| volume.anonymous;
        if shared.volumes.find(&parsed).is_some_and(is_anonymous) && !is_used(name) {
            let retired = shared.volumes.retire(&parsed);
            drop(is_held);
            let removed = retired.and_then(|retired| match retired {
                Some(retired) => remove_folder(&retired),
                None => Ok(()),
            });
            outcome = outcome.and(removed);
        }
    }
    outcome
}

fn summary(shared: &Shared, volume: Volume) -> VolumeSummary {
    let entries = shared.table.entries();
    let users = entries
        .iter()
        .filter(|entry| uses(&entry.record.mounts, volume.name.as_str()));
    VolumeSummary {
        mountpoint: shared.volumes.data(&volume.name).display().to_string(),
        containers: users.map(|entry| entry.record.id.to_string()).collect(),
        name: volume.name.to_string(),
        created_ms: volume.created_ms,
        anonymous: volume.anonymous,
    }
}

fn unknown(shared: &Shared, name: &str) -> EngineError {
    let volumes = shared.volumes.list().unwrap_or_default();
    EngineError::UnknownVolume {
        name: name.to_owned(),
        similar: similar(name, volumes.iter().map(|volume| volume.name.as_str())),
    }
}
