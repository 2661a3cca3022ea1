//! The problems of one analysis: as many as help, and no more than memory bears.
//!
//! An archive may name a damaged layer thousands of times, and a path or a link in a message may be long; so both their
//! number and their bytes have a limit, and what is beyond it is counted.

use super::Problem;

/// Most problems of one analysis: nobody reads further.
const PROBLEMS_MAX: usize = 1000;

/// Most bytes of their messages and paths: a thousand usual ones have 200 KiB, and an archive may hold 256 images.
const PROBLEM_BYTES_MAX: usize = 1 << 20;

/// Problems within those limits.
#[derive(Default)]
pub(super) struct Problems {
    kept: Vec<Problem>,
    bytes: usize,
    dropped: usize,
}

impl Problems {
    /// Keeps a problem, or counts it.
    pub(super) fn push(&mut self, problem: Problem) {
        let bytes = self.bytes.saturating_add(bytes_of(&problem));
        if self.kept.len() >= PROBLEMS_MAX || bytes > PROBLEM_BYTES_MAX {
            self.dropped += 1;
            return;
        }
        self.bytes = bytes;
        self.kept.push(problem);
    }

    /// Those that were kept, and a last one that counts the others.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        if self.dropped > 0 {
            let message = format!(
                "found {} problems more than the {} that are listed",
                self.dropped,
                self.kept.len()
            );
            self.kept.push(Problem {
                code: "limit".to_owned(),
                message,
                layer: None,
                entry: None,
                offset: None,
            });
        }
        self.kept
    }
}

impl Extend<Problem> for Problems {
    fn extend<T: IntoIterator<Item = Problem>>(&mut self, problems: T) {
        for problem in problems {
            self.push(problem);
        }
    }
}

/// What a problem's texts take.
pub(super) fn bytes_of(problem: &Problem) -> usize {
    problem.message.len() + problem.entry.as_ref().map_or(0, String::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(message: &str) -> Problem {
        Problem {
            code: "bad-entry".to_owned(),
            message: message.to_owned(),
            layer: None,
            entry: None,
            offset: None,
        }
    }

    #[test]
    fn number_and_bytes_have_limits_and_the_rest_is_counted() {
        let mut many = Problems::default();
        many.extend((0..1500).map(|_| problem("short")));
        let many = many.finish();
        assert_eq!((many.len(), many[1000].code.as_str()), (1001, "limit"));
        assert!(many[1000].message.contains("found 500 problems more"));
        let mut long = Problems::default();
        long.push(problem(&"x".repeat(2 << 20)));
        long.push(problem("short"));
        let long = long.finish();
        assert_eq!((long.len(), long[0].message.as_str()), (2, "short"));
    }
}
