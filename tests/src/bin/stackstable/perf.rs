//! What `perf script -F comm,tid,ip,sym,dso` prints.

/// A frame of user space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path of the file.
    pub file: String,
    /// Offset in the file.
    pub offset: u64,
    /// Name of the function, if perf knows it.
    pub name: Option<String>,
}

/// The user frames of every sample, the leaf first.
pub fn samples(text: &str) -> Vec<Vec<Place>> {
    let mut samples = Vec::new();
    for line in text.lines() {
        if line.is_empty() {
            continue;
        }
        if !line.starts_with([' ', '\t']) {
            samples.push(Vec::new());
        } else if let (Some(sample), Some(place)) = (samples.last_mut(), place(line)) {
            sample.push(place);
        }
    }
    samples
}

/// `    116d leaf (/tmp/program)`; `None` for one of the kernel.
fn place(line: &str) -> Option<Place> {
    let (address, rest) = line.trim().split_once(' ')?;
    let rest = rest.strip_suffix(')')?;
    let at = rest.trim_end_matches(" (deleted)").rfind('(')?;
    let file = rest[at + 1..].trim_end_matches(" (deleted)");
    let in_kernel = file.starts_with("[kernel") || file.starts_with("[guest.kernel");
    if in_kernel || file == "inlined" {
        return None;
    }
    let name = rest[..at].trim();
    Some(Place {
        file: file.to_owned(),
        offset: u64::from_str_radix(address, 16).ok()?,
        name: (name != "[unknown]").then(|| name.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
cc1  7/7: \n\tffffffff81 do_it ([kernel.kallsyms])\n\t     116d leaf (/tmp/a)\n\
\t     20 operator()(int) (/tmp/b)\n\t     44 [unknown] (/lib/c (deleted))\n\n\
cc1  7/8: \n\n";

    #[test]
    fn frames_of_user_space_are_read() {
        let samples = samples(TEXT);
        assert_eq!(samples.len(), 2);
        assert_eq!(samples[1], []);
        let leaf =
            Place { file: "/tmp/a".to_owned(), offset: 0x116d, name: Some("leaf".to_owned()) };
        assert_eq!(samples[0][0], leaf);
        assert_eq!(samples[0][1].name.as_deref(), Some("operator()(int)"));
        assert_eq!(samples[0].len(), 3);
        assert_eq!((samples[0][2].name.as_deref(), &*samples[0][2].file), (None, "/lib/c"));
    }
}
