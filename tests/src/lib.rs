//! What the live tests share: running syscope and workloads with known truth, and reading what
//! both say.
//!
//! The tests run the real program on the real kernel. Where that is not possible they say so on
//! standard error, past the test harness's capture, and pass; with `CI=true` and as root they
//! fail instead, because there they must run.

pub mod benchmark;
pub mod binary;
pub mod bpf;
pub mod chain;
pub mod clock;
pub mod compile;
pub mod document;
pub mod empty;
pub mod kernel;
pub mod machine;
pub mod process;
pub mod recording;
pub mod report;
pub mod schema;
pub mod stats;
pub mod terminal;
pub mod traced;
pub mod wait;
pub mod watch;
pub mod workload;
