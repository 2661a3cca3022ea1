//! A container's folder, `ROOT/containers/ID`: who writes which file, and how the folder comes and goes.
//!
//! | File | Written by |
//! |---|---|
//! | `container.json` | the engine, before the start: the record |
//! | `hosts`, `hostname`, `resolv.conf` | the engine, before the start; bound read-only over the container's |
//! | `network.json`, `proxy.json` | the engine, for as long as it holds an address, or its ports a proxy |
//! | `upper`, `work`, `rootfs` | the kernel: the overlay's changes, its scratch, the point it is mounted on |
//! | `start.lock` | the monitor; a later engine that gives the container up |
//! | `monitor.json`, `monitor.sock`, `log`…, `exit.json` | the monitor |
//! | `execs/ID` | a folder for each exec that outlives the server: `exec.json` is the engine's, the rest its monitor's |
//!
//! A folder is removed by renaming it to `.removing-ID` first: from that moment no engine takes it for a container,
//! and what a kill interrupts is finished by the next engine.

use std::{
    fs::{self, DirBuilder, Permissions},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use estiva_network::{Endpoint, resolver::resolver};
use estiva_shared::protocol::NetworkMode;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::{ContainerId, EngineError};

/// How the name of a folder that is being removed begins.
pub(crate) const REMOVING_PREFIX: &str = ".removing-";

/// The most that is copied of the host's `/etc/hosts` or `/etc/resolv.conf`, in bytes. Both are lines for people.
const HOST_FILE_BYTES_MAX: u64 = 1 << 20;

/// The paths of one container's folder.
#[derive(Clone, Debug)]
pub(crate) struct ContainerFolder {
    path: PathBuf,
}

impl ContainerFolder {
    /// The folder of this container; it need not exist.
    pub(crate) fn of(containers: &Path, id: &ContainerId) -> Self {
        Self {
            path: containers.join(id.as_str()),
        }
    }

    /// Makes it, with the folders for the overlay. The image's root belongs to root, and so does the upper folder,
    /// which the container sees as its `/`: mode 0755, within a folder that only the owner can enter.
    ///
    /// # Errors
    /// [`EngineError::File`].
    pub(crate) fn create(&self) -> Result<(), EngineError> {
        let make = |path: &Path, mode: u32| {
            DirBuilder::new()
                .mode(mode)
                .create(path)
                .and_then(|()| exactly(path, mode))
                .map_err(EngineError::file("create", path))
        };
        make(&self.path, 0o700)?;
        make(&self.upper(), 0o755)?;
        make(&self.work(), 0o700)?;
        make(&self.rootfs(), 0o755)
    }

    /// Writes `hosts`, `hostname` and `resolv.conf`, for every user of the container to read.
    ///
    /// # Errors
    /// [`EngineError::File`].
    pub(crate) fn write_host_files(
        &self,
        hostname: &str,
        network: NetworkMode,
        endpoint: Option<&Endpoint>,
    ) -> Result<(), EngineError> {
        let write = |path: &Path, text: &[u8]| {
            fs::write(path, text)
                .and_then(|()| exactly(path, 0o644))
                .map_err(EngineError::file("write", path))
        };
        let (hosts, resolv_conf) = match (network, endpoint) {
            (NetworkMode::Bridge, Some(endpoint)) => {
                let resolver = resolver(endpoint.ipv6.is_some());
                let resolver = resolver.map_err(EngineError::file("read", "/etc/resolv.conf"))?;
                let hosts = hosts_on_bridge(hostname, endpoint);
                (hosts.into_bytes(), resolver.text.into_bytes())
            }
            (NetworkMode::None | NetworkMode::Bridge, _) => (
                hosts_of(hostname).into_bytes(),
                b"# no network: nobody to ask\n".to_vec(),
            ),
            (NetworkMode::Host, _) => (host_file("/etc/hosts")?, host_file("/etc/resolv.conf")?),
        };
        write(&self.hosts(), &hosts)?;
        write(&self.hostname(), format!("{hostname}\n").as_bytes())?;
        write(&self.resolv_conf(), &resolv_conf)
    }

    /// Makes the folder no container's any more: the moment of removal.
    ///
    /// # Errors
    /// [`EngineError::File`]; a folder that is gone already is none.
    pub(crate) fn retire(&self) -> Result<PathBuf, EngineError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let retired = self.path.with_file_name(format!("{REMOVING_PREFIX}{name}"));
        match fs::rename(&self.path, &retired) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(EngineError::file("remove", &self.path)(error))
            }
            _ => Ok(retired),
        }
    }

    /// Whether a client still reads what the container wrote. It says so by a lock on the folder (`flock`, shared), which
    /// the kernel gives back however the client ends.
    pub(crate) fn is_being_read(&self) -> bool {
        is_being_read(&self.path)
    }

    /// The folder itself: where the monitor keeps its files.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The record.
    pub(crate) fn record(&self) -> PathBuf {
        self.path.join("container.json")
    }

    /// What it holds of the network.
    pub(crate) fn network(&self) -> PathBuf {
        self.path.join("network.json")
    }

    /// The process that serves its ports.
    pub(crate) fn proxy(&self) -> PathBuf {
        self.path.join("proxy.json")
    }

    /// The overlay's changes.
    pub(crate) fn upper(&self) -> PathBuf {
        self.path.join("upper")
    }

    /// The overlay's scratch.
    pub(crate) fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// Where the container's init mounts its root, in its own mount namespace.
    pub(crate) fn rootfs(&self) -> PathBuf {
        self.path.join("rootfs")
    }

    /// Where its execs' folders are.
    pub(crate) fn execs(&self) -> PathBuf {
        self.path.join("execs")
    }

    /// What is bound over `/etc/hosts`.
    pub(crate) fn hosts(&self) -> PathBuf {
        self.path.join("hosts")
    }

    /// What is bound over `/etc/hostname`.
    pub(crate) fn hostname(&self) -> PathBuf {
        self.path.join("hostname")
    }

    /// What is bound over `/etc/resolv.conf`.
    pub(crate) fn resolv_conf(&self) -> PathBuf {
        self.path.join("resolv.conf")
    }
}

