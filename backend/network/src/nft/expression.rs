//! The expressions that a rule is made of: each loads a register, compares one or decides. Registers are numbered in
//! words of four bytes (`NFT_REG32_00` and on), as concatenated keys need it.

use super::attributes::Attributes;

/// The first word's register: what a rule compares is loaded here.
pub(crate) const WORD_0: u32 = 8;

/// `NFT_REG_VERDICT`.
const VERDICT: u32 = 0;

/// What the kernel knows of a packet without looking into it (`enum nft_meta_keys`).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Meta {
    InInterface = 6,
    OutInterface = 7,
    Family = 15,
    Transport = 16,
}

/// What conntrack knows of it (`enum nft_ct_keys`).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tracked {
    State = 0,
    Status = 2,
}

/// `NF_CT_STATE_BIT`s.
pub(crate) const STATE_INVALID: u32 = 1;
pub(crate) const STATE_ESTABLISHED: u32 = 2;
pub(crate) const STATE_RELATED: u32 = 4;

/// `IPS_DST_NAT`.
pub(crate) const STATUS_DNAT: u32 = 0x20;

/// `RTN_LOCAL`: an address of this host.
pub(crate) const ADDRESS_LOCAL: u32 = 2;

/// The part of a packet that a payload is read from (`enum nft_payload_bases`).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Base {
    Network = 1,
    Transport = 2,
}

/// `NF_DROP` and `NF_ACCEPT`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Decision {
    Drop = 0,
    Accept = 1,
}

/// The expressions of a rule, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rule(Attributes);

impl Rule {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn into_attributes(self) -> Attributes {
        self.0
    }

    fn expression(self, name: &str, data: Attributes) -> Self {
        let element = Attributes::new().text(1, name).nested(2, data);
        Self(self.0.nested(1, element))
    }

    pub(crate) fn meta(self, key: Meta, register: u32) -> Self {
        let data = Attributes::new().number(1, register).number(2, key as u32);
        self.expression("meta", data)
    }

    pub(crate) fn payload(self, base: Base, offset: u32, length: u32, register: u32) -> Self {
        let data = Attributes::new()
            .number(1, register)
            .number(2, base as u32)
            .number(3, offset)
            .number(4, length);
        self.expression("payload", data)
    }

    /// Loads whether the packet's destination is an address of the host ([`ADDRESS_LOCAL`]) or of another kind.
    pub(crate) fn destination_kind(self, register: u32) -> Self {
        const RESULT_ADDRESS_TYPE: u32 = 3;
        const FLAG_DESTINATION: u32 = 2;
        let data = Attributes::new()
            .number(1, register)
            .number(2, RESULT_ADDRESS_TYPE)
            .number(3, FLAG_DESTINATION);
        self.expression("fib", data)
    }

    pub(crate) fn equals(self, register: u32, value: &[u8]) -> Self {
        self.compare(register, 0, value)
    }

    pub(crate) fn differs(self, register: u32, value: &[u8]) -> Self {
        self.compare(register, 1, value)
    }

    fn compare(self, register: u32, operator: u32, value: &[u8]) -> Self {
        let data = Attributes::new()
            .number(1, register)
            .number(2, operator)
            .nested(3, Attributes::new().bytes(1, value));
        self.expression("cmp", data)
    }

    /// Keeps the bits of a register that are in `mask`.
    pub(crate) fn mask(self, register: u32, mask: &[u8]) -> Self {
        let length = u32::try_from(mask.len()).expect("a mask is an address long");
        let data = Attributes::new()
            .number(1, register)
            .number(2, register)
            .number(3, length)
            .nested(4, Attributes::new().bytes(1, mask))
            .nested(5, Attributes::new().bytes(1, &vec![0; mask.len()]));
        self.expression("bitwise", data)
    }

    /// Goes on where conntrack has one of these bits.
    pub(crate) fn tracked(self, key: Tracked, bits: u32) -> Self {
        let load = Attributes::new().number(1, WORD_0).number(2, key as u32);
        self.expression("ct", load)
            .mask(WORD_0, &bits.to_ne_bytes())
            .differs(WORD_0, &[0; 4])
    }

    /// Goes on where a set has the key that begins at `register`.
    pub(crate) fn in_set(self, set: &str, register: u32) -> Self {
        let data = Attributes::new().text(1, set).number(2, register);
        self.expression("lookup", data)
    }

    /// Goes on where a map has the key, and loads its value.
    pub(crate) fn mapped(self, map: &str, register: u32, value_register: u32) -> Self {
        let data = Attributes::new()
            .text(1, map)
            .number(2, register)
            .number(3, value_register);
        self.expression("lookup", data)
    }

    /// Leads the connection to the address and the port in two registers.
    pub(crate) fn dnat(self, family: u8, address_register: u32, port_register: u32) -> Self {
        const KIND_DESTINATION: u32 = 1;
        let data = Attributes::new()
            .number(1, KIND_DESTINATION)
            .number(2, family.into())
            .number(3, address_register)
            .number(5, port_register);
        self.expression("nat", data)
    }

    /// Has the connection come from the address of the interface that it leaves by.
    pub(crate) fn masquerade(self) -> Self {
        self.expression("masq", Attributes::new())
    }

    pub(crate) fn decide(self, decision: Decision) -> Self {
        let verdict = Attributes::new().number(1, decision as u32);
        let data = Attributes::new()
            .number(1, VERDICT)
            .nested(2, Attributes::new().nested(2, verdict));
        self.expression("immediate", data)
    }

    /// Goes on where the packet came in by, or goes out by, an interface of this name.
    pub(crate) fn interface(self, key: Meta, name: &str) -> Self {
        self.meta(key, WORD_0).equals(WORD_0, &interface_name(name))
    }

    /// Goes on where the packet came in by, or goes out by, an interface whose name does not begin so.
    pub(crate) fn not_interfaces(self, key: Meta, prefix: &str) -> Self {
        self.meta(key, WORD_0).differs(WORD_0, prefix.as_bytes())
    }

    pub(crate) fn family(self, family: u8) -> Self {
        self.meta(Meta::Family, WORD_0).equals(WORD_0, &[family])
    }
}

/// A name as the kernel compares it (`IFNAMSIZ`).
pub(crate) fn interface_name(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    let length = name.len().min(15);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    bytes
}
