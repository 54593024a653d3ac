//! From text to a filter.

use super::ParseError;
use super::term::{Expr, Pattern, Piece, Term};
use std::ops::Range;

/// Parentheses in parentheses that are followed: text from a command line must not be able to use
/// up the stack.
const DEPTH_MAX: usize = 32;

type Result<T> = std::result::Result<T, ParseError>;

/// Understands a filter; `None` when there is nothing in it.
pub(super) fn parse(text: &str) -> Result<Option<Expr>> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    parser.skip_space();
    if parser.rest().is_empty() {
        return Ok(None);
    }
    parser.any().map(Some)
}

struct Parser<'a> {
    text: &'a str,
    /// Bytes that were read.
    at: usize,
    /// Parentheses that are open.
    depth: usize,
}

/// A word, and which of its characters stood in quotes.
struct Word {
    chars: Vec<(char, bool)>,
    at: Range<usize>,
}

impl<'a> Parser<'a> {
    /// Terms joined by `or`.
    fn any(&mut self) -> Result<Expr> {
        let mut parts = vec![self.all(None)?];
        while let Some(or) = self.keyword("or") {
            parts.push(self.all(Some(or))?);
        }
        Ok(one_or(parts, Expr::Any))
    }

    /// Terms joined by spaces or `and`, after an `or` or at a start.
    fn all(&mut self, or: Option<Range<usize>>) -> Result<Expr> {
        let mut parts = Vec::new();
        let mut and = None;
        while !self.ends() {
            if let Some(here) = self.keyword("and") {
                if parts.is_empty() || and.is_some() || self.ends() {
                    return error(here, needs_both("and"));
                }
                and = Some(here);
            } else {
                parts.push(self.term()?);
                and = None;
            }
        }
        if parts.is_empty() {
            let here = or.or_else(|| self.keyword("or"));
            return match here {
                Some(or) => error(or, needs_both("or")),
                None => error(self.here(), "there is nothing in these parentheses"),
            };
        }
        Ok(one_or(parts, Expr::All))
    }

    /// Whether the terms that belong together end here: at an `or`, a `)` or the end of the text.
    fn ends(&mut self) -> bool {
        self.skip_space();
        let rest = self.rest();
        rest.is_empty()
            || (self.depth > 0 && rest.starts_with(')'))
            || keyword_length(rest, "or").is_some()
    }

