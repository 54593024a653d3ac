//! The rules of all tables, each kept once.

use rustc_hash::FxHashMap;
use syscope_shared::unwind::{RULE_NO_DATA, RULE_ROOT, RULES_MAX, Rule};

/// Rules that one file may add at most. A compiler has 800, and few files more than 300; one that was
/// made to have many must not take the room of all that are met after it.
pub const NEW_OF_FILE_MAX: usize = RULES_MAX as usize / 8;

/// Rules by number, over all tables: the `RULES` map.
///
/// Programs have few different ones: the frames of a compiler's functions are much alike. A rule keeps
/// its number for ever, once there is a table with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    numbers: FxHashMap<Rule, u32>,
    rules: Vec<Rule>,
}

impl Default for Rules {
    fn default() -> Self {
        let mut rules = Self { numbers: FxHashMap::default(), rules: Vec::new() };
        for (number, rule) in [(RULE_NO_DATA, Rule::NO_DATA), (RULE_ROOT, Rule::ROOT)] {
            assert_eq!(rules.number(rule), Some(number));
        }
        rules
    }
}

impl Rules {
    /// The number of a rule, which is a new one when it was not met before; `None` when there are
    /// [`RULES_MAX`] others already.
    pub fn number(&mut self, rule: Rule) -> Option<u32> {
        if let Some(number) = self.numbers.get(&rule) {
            return Some(*number);
        }
        let number = u32::try_from(self.rules.len()).ok().filter(|number| *number < RULES_MAX)?;
        self.rules.push(rule);
        self.numbers.insert(rule, number);
        Some(number)
    }

    /// Forgets all but the first ones: those that were added for a table that came to nothing.
    pub fn keep(&mut self, first: usize) {
        for rule in self.rules.drain(first.min(self.rules.len())..) {
            self.numbers.remove(&rule);
        }
    }

    /// All of them, by number: what is behind those that the kernel has is new.
    pub fn all(&self) -> &[Rule] {
        &self.rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_one_number_and_beyond_the_limit_none() {
        let rule = |offset| Rule { cfa_offset: offset, ..Rule::NO_DATA };
        let mut rules = Rules::default();
        assert_eq!(rules.all(), [Rule::NO_DATA, Rule::ROOT]);
        for offset in 1..=RULES_MAX as i32 - 2 {
            assert_eq!(rules.number(rule(offset)), Some(offset as u32 + 1));
        }
        assert_eq!(rules.number(rule(-1)), None);
        assert_eq!(rules.number(rule(7)), Some(8));
        assert_eq!(rules.all().len(), RULES_MAX as usize);
        rules.keep(8);
        assert_eq!(rules.number(rule(7)), Some(8), "it was forgotten, and is the next new one");
        assert_eq!(rules.number(rule(6)), Some(7));
        assert_eq!(rules.all().len(), 9);
    }
}
