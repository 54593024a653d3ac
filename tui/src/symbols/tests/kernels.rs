//! Kernels that list what this one may not.

use crate::source::{Frame, FrameKind};
use crate::symbols::frames::{Code, Names};
use crate::symbols::kernel::Kernel;
use std::sync::Arc;

/// The frame of an address of a kernel that lists this.
fn frame(kallsyms: &str, address: u64) -> Arc<Frame> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), kallsyms).unwrap();
    let code = Code { address, is_return: false };
    Arc::clone(&Kernel::listed_in(file.path(), |_| Ok(0)).frames(code, &mut Names::default())[0])
}

const LISTED: &str = "\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000100 T vfs_read
ffffffff81200000 T _etext
ffffffffa0001000 t ext4_file_read_iter\t[ext4]
ffffffffa0002000 t bpf_prog_6deef7357e7b4530_count_calls\t[bpf]
ffffffffa0003000 t bpf_trampoline_6442536467\t[bpf]
";

#[test]
fn modules_and_bpf_programs_have_their_names() {
    let expected = [
        (0xffff_ffff_8100_0104, "vfs_read", "[kernel]"),
        (0xffff_ffff_a000_1020, "ext4_file_read_iter", "[ext4]"),
        (0xffff_ffff_a000_2020, "bpf_prog_6deef7357e7b4530_count_calls", "[bpf]"),
        (0xffff_ffff_a000_3001, "bpf_trampoline_6442536467", "[bpf]"),
    ];
    for (address, name, module) in expected {
        let frame = frame(LISTED, address);
        assert_eq!((&*frame.name, frame.module.as_deref()), (name, Some(module)));
        assert!(frame.resolved && frame.kind == FrameKind::Kernel);
    }
}

#[test]
fn a_kernel_that_hides_its_addresses_is_said_to() {
    let digits = |line: &str| format!("{}{}\n", "0".repeat(16), &line[16..]);
    let hidden: String = LISTED.lines().map(digits).collect();
    let frame_of = |kallsyms: &str| frame(kallsyms, 0xffff_ffff_8100_0104);
    let frame = frame_of(&hidden);
    assert_eq!(frame.name, "[kernel: symbols hidden by kptr_restrict]+0xffffffff81000104");
    assert!(!frame.resolved && frame.kind == FrameKind::Kernel);
    // Where there is no list at all, that is not the reason.
    assert_eq!(frame_of("").name, "[kernel]+0xffffffff81000104");
}
