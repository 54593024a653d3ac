//! The messages of a capture, in protobuf's wire format. `docs/capture.proto` says the same for other
//! languages, with units; a test holds the two together.
//!
//! Columns are bytes here and packed numbers there, which is the same on the wire (see
//! [`super::column`]).

use prost::Message;

/// A column of unsigned numbers.
pub type Unsigned = Vec<u8>;
/// A column of signed numbers, zigzag.
pub type Signed = Vec<u8>;

#[derive(Clone, PartialEq, Message)]
pub struct Header {
    #[prost(string, tag = "1")]
    pub host: String,
    #[prost(string, tag = "2")]
    pub arch: String,
    #[prost(string, tag = "3")]
    pub kernel: String,
    #[prost(uint64, tag = "4")]
    pub cpus: u64,
    #[prost(sint64, tag = "5")]
    pub realtime_offset_ns: i64,
    #[prost(uint64, tag = "6")]
    pub boottime_offset_ns: u64,
    #[prost(uint64, tag = "7")]
    pub start_ns: u64,
    #[prost(uint64, tag = "8")]
    pub frequency_hz: u64,
    #[prost(string, tag = "9")]
    pub recorder: String,
    #[prost(string, repeated, tag = "10")]
    pub called: Vec<String>,
    #[prost(message, repeated, tag = "11")]
    pub probes: Vec<Probe>,
    #[prost(uint64, tag = "12")]
    pub interval_ns: u64,
    #[prost(string, tag = "13")]
    pub filter: String,
    #[prost(bool, tag = "14")]
    pub cmdlines: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Probe {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(bool, tag = "2")]
    pub off: bool,
    #[prost(string, tag = "3")]
    pub reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Clear {
    #[prost(bytes = "vec", tag = "1")]
    pub time_ns: Signed,
    #[prost(bytes = "vec", tag = "2")]
    pub window_ns: Unsigned,
    #[prost(bytes = "vec", tag = "3")]
    pub calls: Unsigned,
    #[prost(bytes = "vec", tag = "4")]
    pub errors: Unsigned,
    #[prost(bytes = "vec", tag = "5")]
    pub opens: Unsigned,
    #[prost(bytes = "vec", tag = "6")]
    pub blocked_ns: Unsigned,
    #[prost(bytes = "vec", tag = "7")]
    pub runqueue_ns: Unsigned,
    #[prost(bytes = "vec", tag = "8")]
    pub samples: Unsigned,
    #[prost(bytes = "vec", tag = "9")]
    pub forks: Unsigned,
    #[prost(bytes = "vec", tag = "10")]
    pub lost: Signed,
    #[prost(uint64, tag = "11")]
    pub left_out: u64,
    #[prost(uint64, tag = "12")]
    pub left_out_other: u64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Body {
    #[prost(fixed32, tag = "1")]
    pub key: u32,
    #[prost(fixed32, tag = "2")]
    pub after: u32,
    #[prost(message, required, tag = "3")]
    pub strings: Strings,
    #[prost(message, required, tag = "4")]
    pub frames: Frames,
    #[prost(message, required, tag = "5")]
    pub nodes: Nodes,
    #[prost(bytes = "vec", tag = "6")]
    pub pids: Signed,
    #[prost(bytes = "vec", tag = "7")]
    pub stack_ids: Signed,
    #[prost(message, required, tag = "8")]
    pub recalled: Stacks,
    #[prost(bytes = "vec", tag = "9")]
    pub forgotten: Unsigned,
    #[prost(message, required, tag = "10")]
    pub batches: Batches,
    #[prost(message, required, tag = "11")]
    pub processes: Processes,
    #[prost(message, required, tag = "12")]
    pub syscalls: Syscalls,
    #[prost(message, required, tag = "13")]
    pub opens: Opens,
    #[prost(message, required, tag = "14")]
    pub offcpu: Offcpu,
    #[prost(message, required, tag = "15")]
    pub waiting: Waiting,
    #[prost(message, required, tag = "16")]
    pub profile: Profile,
    #[prost(message, required, tag = "17")]
    pub stacks: Stacks,
    #[prost(message, required, tag = "18")]
    pub health: Health,
}

#[derive(Clone, PartialEq, Message)]
pub struct Strings {
    #[prost(uint64, tag = "1")]
    pub first: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub length: Unsigned,
    #[prost(bytes = "vec", tag = "3")]
    pub text: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub directory: Unsigned,
}

#[derive(Clone, PartialEq, Message)]
pub struct Frames {
    #[prost(uint64, tag = "1")]
    pub first: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub flags: Unsigned,
    #[prost(bytes = "vec", tag = "3")]
    pub name: Unsigned,
    #[prost(bytes = "vec", tag = "4")]
    pub module: Unsigned,
    #[prost(bytes = "vec", tag = "5")]
    pub build_id: Unsigned,
    #[prost(bytes = "vec", tag = "6")]
    pub offset: Unsigned,
    #[prost(bytes = "vec", tag = "7")]
    pub file: Unsigned,
    #[prost(bytes = "vec", tag = "8")]
    pub line: Unsigned,
}

#[derive(Clone, PartialEq, Message)]
pub struct Nodes {
    #[prost(uint64, tag = "1")]
    pub first: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub above: Unsigned,
    #[prost(bytes = "vec", tag = "3")]
    pub frame: Unsigned,
}

#[derive(Clone, PartialEq, Message)]
pub struct Stacks {
    #[prost(bytes = "vec", tag = "1")]
    pub count: Unsigned,
    #[prost(bytes = "vec", tag = "2")]
    pub id: Signed,
    #[prost(bytes = "vec", tag = "3")]
    pub node: Signed,
}

#[derive(Clone, PartialEq, Message)]
pub struct Batches {
    #[prost(bytes = "vec", tag = "1")]
    pub time_ns: Signed,
    #[prost(bytes = "vec", tag = "2")]
    pub window_ns: Unsigned,
}

#[derive(Clone, PartialEq, Message)]
pub struct Processes {
    #[prost(bytes = "vec", tag = "1")]
    pub count: Unsigned,
    #[prost(bytes = "vec", tag = "2")]
    pub kind: Unsigned,
    #[prost(bytes = "vec", tag = "3")]
    pub time_ns: Signed,
    #[prost(bytes = "vec", tag = "4")]
    pub pid: Unsigned,
    #[prost(bytes = "vec", tag = "5")]
    pub parent: Unsigned,
    #[prost(bytes = "vec", tag = "6")]
    pub comm: Unsigned,
    #[prost(bytes = "vec", tag = "7")]
    pub words: Unsigned,
    #[prost(bytes = "vec", tag = "8")]
    pub word: Unsigned,
    #[prost(bytes = "vec", tag = "9")]
    pub ancestors: Unsigned,
    #[prost(bytes = "vec", tag = "10")]
    pub ancestor: Unsigned,
}

#[derive(Clone, PartialEq, Message)]
pub struct Syscalls {
    #[prost(bytes = "vec", tag = "1")]
    pub count: Unsigned,
    #[prost(bytes = "vec", tag = "2")]
    pub pid: Unsigned,
    #[prost(bytes = "vec", tag = "3")]
    pub nr: Unsigned,
    #[prost(bytes = "vec", tag = "4")]
    pub calls: Unsigned,
    #[prost(bytes = "vec", tag = "5")]
    pub errors: Unsigned,
    #[prost(bytes = "vec", tag = "6")]
    pub total_ns: Unsigned,
    #[prost(bytes = "vec", tag = "7")]
    pub buckets: Unsigned,
    #[prost(bytes = "vec", tag = "8")]
    pub bucket: Unsigned,
    #[prost(bytes = "vec", tag = "9")]
    pub errnos: Unsigned,
    #[prost(bytes = "vec", tag = "10")]
    pub errno: Unsigned,
    #[prost(bytes = "vec", tag = "11")]
    pub errno_count: Signed,
}

#[derive(Clone, PartialEq, Message)]
pub struct Opens {
    #[prost(bytes = "vec", tag = "1")]
    pub count: Unsigned,
    #[prost(bytes = "vec", tag = "2")]
    pub gap_us: Signed,
    #[prost(bytes = "vec", tag = "3")]
    pub duration: Unsigned,
    #[prost(bytes = "vec", tag = "4")]
    pub pid: Unsigned,
    #[prost(bytes = "vec", tag = "5")]
    pub tid: Signed,
    #[prost(bytes = "vec", tag = "6")]
    pub comm: Unsigned,
    #[prost(bytes = "vec", tag = "7")]
    pub path: Unsigned,
    #[prost(bytes = "vec", tag = "8")]
    pub path_flags: Unsigned,
    #[prost(bytes = "vec", tag = "9")]
    pub flags: Unsigned,
    #[prost(bytes = "vec", tag = "10")]
    pub mode: Unsigned,
    #[prost(bytes = "vec", tag = "11")]
    pub result: Unsigned,
}

#[derive(Clone, PartialEq, Message)]
pub struct Offcpu {
    #[prost(bytes = "vec", tag = "1")]
    pub count: Unsigned,
    #[prost(bytes = "vec", tag = "2")]
    pub pid: Unsigned,
    #[prost(bytes = "vec", tag = "3")]
    pub state: Unsigned,
    #[prost(bytes = "vec", tag = "4")]
    pub kernel_stack: Unsigned,
    #[prost(bytes = "vec", tag = "5")]
    pub user_stack: Unsigned,
    #[prost(bytes = "vec", tag = "6")]
    pub blocked_ns: Unsigned,
    #[prost(bytes = "vec", tag = "7")]
    pub runqueue_ns: Unsigned,
    #[prost(bytes = "vec", tag = "8")]
    pub waits: Unsigned,
}

#[derive(Clone, PartialEq, Message)]
pub struct Waiting {
    #[prost(bytes = "vec", tag = "1")]
    pub steps: Unsigned,
    #[prost(bytes = "vec", tag = "2")]
    pub step: Unsigned,
    #[prost(bytes = "vec", tag = "3")]
    pub skip: Signed,
    #[prost(bytes = "vec", tag = "4")]
    pub pid: Unsigned,
    #[prost(bytes = "vec", tag = "5")]
    pub tid: Signed,
    #[prost(bytes = "vec", tag = "6")]
    pub state: Unsigned,
    #[prost(bytes = "vec", tag = "7")]
    pub kernel_stack: Unsigned,
    #[prost(bytes = "vec", tag = "8")]
    pub user_stack: Unsigned,
    #[prost(bytes = "vec", tag = "9")]
    pub since_ns: Signed,
    #[prost(bytes = "vec", tag = "10")]
    pub woken: Unsigned,
    #[prost(bytes = "vec", tag = "11")]
    pub woken_ns: Signed,
}

#[derive(Clone, PartialEq, Message)]
pub struct Profile {
    #[prost(bytes = "vec", tag = "1")]
    pub count: Unsigned,
    #[prost(bytes = "vec", tag = "2")]
    pub pid: Unsigned,
    #[prost(bytes = "vec", tag = "3")]
    pub comm: Unsigned,
    #[prost(bytes = "vec", tag = "4")]
    pub kernel_stack: Unsigned,
    #[prost(bytes = "vec", tag = "5")]
    pub user_stack: Unsigned,
    #[prost(bytes = "vec", tag = "6")]
    pub samples: Unsigned,
}

#[derive(Clone, PartialEq, Message)]
pub struct Health {
    #[prost(bytes = "vec", tag = "1")]
    pub changes: Unsigned,
    #[prost(bytes = "vec", tag = "2")]
    pub field: Unsigned,
    #[prost(bytes = "vec", tag = "3")]
    pub value: Unsigned,
}
