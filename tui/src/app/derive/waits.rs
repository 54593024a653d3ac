//! What stacks tell about waits: where they are, and whether they are idle by design.

use crate::model::{Model, Place, ProcKey, Stacks};
use crate::source::{Frame, FrameKind, StackId, WaitState};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::sync::Arc;

/// Where programs wait for work, or for the time to do some. A wait elsewhere (for a lock, a pipe,
/// a reply) may as well be one that never ends.
const IDLE: &[&str] = &[
    "do_epoll_wait",
    "ep_poll",
    "do_sys_poll",
    "do_poll",
    "poll_schedule_timeout",
    "do_select",
    "core_sys_select",
    "hrtimer_nanosleep",
    "do_nanosleep",
    "sigsuspend",
    "do_sigtimedwait",
    "do_wait",
    "kernel_wait4",
    "kthread_worker_fn",
    "smpboot_thread_fn",
    "kthreadd",
    "rescuer_thread",
    "worker_thread",
];

/// Functions that wait for a connection. The frame that tells most about such a wait may be one
/// that reads wait in too.
const ACCEPT: &[&str] =
    &["inet_csk_accept", "inet_accept", "unix_accept", "vsock_accept", "do_accept"];

/// Tells which waits are idle by design; what it found out about a stack it remembers.
pub(super) struct Idle<'m> {
    stacks: &'m Stacks,
    /// Whether programs wait for work there, by stack of the kernel: of those there are few.
    for_work: FxHashMap<StackId, bool>,
}

impl<'m> Idle<'m> {
    pub(super) fn new(stacks: &'m Stacks) -> Self {
        Self { stacks, for_work: FxHashMap::default() }
    }

    /// Whether all places of a process of which no wait has ended, and that waits for no CPU, are such
    /// where waits are for work.
    pub(super) fn are_all_idle(&mut self, model: &Model, key: ProcKey) -> bool {
        let of_kernel = || is_of_kernel(model, key);
        let mut places = model.offcpu.places_of(key);
        places.all(|place| self.is_idle(place.state, place.kernel_stack, of_kernel))
    }

    /// Whether threads that have waited there all the time wait for work. Who waits for a disk or a CPU
    /// does not.
    fn is_idle(
        &mut self,
        state: WaitState,
        kernel_stack: StackId,
        of_kernel: impl FnOnce() -> bool,
    ) -> bool {
        match state {
            WaitState::Idle => true,
            WaitState::Interruptible => self.waits_for_work(kernel_stack) || of_kernel(),
            WaitState::Uninterruptible | WaitState::Stopped | WaitState::Runnable => false,
        }
    }

    fn waits_for_work(&mut self, kernel_stack: StackId) -> bool {
        let stacks = self.stacks;
        *self.for_work.entry(kernel_stack).or_insert_with(|| {
            let kernel = stacks.frames(kernel_stack);
            let is_of = |names: &[&str], frame: &Frame| {
                frame.kind == FrameKind::Kernel && names.contains(&stem(&frame.name))
            };
            let telling = telling_kernel_frame(kernel);
            telling.is_some_and(|frame| is_of(IDLE, frame))
                || kernel.iter().any(|frame| is_of(ACCEPT, frame))
        })
    }
}

/// Whether a process is a thread of the kernel: those have no command line.
fn is_of_kernel(model: &Model, key: ProcKey) -> bool {
    model.processes.get(key).is_some_and(|process| process.cmdline.is_empty())
}

/// Functions every wait goes through: they tell nothing about it.
const SCHEDULER: &[&str] = &[
    "__schedule",
    "schedule",
    "schedule_timeout",
    "schedule_hrtimeout",
    "schedule_hrtimeout_range",
    "schedule_hrtimeout_range_clock",
    "schedule_preempt_disabled",
    "preempt_schedule",
    "preempt_schedule_common",
    "preempt_schedule_irq",
    "preempt_schedule_notrace",
    "__cond_resched",
    "poll_schedule_timeout",
    "io_schedule",
    "io_schedule_timeout",
    "__traceiter_sched_switch",
];

