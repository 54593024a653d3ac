//! The part of a filter that the kernel applies.
//!
//! The kernel knows processes by PID only. So it gets a list, and two rules by which it extends the
//! list itself, so that nothing is missed between an event and user space's answer to it. What it
//! lets through is always at least what the filter accepts.

use super::term::{Expr, Term};
use super::{Candidate, Filter, PushDown};
use syscope_shared::filter::FILTER_SLOTS;

/// A PID that no process has.
const NOBODY: u32 = u32::MAX;

impl Filter {
    /// What the kernel is to let through, given the processes that live now.
    ///
    /// A process that changes its name without an exec is found when the plan is made anew.
    pub fn plan<'a>(&self, living: impl Iterator<Item = Candidate<'a>>) -> PushDown {
        let Some(root) = &self.root else { return PushDown::All };
        // A PID that is free now may be taken later.
        let mut pids = self.named_pids();
        let strangers = Truth::for_stranger(root).may_be_true;
        if strangers {
            pids.extend(living.filter(|process| self.admits(process)).map(|process| process.pid));
        }
        if pids.len() > FILTER_SLOTS as usize {
            return PushDown::All;
        }
        let adopt_execs = strangers && names_matter(root);
        PushDown::Only { pids, inherit_forks: strangers, adopt_execs }
    }

    /// Whether a process must be on the kernel's list: because the filter accepts it, or might
    /// accept a child of it that is not born yet (as `!pid:1` does).
    pub fn admits(&self, process: &Candidate<'_>) -> bool {
        let Some(root) = &self.root else { return true };
        if root.matches(process) || self.named_pids().contains(&process.pid) {
            return true;
        }
        if !pids_excluded(root, false) {
            return false;
        }
        let lineage: Vec<_> =
            std::iter::once(process.pid).chain(process.lineage.iter().copied()).collect();
        root.matches(&Candidate { pid: NOBODY, lineage: &lineage, ..*process })
    }
}

/// What a filter may say of a process of which nothing is known.
#[derive(Clone, Copy)]
struct Truth {
    may_be_true: bool,
    may_be_false: bool,
}

impl Truth {
    /// Of a process that is named by no `pid:`. When such a one can never be accepted, the PIDs
    /// that are named are all the kernel has to know.
    fn for_stranger(expr: &Expr) -> Self {
        let of = |parts: &[Expr], which: fn(Self) -> bool| {
            parts.iter().map(Self::for_stranger).map(which).collect::<Vec<_>>()
        };
        let may_be_true = |truth: Self| truth.may_be_true;
        let may_be_false = |truth: Self| truth.may_be_false;
        match expr {
            Expr::All(parts) => Self {
                may_be_true: !of(parts, may_be_true).contains(&false),
                may_be_false: of(parts, may_be_false).contains(&true),
            },
            Expr::Any(parts) => Self {
                may_be_true: of(parts, may_be_true).contains(&true),
                may_be_false: !of(parts, may_be_false).contains(&false),
            },
            Expr::Not(part) => {
                let truth = Self::for_stranger(part);
                Self { may_be_true: truth.may_be_false, may_be_false: truth.may_be_true }
            }
            Expr::Term(Term::Pid(_)) => Self { may_be_true: false, may_be_false: true },
            Expr::Term(_) => Self { may_be_true: true, may_be_false: true },
        }
    }
}

/// Whether an exec can change what the filter says.
fn names_matter(expr: &Expr) -> bool {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().any(names_matter),
        Expr::Not(part) => names_matter(part),
        Expr::Term(term) => !matches!(term, Term::Pid(_) | Term::Tree(_)),
    }
}

/// Whether a `pid:` is negated: the only way in which a child is accepted and its parent is not.
fn pids_excluded(expr: &Expr, negated: bool) -> bool {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().any(|p| pids_excluded(p, negated)),
        Expr::Not(part) => pids_excluded(part, !negated),
        Expr::Term(term) => negated && matches!(term, Term::Pid(_)),
    }
}
