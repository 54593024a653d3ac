//! Whether a stack is a chain.

use super::{Chain, Kind, Seen, Step};

impl Chain {
    /// Whether these frames, root first, are this chain and nothing else.
    pub fn fits(&self, frames: &[Seen]) -> bool {
        self.fits_from(0, frames)
    }

    fn fits_from(&self, index: usize, frames: &[Seen]) -> bool {
        if index >= self.required && frames.iter().all(|frame| frame.is_in(&self.beyond)) {
            return true;
        }
        let (Some(step), Some((frame, rest))) = (self.steps.get(index), frames.split_first())
        else {
            return false;
        };
        step.kind.is(frame)
            && (self.fits_from(index + 1, rest) || (step.many && self.fits_from(index, rest)))
    }

    /// How many frames at the leaf's end are those of this chain (one of functions only, but for its
    /// root), up to one that is not.
    pub fn right_from_the_leaf(&self, frames: &[Seen]) -> usize {
        let pairs = self.steps.iter().rev().zip(frames.iter().rev());
        pairs.take_while(|(Step { kind, .. }, frame)| kind.is(frame)).count()
    }
}

impl Kind {
    fn is(&self, frame: &Seen) -> bool {
        let name = frame.name.as_str();
        let in_libc = frame.is_in(&["libc.so"]);
        match self {
            Self::Function(expected) => name == expected,
            Self::In(files) => frame.is_in(files),
            Self::BeforeMain => in_libc || name.starts_with("__libc_start_"),
            Self::BeforeThread => {
                in_libc
                    || ["start_thread", "clone3", "clone", "__clone3", "__clone"].contains(&name)
            }
            Self::Signal => in_libc || name.contains("restore_rt"),
            Self::Nameless => {
                !name.starts_with(super::ENDS_EARLY)
                    && frame.file.as_deref().is_none_or(|file| file.starts_with('['))
            }
            Self::RustStd => {
                let bare = name.trim_start_matches('<');
                ["std::", "core::", "__rust"].iter().any(|start| bare.starts_with(start))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    /// `name` or `name@file`, root first.
    fn stack(text: &str) -> Vec<Seen> {
        let frame = |word: &str| {
            let (name, file) = word.split_once('@').unwrap_or((word, "program"));
            Seen { name: name.to_owned(), file: (file != "none").then(|| file.to_owned()) }
        };
        text.split_ascii_whitespace().map(frame).collect()
    }

    #[test]
    fn only_the_whole_chain_fits() {
        let chain = parse("@start -> main -> outer -> leaf");
        for (right, text) in [
            (true, "_start x@libc.so.6 y@libc.so.6 main outer leaf"),
            (true, "_start __libc_start_main main outer leaf"),
            (false, "_start main outer leaf"),
            (false, "x@libc.so.6 main outer leaf"),
            (false, "main outer leaf"),
            (false, "_start x@libc.so.6 main leaf"),
            (false, "_start x@libc.so.6 main outer"),
            (false, "_start x@libc.so.6 main outer odd leaf"),
            (false, "_start x@libc.so.6 main outer leaf odd"),
            (false, "_start x@libc.so.6 main outer leaf x@libc.so.6"),
            (false, "odd _start x@libc.so.6 main outer leaf"),
            (false, "leaf"),
            (false, ""),
        ] {
            assert_eq!(chain.fits(&stack(text)), right, "{text}");
        }
    }

    #[test]
    fn parts_that_are_no_names_fit_what_they_say() {
        for (right, chain, text) in [
            (true, "main -> @in:libc.so -> leaf", "main a@libc.so.6 b@libc.so.6 leaf"),
            (false, "main -> @in:libc.so -> leaf", "main leaf"),
            (false, "main -> @in:libc.so -> leaf", "main a@libm.so.6 leaf"),
            (true, "main -> ~libc.so,[vdso]", "main a@libc.so.6 b@[vdso]"),
            (true, "main -> ~libc.so", "main"),
            (false, "main -> ~libc.so", "main leaf"),
            (true, "@thread -> leaf", "clone3@libc.so.6 start_thread@libc.so.6 leaf"),
            (false, "@thread -> leaf", "leaf"),
            (true, "f -> @signal -> leaf", "f x@libc.so.6 leaf"),
            (false, "f -> @signal -> leaf", "f leaf"),
            (true, "f -> @nameless -> leaf", "f [anon]+0x10@none leaf"),
            (true, "f -> @nameless -> leaf", "f [jit]+0x10@[jit] leaf"),
            (false, "f -> @nameless -> leaf", "f g leaf"),
            (true, "main -> @std -> f", "main std::rt::x core::ops::y f"),
            (true, "main -> f*3", "main f f f"),
            (false, "main -> f*3", "main f f"),
            (true, "main | a -> b", "main"),
            (true, "main | a -> b", "main a"),
            (true, "main | a -> b", "main a b"),
            (false, "main | a -> b", "main b"),
            (true, "main | a -> b -> ~libc.so", "main a x@libc.so.6"),
            (false, "main -> a | b", "main"),
        ] {
            assert_eq!(parse(chain).fits(&stack(text)), right, "{chain}: {text}");
        }
    }

    #[test]
    fn frames_are_right_up_to_the_first_that_is_not() {
        let chain = parse("main -> f*10 -> leaf");
        assert_eq!(chain.right_from_the_leaf(&stack("f f leaf")), 3);
        assert_eq!(chain.right_from_the_leaf(&stack("f odd f leaf")), 2);
        assert_eq!(chain.right_from_the_leaf(&stack("leaf f")), 0);
    }
}