    fn term(&mut self) -> Result<Expr> {
        let start = self.at;
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches('!').len();
        let negations = self.at - start;
        let next = self.rest().chars().next();
        let bare = next.is_none_or(|c| c.is_whitespace() || (c == ')' && self.depth > 0));
        if negations > 0 && bare {
            return error(start..self.at, "`!` needs a term right behind it, as in !comm:cron");
        }
        let expr = match next {
            Some('(') => self.group()?,
            Some(')') => {
                let message = "this `)` closes nothing; to search for it, quote it: \")\"";
                return error(self.here(), message);
            }
            _ => Expr::Term(self.word()?.term(self.text)?),
        };
        Ok(if negations % 2 == 1 { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn group(&mut self) -> Result<Expr> {
        let open = self.here();
        if self.depth == DEPTH_MAX {
            return error(open, "these are too many parentheses in each other");
        }
        self.at = open.end;
        self.depth += 1;
        self.skip_space();
        if self.rest().is_empty() {
            return error(open, UNCLOSED);
        }
        let inner = self.any()?;
        if !self.rest().starts_with(')') {
            return error(open, UNCLOSED);
        }
        self.at += 1;
        self.depth -= 1;
        Ok(inner)
    }

    /// Reads up to the next space outside of quotes.
    fn word(&mut self) -> Result<Word> {
        let start = self.at;
        let mut chars = Vec::new();
        let mut quote: Option<usize> = None;
        // Parentheses of the word itself, as in `main()`: it means the same in a group and outside.
        let mut own: Vec<usize> = Vec::new();
        let mut rest = self.rest().char_indices();
        let mut end = self.text.len();
        while let Some((offset, c)) = rest.next() {
            if quote.is_none() && c == '(' {
                own.push(start + offset);
            }
            let closes = c == ')' && quote.is_none() && own.pop().is_none();
            let ends = c.is_whitespace() || closes;
            match (c, quote) {
                ('"', None) => quote = Some(start + offset),
                ('"', Some(_)) => quote = None,
                ('\\', Some(_)) if matches!(rest.clone().next(), Some((_, '"' | '\\'))) => {
                    chars.extend(rest.next().map(|(_, c)| (c, true)));
                }
                (_, None) if ends => {
                    end = start + offset;
                    break;
                }
                _ => chars.push((c, quote.is_some())),
            }
        }
        if let Some(open) = quote {
            return error(open..open + 1, "this quote is not closed: it needs another `\"`");
        }
        if let Some(open) = own.pop() {
            return error(
                open..open + 1,
                "this `(` is not closed; to search for it, quote it: \"(\"",
            );
        }
        self.at = end;
        Ok(Word { chars, at: start..end })
    }

    /// Reads a keyword, if the next word is this one.
    fn keyword(&mut self, keyword: &str) -> Option<Range<usize>> {
        self.skip_space();
        let start = self.at;
        self.at += keyword_length(self.rest(), keyword)?;
        Some(start..self.at)
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next character.
    fn here(&self) -> Range<usize> {
        let length = self.rest().chars().next().map_or(0, char::len_utf8);
        self.at..self.at + length
    }
}

const UNCLOSED: &str = "this `(` is not closed: it needs a `)`";

fn keyword_length(rest: &str, keyword: &str) -> Option<usize> {
    let word = rest.get(..keyword.len())?;
    let behind = rest[keyword.len()..].chars().next();
    let whole = behind.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')'));
    (word.eq_ignore_ascii_case(keyword) && whole).then_some(keyword.len())
}

fn needs_both(keyword: &str) -> String {
    format!(
        "`{keyword}` needs a term on both sides; to search for the word, quote it: \"{keyword}\""
    )
}

fn one_or(mut parts: Vec<Expr>, join: impl Fn(Vec<Expr>) -> Expr) -> Expr {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

fn error<T>(at: Range<usize>, message: impl Into<String>) -> Result<T> {
    Err(ParseError { at, message: message.into() })
}

impl Word {
    /// The term that the word stands for.
    fn term(self, text: &str) -> Result<Term> {
        let Some(colon) = self.colon() else {
            let word = self.lower_case(0);
            if word.is_empty() {
                return error(self.at, "there is nothing in these quotes");
            }
            return Ok(Term::Word(word));
        };
        // A key is ASCII outside of quotes: its characters are its bytes.
        let key_at = self.at.start..self.at.start + colon + 1;
        let key = text[self.at.start..key_at.end - 1].to_ascii_lowercase();
        let value = colon + 1;
        let empty = self.chars.len() == value;
        match key.as_str() {
            "pid" => self.pids(value, text, &key).map(Term::Pid),
            "tree" => self.pids(value, text, &key).map(Term::Tree),
            "comm" if empty => error(key_at, "comm: takes a name, as in comm:nginx or comm:ngin*"),
            "comm" => Ok(Term::Comm(self.pattern(value))),
            "cmd" if empty => {
                error(key_at, "cmd: takes a part of the command line, as in cmd:--verbose")
            }
            "cmd" => Ok(Term::Cmd(self.lower_case(value))),
            _ => error(key_at, unknown(&key)),
        }
    }

    /// Index of the colon behind what looks like a key: letters outside of quotes.
    fn colon(&self) -> Option<usize> {
        let key = self.chars.iter().take_while(|(c, quoted)| c.is_ascii_alphabetic() && !quoted);
        let length = key.count();
        (length > 0 && self.chars.get(length) == Some(&(':', false))).then_some(length)
    }

    fn lower_case(&self, from: usize) -> String {
        self.chars[from..].iter().map(|(c, _)| *c).collect::<String>().to_lowercase()
    }

    fn pattern(&self, from: usize) -> Pattern {
        let piece = |(c, quoted): &(char, bool)| match (c, quoted) {
            ('*', false) => Piece::AnyText,
            ('?', false) => Piece::AnyOne,
            _ => Piece::One(*c),
        };
        Pattern::new(self.chars[from..].iter().map(piece).collect())
    }

    fn pids(&self, from: usize, text: &str, key: &str) -> Result<Vec<u32>> {
        let mut at = self.at.start + from;
        let mut pids = Vec::new();
        for number in text[at..self.at.end].split(',') {
            let here = at..at + number.len();
            at = here.end + 1;
            match number.parse() {
                Ok(pid) if number.starts_with(|c: char| c.is_ascii_digit()) => pids.push(pid),
                _ => {
                    let here = if here.is_empty() { self.at.clone() } else { here };
                    return error(here, not_a_pid(number, key));
                }
            }
        }
        Ok(pids)
    }
}

fn not_a_pid(number: &str, key: &str) -> String {
    let as_in = format!("{key}: takes numbers, as in {key}:123 or {key}:123,456");
    if number.is_empty() {
        as_in
    } else if number.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("{number} is too large for a PID")
    } else {
        format!("{as_in}; to match a name, use comm:{number}")
    }
}

fn unknown(key: &str) -> String {
    let meant = match key {
        "name" | "process" | "proc" | "comm" | "command" => "comm:",
        "exe" | "args" | "arg" | "cmdline" => "cmd:",
        "ppid" | "parent" | "child" | "children" => "tree:",
        _ if key.starts_with('p') => "pid:",
        _ if key.starts_with('t') => "tree:",
        _ if key.starts_with("cm") => "cmd:",
        _ if key.starts_with('c') => "comm:",
        _ => {
            return format!(
                "`{key}:` is not known: there are pid:, tree:, comm: and cmd:; to search for a \
                 text with a colon, quote it"
            );
        }
    };
    format!("`{key}:` is not known: did you mean `{meant}`? To search for the text, quote it")
}
