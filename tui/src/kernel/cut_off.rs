//! Files that are cut off while they are read through a mapping: reading behind their new end is a
//! `SIGBUS`, which would end syscope. Somebody who copies a new library over one that runs does that.

use crate::symbols::file_was_cut_off;
use nix::unistd::{SysconfVar, sysconf};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a page; a signal handler cannot ask for it.
static PAGE: AtomicUsize = AtomicUsize::new(0);

/// Puts zeros where a file was, and has the look-up that reads it told to be void. For all mappings of
/// the process: those of blazesym are the only ones of files that others can cut off.
///
/// # Errors
///
/// When the kernel refuses, which it has no reason to.
pub fn survive_cut_off_files() -> io::Result<()> {
    let page = sysconf(SysconfVar::PAGE_SIZE)?.unwrap_or(4096);
    PAGE.store(page as usize, Ordering::Relaxed);
    // SAFETY: zeros are an action without flags; the handler below does only what a handler may.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_sigbus as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        match libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

extern "C" fn on_sigbus(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // SAFETY: the kernel hands over what is its own, and `si_addr` is what it has for this signal. Only
    // system calls that may be made in a handler are made, and atomics changed. The page that is replaced
    // could not be read any more: nothing that was there is lost.
    unsafe {
        let page = PAGE.load(Ordering::Relaxed);
        let start = (*info).si_addr() as usize & !(page - 1);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let replaced = (*info).si_code == libc::BUS_ADRERR
            && libc::mmap(start as *mut _, page, libc::PROT_READ, flags, -1, 0) != libc::MAP_FAILED;
        if replaced {
            file_was_cut_off();
        } else {
            // Something else, or from somebody else: what would have happened without a handler.
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::cut_off_files;
    use std::fs::File;
    use std::os::fd::AsRawFd;

    #[test]
    fn behind_the_end_of_a_file_that_was_cut_off_there_are_zeros() {
        survive_cut_off_files().unwrap();
        let page = PAGE.load(Ordering::Relaxed);
        let file: File = tempfile::tempfile().unwrap();
        file.set_len(4 * page as u64).unwrap();
        // SAFETY: a new mapping, at a place of the kernel's choice.
        let at = unsafe {
            let (access, flags) = (libc::PROT_READ, libc::MAP_PRIVATE);
            libc::mmap(std::ptr::null_mut(), 4 * page, access, flags, file.as_raw_fd(), 0)
        };
        assert_ne!(at, libc::MAP_FAILED);
        file.set_len(page as u64).unwrap();
        let before = cut_off_files();
        // SAFETY: the mapping is four pages long; the handler puts zeros where the file ends.
        let read = |offset: usize| unsafe { at.cast::<u8>().add(offset).read_volatile() };
        assert_eq!(read(3 * page + 7), 0);
        assert_eq!(cut_off_files(), before + 1);
        assert_eq!((read(3 * page + 8), read(page - 1)), (0, 0), "no further signal");
        assert_eq!(cut_off_files(), before + 1);
    }
}
