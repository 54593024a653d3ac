//! Whether a map is worth reading: what is full may never change.

/// How often programs had written to a map at its last two readings.
#[derive(Default)]
pub struct Unchanged([Option<u64>; 2]);

impl Unchanged {
    /// Whether programs have written nothing since the last reading. `written`: how often they had, before this
    /// reading; `None` where that is not known. Once more after a change: another CPU may see it late.
    pub fn since(&mut self, written: Option<u64>) -> bool {
        let is_unchanged = written.is_some() && self.0 == [written; 2];
        self.0 = [self.0[1], written];
        is_unchanged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read_once_more_after_a_change_and_always_where_changes_are_not_known() {
        let mut map = Unchanged::default();
        let mut read = |written| !map.since(written);
        assert!(read(Some(0)) && read(Some(0)), "the first two times");
        assert!(!read(Some(0)) && !read(Some(0)));
        assert!(read(Some(1)) && read(Some(1)));
        assert!(!read(Some(1)));
        assert!(read(None) && read(None) && read(None));
        assert!(read(Some(1)) && read(Some(1)) && !read(Some(1)));
    }
}
