//! Linux capabilities: what a container's root may do. Reduced in all five sets, so that `exec` gives none back.

use std::io;

use oci_spec::runtime::{Capability, LinuxCapabilities};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
};
use serde::{Deserialize, Serialize};

/// One set for each purpose (`man 7 capabilities`), a bit for each capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Capabilities {
    bounding: u64,
    permitted: u64,
    effective: u64,
    inheritable: u64,
    ambient: u64,
}

impl Capabilities {
    /// The sets of a spec. A spec without any gives none at all: the least is the safe reading.
    pub(crate) fn from_spec(spec: Option<&LinuxCapabilities>) -> Self {
        let set = |choose: fn(&LinuxCapabilities) -> &Option<oci_spec::runtime::Capabilities>| {
            let named = spec.and_then(|spec| choose(spec).as_ref());
            named
                .into_iter()
                .flatten()
                .fold(0, |set, named| set | bit(*named).bits())
        };
        Self {
            bounding: set(LinuxCapabilities::bounding),
            permitted: set(LinuxCapabilities::permitted),
            effective: set(LinuxCapabilities::effective),
            inheritable: set(LinuxCapabilities::inheritable),
            ambient: set(LinuxCapabilities::ambient),
        }
    }

    /// Takes from the bounding set all that the container doesn't get. Needs CAP_SETPCAP, so it comes before
    /// [`Self::apply`].
    pub(crate) fn drop_bounding(&self) -> io::Result<()> {
        for number in 0..u64::BITS {
            let capability = 1 << number;
            if self.bounding & capability != 0 {
                continue;
            }
            match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(capability)) {
                // The first number that this kernel doesn't know: there are no more.
                Err(rustix::io::Errno::INVAL) => break,
                other => other?,
            }
        }
        Ok(())
    }

    /// Sets the others, after the change of user.
    pub(crate) fn apply(&self) -> io::Result<()> {
        let sets = CapabilitySets {
            effective: CapabilitySet::from_bits_retain(self.effective),
            permitted: CapabilitySet::from_bits_retain(self.permitted),
            inheritable: CapabilitySet::from_bits_retain(self.inheritable),
        };
        set_capabilities(None, sets)?;
        clear_ambient_capability_set()?;
        for capability in CapabilitySet::from_bits_retain(self.ambient).iter() {
            configure_capability_in_ambient_set(capability, true)?;
        }
        Ok(())
    }
}

fn bit(capability: Capability) -> CapabilitySet {
    use CapabilitySet as Set;
    match capability {
        Capability::AuditControl => Set::AUDIT_CONTROL,
        Capability::AuditRead => Set::AUDIT_READ,
        Capability::AuditWrite => Set::AUDIT_WRITE,
        Capability::BlockSuspend => Set::BLOCK_SUSPEND,
        Capability::Bpf => Set::BPF,
        Capability::CheckpointRestore => Set::CHECKPOINT_RESTORE,
        Capability::Chown => Set::CHOWN,
        Capability::DacOverride => Set::DAC_OVERRIDE,
        Capability::DacReadSearch => Set::DAC_READ_SEARCH,
        Capability::Fowner => Set::FOWNER,
        Capability::Fsetid => Set::FSETID,
        Capability::IpcLock => Set::IPC_LOCK,
        Capability::IpcOwner => Set::IPC_OWNER,
        Capability::Kill => Set::KILL,
        Capability::Lease => Set::LEASE,
        Capability::LinuxImmutable => Set::LINUX_IMMUTABLE,
        Capability::MacAdmin => Set::MAC_ADMIN,
        Capability::MacOverride => Set::MAC_OVERRIDE,
        Capability::Mknod => Set::MKNOD,
        Capability::NetAdmin => Set::NET_ADMIN,
        Capability::NetBindService => Set::NET_BIND_SERVICE,
        Capability::NetBroadcast => Set::NET_BROADCAST,
        Capability::NetRaw => Set::NET_RAW,
        Capability::Perfmon => Set::PERFMON,
        Capability::Setgid => Set::SETGID,
        Capability::Setfcap => Set::SETFCAP,
        Capability::Setpcap => Set::SETPCAP,
        Capability::Setuid => Set::SETUID,
        Capability::SysAdmin => Set::SYS_ADMIN,
        Capability::SysBoot => Set::SYS_BOOT,
        Capability::SysChroot => Set::SYS_CHROOT,
        Capability::SysModule => Set::SYS_MODULE,
        Capability::SysNice => Set::SYS_NICE,
        Capability::SysPacct => Set::SYS_PACCT,
        Capability::SysPtrace => Set::SYS_PTRACE,
        Capability::SysRawio => Set::SYS_RAWIO,
        Capability::SysResource => Set::SYS_RESOURCE,
        Capability::SysTime => Set::SYS_TIME,
        Capability::SysTtyConfig => Set::SYS_TTY_CONFIG,
        Capability::Syslog => Set::SYSLOG,
        Capability::WakeAlarm => Set::WAKE_ALARM,
    }
}

#[cfg(test)]
mod tests {
    use super::Capabilities;

    #[test]
    fn the_defaults_are_the_mask_that_docker_containers_show() {
        let spec = crate::defaults::default_spec(&crate::defaults::ProcessOptions::default());
        let process = spec.process().clone().unwrap();
        let sets = Capabilities::from_spec(process.capabilities().as_ref());
        assert_eq!(sets.effective, 0x0000_0000_a804_25fb);
        assert_eq!(
            (sets.bounding, sets.permitted),
            (sets.effective, sets.effective)
        );
        assert_eq!((sets.inheritable, sets.ambient), (0, 0));
    }

    #[test]
    fn a_spec_without_capabilities_gives_none() {
        assert_eq!(Capabilities::from_spec(None).bounding, 0);
    }
}
