//! Wildcard patterns as small automata: `.dockerignore` and `${name#pattern}` share them.
//!
//! All states that a pattern can be in are followed at once, so that no pattern makes the time grow faster than its
//! length times the text's: a regular expression with backtracking would be a way to hang the builder.

/// Which characters stand for one character of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// All.
    Any,
    /// All but `/`.
    NotSlash,
    /// All but a line end.
    NotNewline,
    /// `[a-z]`, or what is not in it.
    Class {
        /// `[^a-z]`.
        negated: bool,
        /// First and last of each range.
        ranges: Vec<(char, char)>,
    },
}

impl Set {
    fn holds(&self, c: char) -> bool {
        match self {
            Self::Any => true,
            Self::NotSlash => c != '/',
            Self::NotNewline => c != '\n',
            Self::Class { negated, ranges } => {
                ranges
                    .iter()
                    .any(|&(first, last)| (first..=last).contains(&c))
                    != *negated
            }
        }
    }
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// This character.
    Literal(char),
    /// One of these.
    One(Set),
    /// Any number of these.
    Many(Set),
    /// Nothing, or anything that ends with a slash.
    Folders,
}

/// A pattern, ready to be matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
}

impl Pattern {
    pub(super) fn new(tokens: Vec<Token>) -> Self {
        Self { tokens }
    }

    /// The characters that every match begins with.
    pub(super) fn literal_start(&self) -> String {
        let literal = |token: &Token| match token {
            Token::Literal(c) => Some(*c),
            _ => None,
        };
        self.tokens.iter().map_while(literal).collect()
    }

    /// Starts matching at the beginning of a text.
    pub(super) fn run(&self) -> Run<'_> {
        // Two states a token (the second: inside what `Folders` stands for), and one for the end.
        let mut run = Run {
            tokens: &self.tokens,
            now: Vec::new(),
            marks: vec![0; self.tokens.len() * 2 + 1],
            step: 0,
        };
        run.restart();
        run
    }
}

/// A match on its way through a text.
pub(super) struct Run<'a> {
    tokens: &'a [Token],
    /// The states it may be in: twice a token's index, plus one inside `Folders`.
    now: Vec<usize>,
    /// The last step that entered each state, so that none is listed twice.
    marks: Vec<usize>,
    step: usize,
}

impl Run<'_> {
    /// Goes back to the beginning, for another text: cheaper than a new run where the pattern is long.
    pub(super) fn restart(&mut self) {
        self.step += 1;
        let mut now = std::mem::take(&mut self.now);
        now.clear();
        self.enter(0, &mut now);
        self.now = now;
    }

    /// Goes over one character.
    pub(super) fn advance(&mut self, c: char) {
        self.step += 1;
        let now = std::mem::take(&mut self.now);
        let mut next = Vec::with_capacity(now.len() + 1);
        for state in now {
            let Some(token) = self.tokens.get(state / 2) else {
                continue;
            };
            match token {
                Token::Literal(literal) if *literal == c => self.enter(state + 2, &mut next),
                Token::One(set) if set.holds(c) => self.enter(state + 2, &mut next),
                Token::Many(set) if set.holds(c) => self.enter(state, &mut next),
                Token::Folders => {
                    let inside = state / 2 * 2 + 1;
                    if self.mark(inside) {
                        next.push(inside);
                    }
                    if c == '/' {
                        self.enter(inside + 1, &mut next);
                    }
                }
                _ => {}
            }
        }
        self.now = next;
    }

    /// What was gone over so far matches the whole pattern.
    pub(super) fn is_match(&self) -> bool {
        self.now.contains(&(self.tokens.len() * 2))
    }

    /// Some text that begins with what was gone over could still match. False also right after a match that nothing
    /// longer can repeat.
    pub(super) fn can_go_on(&self) -> bool {
        self.now.iter().any(|&state| state < self.tokens.len() * 2)
    }

    /// How many states are followed: what the next step costs.
    pub(super) fn width(&self) -> usize {
        self.now.len()
    }

    /// Enters a state, and those that it leads to without a character.
    fn enter(&mut self, state: usize, list: &mut Vec<usize>) {
        let mut state = state;
        while self.mark(state) {
            list.push(state);
            match self.tokens.get(state / 2) {
                Some(Token::Many(_) | Token::Folders) => state += 2,
                _ => return,
            }
        }
    }

    fn mark(&mut self, state: usize) -> bool {
        let step = self.step;
        self.marks
            .get_mut(state)
            .is_some_and(|mark| std::mem::replace(mark, step) != step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(tokens: &[Token], text: &str) -> bool {
        let pattern = Pattern::new(tokens.to_vec());
        let mut run = pattern.run();
        text.chars().for_each(|c| run.advance(c));
        run.is_match()
    }

    #[test]
    fn folders_stand_for_nothing_or_for_whole_folders() {
        let tokens = [Token::Literal('a'), Token::Folders, Token::Literal('b')];
        for (text, expected) in [
            ("ab", true),
            ("ax/b", true),
            ("a/x/b", true),
            ("axb", false),
            ("a/", false),
        ] {
            assert_eq!(matches(&tokens, text), expected, "{text}");
        }
    }

    #[test]
    fn many_stars_take_time_in_proportion_only() {
        let mut tokens = vec![Token::Many(Set::Any); 200];
        tokens.push(Token::Literal('b'));
        assert!(!matches(&tokens, &"a".repeat(2000)));
    }
}
