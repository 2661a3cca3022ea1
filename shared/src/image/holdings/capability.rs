//! The capabilities of a file, from its extended attribute `security.capability`, by name.
//!
//! Specification: capabilities(7), "File capability extended attribute versioning"; the layout is `struct vfs_cap_data` and
//! `struct vfs_ns_cap_data` of linux/capability.h, little-endian.

/// The attribute's name.
pub(super) const ATTRIBUTE: &str = "security.capability";

/// Names by number (linux/capability.h).
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// The capabilities as `getcap` writes them, such as `cap_net_raw=ep`; none where the attribute has no or another form.
pub(super) fn decode(attribute: &[u8]) -> Option<String> {
    let word = |at: usize| -> Option<u32> {
        let bytes = attribute.get(at * 4..at * 4 + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let magic = word(0)?;
    let is_effective = magic & 1 == 1;
    let (permitted, inheritable) = match magic >> 24 {
        1 => (u64::from(word(1)?), u64::from(word(2)?)),
        2 | 3 => (
            u64::from(word(1)?) | u64::from(word(3)?) << 32,
            u64::from(word(2)?) | u64::from(word(4)?) << 32,
        ),
        _ => return None,
    };
    let groups = [
        (
            permitted & inheritable,
            if is_effective { "eip" } else { "ip" },
        ),
        (
            permitted & !inheritable,
            if is_effective { "ep" } else { "p" },
        ),
        (inheritable & !permitted, "i"),
    ];
    let texts: Vec<_> = groups
        .into_iter()
        .filter(|(set, _)| *set != 0)
        .map(|(set, flags)| format!("{}={flags}", names(set)))
        .collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

fn names(set: u64) -> String {
    let of = |number: usize| {
        let name = NAMES.get(number).map(|name| (*name).to_owned());
        name.unwrap_or_else(|| number.to_string())
    };
    let given = (0..64).filter(|number| set >> number & 1 == 1);
    given.map(of).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn every_version_is_read() {
        for (words, text) in [
            (&[0x0200_0001, 1 << 13, 0, 0, 0][..], "cap_net_raw=ep"),
            (
                &[0x0300_0000, 1 << 10, 0, 1 << 7, 0, 1000],
                "cap_net_bind_service,cap_bpf=p",
            ),
            (&[0x0100_0001, 3, 2], "cap_dac_override=eip cap_chown=ep"),
            (&[0x0200_0000, 0, 1 << 12, 0, 1 << 31], "cap_net_admin,63=i"),
        ] {
            assert_eq!(decode(&attribute(words)).as_deref(), Some(text));
        }
    }

    #[test]
    fn other_bytes_are_none() {
        for words in [
            &[][..],
            &[0x0200_0001],
            &[0x0200_0001, 1, 0],
            &[0x0900_0000, 1, 1, 1, 1],
            &[0x0200_0001, 0, 0, 0, 0],
        ] {
            assert_eq!(decode(&attribute(words)), None);
        }
    }
}
