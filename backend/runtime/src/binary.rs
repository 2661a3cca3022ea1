//! The `estiva-runtime` program as a sealed file in memory, ready to be run many times; and any other small program that
//! is kept so.
//!
//! It is a copy even where the program lies on disk. A process inside a container can reach the program that started
//! it through `/proc/PID/exe`, and CVE-2019-5736 was an overwrite of the host's runtime by that road. A sealed memfd
//! refuses every write, so there is nothing to overwrite; and all monitors share its pages.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// The largest program accepted, in bytes: some twenty times what it is, so that a wrong path (an image, a disk) is
/// noticed before it fills the memory.
const PROGRAM_BYTES_MAX: u64 = 32 << 20;

/// The runtime program. Clones share one sealed copy.
#[derive(Clone, Debug)]
pub struct RuntimeBinary(SealedProgram);

/// The runtime's name, in a folder and in a list of processes.
const RUNTIME: &str = "estiva-runtime";

impl RuntimeBinary {
    /// Seals the program that was built into the caller.
    ///
    /// # Errors
    /// If the kernel gives no memfd, or no memory for it.
    pub fn embedded(program: &'static [u8]) -> io::Result<Self> {
        SealedProgram::embedded(RUNTIME, program).map(Self)
    }

    /// Seals a copy of the program at `path`.
    ///
    /// # Errors
    /// If it can't be read, is larger than 32 MiB, or as for [`Self::embedded`].
    pub fn at(path: &Path) -> io::Result<Self> {
        SealedProgram::at(RUNTIME, path).map(Self)
    }

    /// Reads `estiva-runtime` from the folder of the running program, as development builds place it.
    ///
    /// # Errors
    /// As for [`Self::at`].
    pub fn beside_this_program() -> io::Result<Self> {
        SealedProgram::beside_this_program(RUNTIME).map(Self)
    }

    pub(crate) fn command(&self) -> Command {
        self.0.command()
    }
}

/// A small program, sealed. Clones share one copy.
#[derive(Clone, Debug)]
pub struct SealedProgram {
    name: &'static str,
    memfd: Arc<OwnedFd>,
}

impl SealedProgram {
    /// Seals the program that was built into the caller, under this name.
    ///
    /// # Errors
    /// If the kernel gives no memfd, or no memory for it.
    pub fn embedded(name: &'static str, program: &'static [u8]) -> io::Result<Self> {
        Self::seal(name, program)
    }

    /// Seals a copy of the program at `path`.
    ///
    /// # Errors
    /// If it can't be read, is larger than 32 MiB, or as for [`Self::embedded`].
    pub fn at(name: &'static str, path: &Path) -> io::Result<Self> {
        let mut program = Vec::new();
        File::open(path)?
            .take(PROGRAM_BYTES_MAX + 1)
            .read_to_end(&mut program)?;
        if program.len() as u64 > PROGRAM_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!(
                    "expected a program of at most {PROGRAM_BYTES_MAX} bytes, but found a larger file"
                ),
            ));
        }
        Self::seal(name, &program)
    }

    /// Reads it by its name from the folder of the running program, as development builds place it.
    ///
    /// # Errors
    /// As for [`Self::at`].
    pub fn beside_this_program(name: &'static str) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        Self::at(name, &program.with_file_name(name))
    }

    fn seal(name: &'static str, program: &[u8]) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // EXEC says so to hosts that make memfds non-executable (vm.memfd_noexec); kernels before 6.3 don't know it.
        let memfd =
            memfd_create(name, flags | MemfdFlags::EXEC).or_else(|_| memfd_create(name, flags))?;
        let mut file = File::from(memfd);
        file.write_all(program)?;
        fcntl_add_seals(
            &file,
            SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
        )?;
        Ok(Self {
            name,
            memfd: Arc::new(OwnedFd::from(file)),
        })
    }

    /// A command that runs it. `/proc/self` is the child's own by the time that it is looked up, and the child has the
    /// descriptor until its `exec` closes it.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(format!("/proc/self/fd/{}", self.memfd.as_raw_fd()));
        command.env_clear().current_dir("/");
        std::os::unix::process::CommandExt::arg0(&mut command, self.name);
        command
    }
}