/// How the names of functions begin that lead from an interrupt to the scheduler.
const INTERRUPT: &[&str] =
    &["asm_sysvec_", "sysvec_", "irqentry_", "raw_irqentry_", "exit_to_user_mode_"];

/// The frames that tell most about a wait, the one that leads and one that it was called from: the
/// first one of the kernel that is not the scheduler itself, and the first one of the program that
/// is not the C library. What was preempted ran: there the program's own leaf leads.
pub fn telling_frames<'m>(
    stacks: &'m Stacks,
    place: &Place,
) -> (Option<&'m Frame>, Option<&'m Frame>) {
    let kernel = stacks.frames(place.kernel_stack);
    let user = stacks.frames(place.user_stack);
    let own = user.iter().find(|frame| !is_c_library(frame) && tells_a_place(frame));
    if let (WaitState::Runnable, Some(leaf)) = (place.state, user.first()) {
        let caller = own.filter(|own| !Arc::ptr_eq(own, leaf));
        return (Some(leaf), caller.map(|frame| &**frame));
    }
    let kernel = telling_kernel_frame(kernel);
    let user = own.or_else(|| user.first().filter(|frame| tells_a_place(frame)));
    // Two notes say the same: one is enough.
    let user = user.filter(|frame| {
        kernel.is_none() || !matches!(frame.kind, FrameKind::Note | FrameKind::End)
    });
    (kernel.map(|frame| &**frame), user.map(|frame| &**frame))
}

/// The first frame of the kernel that is not the scheduler itself.
fn telling_kernel_frame(kernel: &[Arc<Frame>]) -> Option<&Arc<Frame>> {
    let tells = |frame: &&Arc<Frame>| {
        let name = stem(&frame.name);
        !SCHEDULER.contains(&name) && !INTERRUPT.iter().any(|start| name.starts_with(start))
    };
    kernel.iter().find(tells).or_else(|| kernel.first())
}

/// The name of a function of the kernel without the suffix that the compiler's clones of it carry:
/// `__schedule.constprop.0`.
fn stem(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// The name of a function without what compilers and the C library put around it:
/// `__GI_` before, `.isra.0` and the like behind.
pub fn short_name(name: &str) -> Cow<'_, str> {
    let name = name.strip_prefix("__GI_").unwrap_or(name);
    let mut short = name;
    while let Some((stem, number)) = short.rsplit_once('.')
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && let Some(stem) =
            [".isra", ".constprop", ".part"].iter().find_map(|clone| stem.strip_suffix(clone))
        && !stem.is_empty()
    {
        short = stem;
    }
    short.into()
}

/// An address in no file, such as `[heap]+0x10`, is mostly what is left of a stack of a program
/// without frame pointers.
fn tells_a_place(frame: &Frame) -> bool {
    frame.resolved || !frame.name.starts_with('[')
}