/// Whether a client holds the lock of this folder of a container, or of an exec.
pub(crate) fn is_being_read(folder: &Path) -> bool {
    // A folder that can't be opened is gone, and nobody reads there.
    fs::File::open(folder).is_ok_and(|folder| {
        flock(&folder, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
    })
}

/// Gives a file or folder this mode. What a file is created with is cut by the umask of whoever started the server; what
/// a container sees must not depend on that.
pub(crate) fn exactly(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Removes a folder and all below it, however deep a container's program nested it; one that is gone is none.
///
/// # Errors
/// [`EngineError::File`].
pub(crate) fn remove_folder(path: &Path) -> Result<(), EngineError> {
    estiva_store::remove_all(path).map_err(|fault| EngineError::file("remove", path)(fault.source))
}

/// The names of a container without a network. Its own name leads to itself, as on Debian's hosts: some programs look
/// it up when they start, and would wait for a name server that is not there.
fn hosts_of(hostname: &str) -> String {
    format!(
        "127.0.0.1\tlocalhost\n127.0.1.1\t{hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n\
         ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
    )
}

/// The names of a container on the bridge, in the order of Docker's file: its own leads to the addresses that others
/// reach it by.
fn hosts_on_bridge(hostname: &str, endpoint: &Endpoint) -> String {
    let mut hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
                     ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
        .to_owned();
    hosts.push_str(&format!("{}\t{hostname}\n", endpoint.ipv4));
    if let Some(ipv6) = endpoint.ipv6 {
        hosts.push_str(&format!("{ipv6}\t{hostname}\n"));
    }
    hosts
}

/// A host's file for a container that shares its network; empty where the host has none.
fn host_file(path: &str) -> Result<Vec<u8>, EngineError> {
    let mut bytes = Vec::new();
    match fs::File::open(path)
        .and_then(|file| file.take(HOST_FILE_BYTES_MAX).read_to_end(&mut bytes))
    {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(EngineError::file("read", path)(error))
        }
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_without_a_network_knows_itself_only() {
        let containers = tempfile::tempdir().unwrap();
        let folder = ContainerFolder::of(containers.path(), &ContainerId::random().unwrap());
        folder.create().unwrap();
        folder
            .write_host_files("porto", NetworkMode::None, None)
            .unwrap();
        assert!(
            fs::read_to_string(folder.hosts())
                .unwrap()
                .contains("127.0.1.1\tporto\n")
        );
        assert_eq!(fs::read_to_string(folder.hostname()).unwrap(), "porto\n");
        assert!(
            !fs::read_to_string(folder.resolv_conf())
                .unwrap()
                .contains("nameserver")
        );
    }

    // Under a umask of 077 the container's root and its /etc/hosts and /etc/resolv.conf were root's alone: an ordinary
    // user inside could resolve nothing.
    #[test]
    fn what_a_container_sees_does_not_depend_on_the_umask() {
        let containers = tempfile::tempdir().unwrap();
        let folder = ContainerFolder::of(containers.path(), &ContainerId::random().unwrap());
        let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        let made = folder
            .create()
            .and_then(|()| folder.write_host_files("porto", NetworkMode::None, None));
        rustix::process::umask(before);
        made.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        for path in [folder.hosts(), folder.hostname(), folder.resolv_conf()] {
            assert_eq!(mode(&path), 0o644, "{}", path.display());
        }
        assert_eq!(
            (mode(&folder.upper()), mode(&folder.rootfs())),
            (0o755, 0o755)
        );
        assert_eq!((mode(folder.path()), mode(&folder.work())), (0o700, 0o700));
    }

    #[test]
    fn a_folder_is_being_read_while_a_client_holds_its_lock() {
        let containers = tempfile::tempdir().unwrap();
        let folder = ContainerFolder::of(containers.path(), &ContainerId::random().unwrap());
        assert!(!folder.is_being_read(), "one that is not there");
        folder.create().unwrap();
        assert!(!folder.is_being_read());
        let client = fs::File::open(folder.path()).unwrap();
        flock(&client, FlockOperation::LockShared).unwrap();
        assert!(folder.is_being_read());
        drop(client);
        assert!(!folder.is_being_read());
    }

    #[test]
    fn retiring_and_removing_bear_repetition() {
        let containers = tempfile::tempdir().unwrap();
        let folder = ContainerFolder::of(containers.path(), &ContainerId::random().unwrap());
        folder.create().unwrap();
        let retired = folder.retire().unwrap();
        assert!(retired.exists() && !folder.path().exists());
        assert_eq!(folder.retire().unwrap(), retired);
        remove_folder(&retired).unwrap();
        remove_folder(&retired).unwrap();
        assert_eq!(fs::read_dir(containers.path()).unwrap().count(), 0);
    }
}
