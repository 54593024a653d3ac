//! The Python frames of a stack as the BPF programs send them.

use syscope_shared::python::{End, NOWHERE, PAIRS_MAX, of_instruction};

/// A function that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// Address of its code object.
    pub code: u64,
    /// Where in it execution is, in bytes; `None` where that is not known.
    pub offset: Option<u32>,
    /// Line that the code object began with.
    pub first_line: u32,
}

/// Functions that one native frame of the evaluation loop runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Innermost first.
    pub functions: Vec<Function>,
    /// Index of the native frame, counted from the leaf; `None`: it is not among those that are known.
    pub place: Option<usize>,
}

/// The Python frames of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// Innermost first.
    pub runs: Vec<Run>,
    /// How they ended.
    pub end: End,
}

impl Stack {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && matches!(self.end, End::None | End::Complete)
    }

    /// Decodes pairs of words, and the number of an [`End`]; `None` if they are none.
    pub fn decode(words: &[u64], end: u32) -> Option<Self> {
        let end = *End::ALL.get(end as usize)?;
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() || pairs.len() > PAIRS_MAX {
            return None;
        }
        let (mut runs, mut open) = (Vec::new(), Run::default());
        for &[first, second] in pairs {
            if first == 0 {
                open.place = usize::try_from(second).ok().filter(|_| second < NOWHERE);
                runs.push(std::mem::take(&mut open));
            } else {
                let (offset, first_line) = of_instruction(second);
                open.functions.push(Function { code: first, offset, first_line });
            }
        }
        if !open.functions.is_empty() {
            runs.push(open);
        }
        Some(Self { runs, end })
    }
}
