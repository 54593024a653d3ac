//! What a filter is made of, and when it accepts a process.

use super::Candidate;
use crate::text::from_bytes;
use std::collections::BTreeSet;
use syscope_shared::COMM_LEN;

/// A filter as a tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    /// All of them accept.
    All(Vec<Expr>),
    /// One of them accepts.
    Any(Vec<Expr>),
    /// It does not accept.
    Not(Box<Expr>),
    /// A leaf.
    Term(Term),
}

/// A leaf of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    /// Name or command line contains this; in lower case.
    Word(String),
    /// The PID is one of these.
    Pid(Vec<u32>),
    /// The PID, or an ancestor's, is one of these.
    Tree(Vec<u32>),
    /// The name is this.
    Comm(Pattern),
    /// The command line contains this; in lower case.
    Cmd(String),
}

impl Expr {
    pub(super) fn matches(&self, candidate: &Candidate<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(candidate)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(candidate)),
            Self::Not(part) => !part.matches(candidate),
            Self::Term(term) => term.matches(candidate),
        }
    }

    /// Collects the PIDs of `pid:` and `tree:`, those under a negation left out.
    pub(super) fn named_pids(&self, negated: bool, into: &mut BTreeSet<u32>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.named_pids(negated, into));
            }
            Self::Not(part) => part.named_pids(!negated, into),
            Self::Term(Term::Pid(pids) | Term::Tree(pids)) if !negated => into.extend(pids),
            Self::Term(_) => {}
        }
    }
}

impl Term {
    fn matches(&self, candidate: &Candidate<'_>) -> bool {
        match self {
            Self::Word(word) => contains(candidate.comm, word) || contains(candidate.cmdline, word),
            Self::Pid(pids) => pids.contains(&candidate.pid),
            Self::Tree(pids) => {
                let mut line = candidate.lineage.iter();
                pids.contains(&candidate.pid) || line.any(|ancestor| pids.contains(ancestor))
            }
            Self::Comm(pattern) => pattern.matches(candidate.comm),
            Self::Cmd(word) => contains(candidate.cmdline, word),
        }
    }
}

/// Whether `text` contains `word`, which is in lower case, whatever the case of `text`.
fn contains(text: &str, word: &str) -> bool {
    if word.is_ascii() {
        // Ten thousand command lines at every letter that is typed: the first byte tells most places.
        let word = word.as_bytes();
        let first = [word[0], word[0].to_ascii_uppercase()];
        let mut windows = text.as_bytes().windows(word.len());
        windows.any(|window| first.contains(&window[0]) && window.eq_ignore_ascii_case(word))
    } else {
        text.to_lowercase().contains(word)
    }
}

/// A process name, perhaps with wildcards.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
    /// What the kernel leaves of a fixed start that is longer than a name can be.
    cut: Option<String>,
}

/// One character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Piece {
    /// This character.
    One(char),
    /// Any character (`?`).
    AnyOne,
    /// Any text (`*`).
    AnyText,
}

impl Pattern {
    pub(super) fn new(pieces: Vec<Piece>) -> Self {
        let fixed: String = pieces
            .iter()
            .map_while(|piece| if let Piece::One(c) = piece { Some(*c) } else { None })
            .collect();
        // The cut may go through a character: the rest of it arrives as bytes that are no UTF-8.
        let cut = fixed.as_bytes().get(..COMM_LEN - 1).map(from_bytes);
        Self { pieces, cut: cut.filter(|cut| *cut != fixed) }
    }

    fn matches(&self, comm: &str) -> bool {
        self.cut.as_deref() == Some(comm) || self.matches_whole(comm)
    }

    /// The usual walk with one point of return: the last `*`, tried with ever longer text.
    fn matches_whole(&self, comm: &str) -> bool {
        let mut rest = comm.chars();
        let mut at = 0;
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let here = rest.clone();
            match (self.pieces.get(at), rest.next()) {
                (Some(Piece::AnyText), _) => {
                    rest = here;
                    at += 1;
                    retry = Some((at, rest.clone()));
                    continue;
                }
                (None, None) => return true,
                (Some(Piece::AnyOne), Some(_)) => at += 1,
                (Some(Piece::One(wanted)), Some(c)) if *wanted == c => at += 1,
                _ => {
                    let Some((after_star, from)) = &mut retry else { return false };
                    if from.next().is_none() {
                        return false;
                    }
                    (at, rest) = (*after_star, from.clone());
                }
            }
        }
    }
}