/// Wrappers of system calls are where every wait begins.
fn is_c_library(frame: &Frame) -> bool {
    let file = frame.module.as_deref().and_then(|module| module.rsplit('/').next());
    file.is_some_and(|file| {
        ["libc.", "libc-", "libpthread", "ld-linux", "ld-musl", "[vdso]"]
            .iter()
            .any(|library| file.starts_with(library))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::ResolvedStack;

    #[test]
    fn what_was_preempted_is_named_by_the_program_not_by_the_interrupt() {
        let frame = |kind, name: &str, module: &str| {
            let module = Some(module.into());
            Arc::new(Frame { kind, module, ..Frame::note(name) })
        };
        let kernel = |name| frame(FrameKind::Kernel, name, "[kernel]");
        let user = |name, module| frame(FrameKind::User, name, module);
        let stack = |id, frames| Arc::new(ResolvedStack { id: StackId(id), frames });
        let nowhere = Arc::new(Frame {
            kind: FrameKind::User,
            resolved: false,
            ..Frame::note("[heap]+0x10")
        });
        let mut stacks = Stacks::default();
        stacks.fold(vec![
            stack(3, vec![kernel("__schedule"), kernel("irqentry_exit"), kernel("asm_sysvec_x")]),
            stack(4, vec![user("memcpy", "/lib/libc.so.6"), user("hash", "/bin/app")]),
            stack(6, vec![user("poll", "/lib/libc.so.6"), nowhere]),
            stack(5, vec![kernel("__schedule"), kernel("raw_irqentry_x"), kernel("ext4_read")]),
        ]);
        let names = |state, kernel, user| {
            let (kernel_stack, user_stack) = (StackId(kernel), StackId(user));
            let place = Place { state, kernel_stack, user_stack };
            let (first, second) = telling_frames(&stacks, &place);
            (first.map(|frame| frame.name.clone()), second.map(|frame| frame.name.clone()))
        };
        let some = |name: &str| Some(name.to_owned());
        let runnable = WaitState::Runnable;
        assert_eq!(names(runnable, 3, 4), (some("memcpy"), some("hash")));
        assert_eq!(names(runnable, 5, 0), (some("ext4_read"), None));
        assert_eq!(names(WaitState::Uninterruptible, 5, 4), (some("ext4_read"), some("hash")));
        assert_eq!(names(WaitState::Interruptible, 5, 6), (some("ext4_read"), some("poll")));
    }

    /// Whether a wait that began before the watch counts as idle, in this state, in a stack of these
    /// functions, leaf first.
    fn idle_in(state: WaitState, leaf_first: &[&str], of_kernel: bool) -> bool {
        let frame = |name: &&str| Arc::new(Frame { kind: FrameKind::Kernel, ..Frame::note(name) });
        let (id, frames) = (StackId(3), leaf_first.iter().map(frame).collect());
        let mut stacks = Stacks::default();
        stacks.fold(vec![Arc::new(ResolvedStack { id, frames })]);
        Idle::new(&stacks).is_idle(state, id, || of_kernel)
    }

    #[test]
    fn only_waits_for_work_are_idle() {
        use WaitState::{Idle, Interruptible, Runnable, Stopped, Uninterruptible};
        let idle = |frames: &[&str]| idle_in(Interruptible, frames, false);
        assert!(idle(&["schedule", "schedule_hrtimeout_range", "do_epoll_wait", "do_syscall_64"]));
        assert!(idle(&["schedule", "poll_schedule_timeout.constprop.0", "do_select"]));
        assert!(idle(&["sigsuspend.isra.0"]));
        assert!(idle(&["schedule_timeout", "__skb_wait_for_more_packets", "unix_accept"]));
        assert!(!idle(&["schedule_timeout", "__skb_wait_for_more_packets", "unix_dgram_recvmsg"]));
        assert!(!idle(&["schedule", "locks_lock_inode_wait", "flock"]));
        assert!(!idle(&["schedule", "futex_wait", "do_epoll_wait"]), "its caller does not count");
        assert!(!idle(&[]), "nothing is known");
        assert!(idle_in(Interruptible, &["kswapd"], true));
        assert!(idle_in(Idle, &["worker_thread"], true));
        for state in [Uninterruptible, Stopped, Runnable] {
            assert!(!idle_in(state, &["do_epoll_wait"], true), "{state:?}");
        }
    }

    #[test]
    fn names_lose_what_compilers_add_and_nothing_else() {
        for (name, short) in [
            ("__GI___wait4", "__wait4"),
            ("sigsuspend.isra.0", "sigsuspend"),
            ("f.part.2.constprop.17", "f"),
            ("f.cold", "f.cold"),
            ("libfoo.so.1+0x20", "libfoo.so.1+0x20"),
            (".isra.0", ".isra.0"),
            ("a.isra.", "a.isra."),
        ] {
            assert_eq!(short_name(name), short);
        }
    }
}
