//! What the numbers of an ELF file are called.
//!
//! Specification: System V ABI (gABI), chapters 4 and 5; the registry of machines; elf(5).

/// The name of a machine.
pub fn machine(number: u16) -> Option<&'static str> {
    Some(match number {
        3 => "Intel 80386",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "PowerPC 64-bit",
        22 => "IBM S/390",
        40 => "ARM",
        43 => "SPARC V9",
        50 => "Intel IA-64",
        62 => "AMD x86-64",
        183 => "ARM AArch64",
        243 => "RISC-V",
        247 => "Linux BPF",
        258 => "LoongArch",
        _ => return None,
    })
}

/// The name of an operating system's ABI.
pub fn abi(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "System V",
        1 => "HP-UX",
        2 => "NetBSD",
        3 => "GNU/Linux",
        6 => "Solaris",
        9 => "FreeBSD",
        12 => "OpenBSD",
        64 => "ARM EABI",
        97 => "ARM",
        255 => "standalone",
        _ => return None,
    })
}

/// The name of a segment's type, as readelf writes it.
pub fn segment(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0 => "NULL",
        1 => "LOAD",
        2 => "DYNAMIC",
        3 => "INTERP",
        4 => "NOTE",
        5 => "SHLIB",
        6 => "PHDR",
        7 => "TLS",
        0x6474_e550 => "GNU_EH_FRAME",
        0x6474_e551 => "GNU_STACK",
        0x6474_e552 => "GNU_RELRO",
        0x6474_e553 => "GNU_PROPERTY",
        _ => return None,
    })
}

/// The name of a section's type, as readelf writes it.
pub fn section(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0 => "NULL",
        1 => "PROGBITS",
        2 => "SYMTAB",
        3 => "STRTAB",
        4 => "RELA",
        5 => "HASH",
        6 => "DYNAMIC",
        7 => "NOTE",
        8 => "NOBITS",
        9 => "REL",
        11 => "DYNSYM",
        14 => "INIT_ARRAY",
        15 => "FINI_ARRAY",
        16 => "PREINIT_ARRAY",
        17 => "GROUP",
        18 => "SYMTAB_SHNDX",
        0x6fff_fff5 => "GNU_ATTRIBUTES",
        0x6fff_fff6 => "GNU_HASH",
        0x6fff_fffd => "VERDEF",
        0x6fff_fffe => "VERNEED",
        0x6fff_ffff => "VERSYM",
        _ => return None,
    })
}
