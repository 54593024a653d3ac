//! Kernel stacks as `/proc` shows them: of threads that sleep.

use crate::source::{Frame, FrameKind};
use crate::symbols::build_id_of_kernel_code;
use std::fs;
use std::sync::Arc;

/// The kernel stack of a thread that sleeps, leaf first; empty where it is not to be had. Needs
/// `CAP_SYS_ADMIN` (see proc_pid_stack(5)).
pub fn kernel_stack(pid: u32, tid: u32) -> Vec<Arc<Frame>> {
    frames(&fs::read_to_string(format!("/proc/{pid}/task/{tid}/stack")).unwrap_or_default())
}

pub(crate) fn frames(text: &str) -> Vec<Arc<Frame>> {
    text.lines().filter_map(frame).map(Arc::new).collect()
}

/// A line such as `[<0>] pipe_read+0x2e4/0x4a0` or `[<0>] nf_hook+0x10/0x90 [nf_tables]`.
fn frame(line: &str) -> Option<Frame> {
    let mut words = line.split_whitespace().skip(1);
    let place = words.next()?;
    let (name, offsets) = place.split_once("+0x").unwrap_or((place, ""));
    let offset = offsets.split('/').next().and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let module = words.next().unwrap_or("[kernel]");
    Some(Frame {
        kind: FrameKind::Kernel,
        name: name.to_owned(),
        module: Some(module.into()),
        build_id: build_id_of_kernel_code(module),
        offset: offset.unwrap_or(0),
        file: None,
        line: None,
        inlined: false,
        resolved: !name.starts_with("0x"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_frame() {
        let read = frame("[<0>] pipe_read+0x2e4/0x4a0").unwrap();
        assert_eq!((read.name.as_str(), read.offset, read.resolved), ("pipe_read", 0x2e4, true));
        let hook = frame("[<0>] nf_hook+0x10/0x90 [nf_tables]").unwrap();
        assert_eq!(hook.module.as_deref(), Some("[nf_tables]"));
        assert_eq!(frame(""), None);
    }

    #[test]
    fn a_sleeping_child_has_a_stack() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("SKIPPED: kernel stacks are shown to root only");
            return;
        }
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        let stack = kernel_stack(child.id(), child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(stack.iter().any(|frame| frame.name.contains("nanosleep")), "{stack:?}");
    }
}
