//! What people type into forms, read: sizes, counts, words of a command, variables; and what is wrong with it.

/// What is wrong with a field, with the text in it where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Not a name for a container.
    Name(String),
    /// A name of one letter.
    NameShort,
    /// A quote is open at the end.
    Args,
    /// Not a size.
    Memory(String),
    /// Not a number of cores.
    Cpus(String),
    /// Not a number of processes.
    Pids(String),
    /// Not a line of `NAME=value`.
    Variable(String),
    /// A value without a name.
    VariableMissing,
    /// A variable's name with `=` in it.
    VariableName(String),
    /// Another row has this variable.
    VariableTwice(String),
    /// Not a port.
    Port(String),
    /// A host's port without one in the container.
    PortMissing,
    /// Another row has this port of the host.
    PortTwice(String),
    /// Not an absolute path.
    Path(String),
    /// A bind mount without a source.
    SourceMissing,
    /// Not a volume's name.
    Volume(String),
    /// Not a place for a mount.
    Target(String),
    /// A mount without a place.
    TargetMissing,
    /// Another row has this place.
    TargetTwice(String),
}

impl Problem {
    /// What is typed so far can still become what is expected: told when the form is sent, and not while it is typed.
    pub fn is_unfinished(&self) -> bool {
        match self {
            Problem::NameShort
            | Problem::Args
            | Problem::VariableMissing
            | Problem::PortMissing
            | Problem::SourceMissing
            | Problem::TargetMissing => true,
            // As `0.5` begins.
            Problem::Memory(text) | Problem::Cpus(text) => text
                .chars()
                .all(|character| matches!(character, '0' | '.' | ',')),
            _ => false,
        }
    }
}

/// `64m`, `1.5g`, `1048576`: in bytes, units as the command line reads them (1k is 1024). `None` for an empty field.
///
/// # Errors
/// [`Problem::Memory`] for anything else.
pub fn parse_memory(text: &str) -> Result<Option<u64>, Problem> {
    let text = text.trim().to_ascii_lowercase();
    if text.is_empty() {
        return Ok(None);
    }
    let bad = || Problem::Memory(text.clone());
    let plain = text.strip_suffix('b').unwrap_or(&text);
    let plain = plain.strip_suffix('i').unwrap_or(plain);
    let (digits, unit) = match plain.chars().last() {
        Some('k') => (&plain[..plain.len() - 1], 1u64 << 10),
        Some('m') => (&plain[..plain.len() - 1], 1 << 20),
        Some('g') => (&plain[..plain.len() - 1], 1 << 30),
        _ => (plain, 1),
    };
    let value: f64 = digits.trim().parse().map_err(|_| bad())?;
    let bytes = value * unit as f64;
    // Above 2^53 a float skips whole bytes, and no machine has as much.
    if !bytes.is_finite() || !(1.0..9.0e15).contains(&bytes) {
        return Err(bad());
    }
    Ok(Some(bytes as u64))
}

/// `0.5`, or `0,5` as Portuguese writes it. `None` for an empty field.
///
/// # Errors
/// [`Problem::Cpus`] for anything that is not a number above 0.
pub fn parse_cpus(text: &str) -> Result<Option<f64>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match text.replace(',', ".").parse::<f64>() {
        Ok(cores) if cores.is_finite() && cores > 0.0 => Ok(Some(cores)),
        _ => Err(Problem::Cpus(text.to_owned())),
    }
}

/// A whole number above 0; `None` for an empty field.
///
/// # Errors
/// [`Problem::Pids`] for anything else.
pub fn parse_pids(text: &str) -> Result<Option<u64>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<u64>() {
        Ok(count) if count > 0 => Ok(Some(count)),
        _ => Err(Problem::Pids(text.to_owned())),
    }
}

/// `NAME=value`, one a line; empty lines are skipped, the value is taken as it stands.
///
/// # Errors
/// [`Problem::Variable`] with the first line that has no name.
pub fn parse_variables(text: &str) -> Result<Vec<(String, String)>, Problem> {
    text.lines()
        .map(str::trim_end)
        .filter(|line| !line.trim().is_empty())
        .map(|line| match line.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok((name.trim().to_owned(), value.to_owned()))
            }
            _ => Err(Problem::Variable(line.to_owned())),
        })
        .collect()
}

/// Splits a line into words as a shell does with quotes and backslashes, and expands nothing.
///
/// # Errors
/// [`Problem::Args`] if a quote stays open.
pub fn split_words(text: &str) -> Result<Vec<String>, Problem> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err(Problem::Args);
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_as_the_command_line_does() {
        for (text, bytes) in [
            ("64m", 64 << 20),
            ("1.5g", 3 << 29),
            ("512", 512),
            (" 16K ", 16 << 10),
            ("32MiB", 32 << 20),
        ] {
            assert_eq!(parse_memory(text), Ok(Some(bytes)), "{text}");
        }
        assert_eq!(parse_memory(" "), Ok(None));
        for text in ["m", "-1m", "64x", "1e99g", "0", "nan"] {
            assert!(parse_memory(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_cores_with_a_point_or_a_comma() {
        assert_eq!(parse_cpus("0,5"), Ok(Some(0.5)));
        assert_eq!(parse_cpus("2"), Ok(Some(2.0)));
        assert!(parse_cpus("0").is_err() && parse_cpus("many").is_err());
    }

    #[test]
    fn a_number_below_one_is_no_mistake_while_it_is_typed() {
        for text in ["0", "0.", "0,"] {
            let problem = parse_cpus(text).expect_err("not above 0");
            assert!(problem.is_unfinished(), "{text}");
        }
        for text in ["-", "0x", "many"] {
            let problem = parse_cpus(text).expect_err("no number");
            assert!(!problem.is_unfinished(), "{text}");
        }
        assert!(parse_memory("0").is_err_and(|problem| problem.is_unfinished()));
    }

    #[test]
    fn splits_words_with_quotes() {
        assert_eq!(
            split_words(r#"sh -c 'echo "a b"' x\ y """#).as_deref(),
            Ok(["sh", "-c", r#"echo "a b""#, "x y", ""]
                .map(String::from)
                .as_slice())
        );
        assert_eq!(split_words("  "), Ok(Vec::new()));
        assert_eq!(split_words("echo 'open"), Err(Problem::Args));
    }

    #[test]
    fn refuses_a_variable_without_a_name() {
        assert_eq!(
            parse_variables("A=1=2\n\n B=\n"),
            Ok(vec![
                ("A".into(), "1=2".into()),
                ("B".into(), String::new())
            ])
        );
        assert_eq!(parse_variables("A"), Err(Problem::Variable("A".into())));
    }
}
