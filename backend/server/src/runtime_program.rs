//! Where `estiva-runtime` and `estiva-proxy` are: inside this program, or, in a build without the feature `embed`, where a developer's
//! build put it.

use std::io;
use std::path::Path;

use estiva_engine::Programs;
use estiva_runtime::{RuntimeBinary, SealedProgram};

use crate::embedded;

/// Name the programs for one that has none inside; tests and development use them.
const RUNTIME_VARIABLE: &str = "ESTIVA_RUNTIME_BIN";
const PROXY_VARIABLE: &str = "ESTIVA_PROXY_BIN";

/// The proxy's name: beside this program, and in a list of processes.
const PROXY: &str = "estiva-proxy";

/// Both, sealed.
///
/// # Errors
/// As for [`find`].
pub(crate) fn programs() -> io::Result<Programs> {
    Ok(Programs {
        runtime: find()?,
        proxy: find_proxy()?,
    })
}

/// The proxy, sealed.
///
/// # Errors
/// As for [`find`].
pub(crate) fn find_proxy() -> io::Result<SealedProgram> {
    if let Some(program) = embedded::PROXY {
        return SealedProgram::embedded(PROXY, program);
    }
    match std::env::var_os(PROXY_VARIABLE) {
        Some(path) => SealedProgram::at(PROXY, Path::new(&path)),
        None => SealedProgram::beside_this_program(PROXY),
    }
}

/// The runtime, sealed.
///
/// # Errors
/// If it is neither inside nor beside this program, or the kernel gives no memory for it.
pub(crate) fn find() -> io::Result<RuntimeBinary> {
    if let Some(program) = embedded::RUNTIME {
        return RuntimeBinary::embedded(program);
    }
    match std::env::var_os(RUNTIME_VARIABLE) {
        Some(path) => RuntimeBinary::at(Path::new(&path)),
        None => RuntimeBinary::beside_this_program(),
    }
}
