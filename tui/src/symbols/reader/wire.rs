//! What is asked of the reader, and what it answers: messages over a socket, each with its length before
//! it, a file with those that open one.

use super::found::Found;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a message. A place takes some 24 KiB at most, as long as its names are plain text.
const MAX_MESSAGE: u32 = 16 << 20;

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) ask: Ask,
    /// CPU time that it may take.
    pub(super) patience: Duration,
}

/// See [`Request`]. Files are called by numbers, which mean the same file for ever.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Opens the file that comes with the message.
    Open(u64, About),
    /// What is at these places: file, and offset into it.
    LookUp(Vec<(u64, u64)>),
    /// Closes a file.
    Close(u64),
}

/// What has to be known of a file to open it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::symbols) struct About {
    /// How its process calls it.
    pub(in crate::symbols) module: Arc<str>,
    /// The process that maps it: debug files are looked for in its root directory, too.
    pub(in crate::symbols) pid: u32,
    /// A debug file that was fetched for it.
    pub(in crate::symbols) fetched: Option<PathBuf>,
    /// What is read of it.
    pub(in crate::symbols) reads: Reads,
}

/// What is read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::symbols) enum Reads {
    /// Debug information and symbol tables.
    Everything,
    /// Symbol tables: its debug information was too much.
    Tables,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) reply: Reply,
    /// CPU time that it took.
    pub(super) took: Duration,
}

/// See [`Answer`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Opened(Opened),
    /// What was looked for, in the same order, where it is there.
    Found(Found),
    Closed,
    /// It is no file with symbols, or nothing more is read of it: it broke the reading.
    Unreadable,
}

/// A file that was opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::symbols) struct Opened {
    /// Bytes of it and its debug file, and of what is decompressed of them.
    pub(in crate::symbols) bytes: u64,
    /// In hex.
    pub(in crate::symbols) build_id: Option<Arc<str>>,
    pub(in crate::symbols) has_debug_information: bool,
}

/// Sends a message, and a file with it.
pub(super) fn send(
    mut socket: &UnixStream,
    message: &impl Serialize,
    file: Option<&File>,
) -> io::Result<()> {
    let mut bytes = vec![0; size_of::<u32>()];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - size_of::<u32>()).map_err(io::Error::other)?;
    bytes[..size_of::<u32>()].copy_from_slice(&length.to_ne_bytes());
    let files = file.map(|file| [file.as_fd()]);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if let Some(files) = &files {
        control.push(SendAncillaryMessage::ScmRights(files));
    }
    // A reader that has ended is an error, and no signal.
    let sent = sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)?;
    socket.write_all(&bytes[sent..])
}

/// Receives a message, and the file that came with it.
///
/// # Errors
///
/// When the other side has ended, or takes longer than the socket waits.
pub(super) fn receive<M: DeserializeOwned>(
    mut socket: &UnixStream,
) -> io::Result<(M, Option<File>)> {
    let mut length = [0; size_of::<u32>()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut length)];
    let received = recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?.bytes;
    let files = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    let file = files.flatten().next().map(File::from);
    if received == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    socket.read_exact(&mut length[received..])?;
    let length = u32::from_ne_bytes(length);
    if length > MAX_MESSAGE {
        return Err(io::Error::other("a message of more bytes than any has"));
    }
    let mut bytes = vec![0; length as usize];
    socket.read_exact(&mut bytes)?;
    Ok((serde_json::from_slice(&bytes)?, file))
}
