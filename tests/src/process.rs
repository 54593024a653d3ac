//! What `/proc` tells of a process.

use std::fs;

/// The children of a process that live.
pub fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let pids = |list: String| -> Vec<u32> {
        list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    };
    lists.flat_map(pids).collect()
}

/// Bytes that were resident at most; `None` when it has ended.
pub fn resident_at_most(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Bytes of a process in memory that are no part of a file: its heap and stacks, and what it has mapped of BPF
/// maps.
///
/// # Panics
///
/// When there is no such process, or it is another user's.
pub fn memory_without_files(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps")).expect("it lives");
    let (mut bytes, mut of_file) = (0, false);
    for line in text.lines() {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["Rss:", number, _] if !of_file => {
                bytes += number.parse::<u64>().expect("a number") * 1024;
            }
            // The head of a mapping: range, access, offset, device, inode, name.
            [range, _, _, _, _, ..] if range.contains('-') => {
                of_file = words.get(5).is_some_and(|name| name.starts_with('/'));
            }
            _ => {}
        }
    }
    bytes
}
