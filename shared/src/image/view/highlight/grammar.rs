//! The rules of the languages, as data.

use super::Language;

/// What a language's line is made of.
pub(super) struct Grammar {
    /// What begins a comment that ends with the line.
    pub(super) comments: &'static [&'static str],
    /// Such a comment begins only where a word could.
    pub(super) comments_between_words: bool,
    /// `/* */` is a comment.
    pub(super) has_block_comments: bool,
    /// Its strings; longer marks before those that they begin with.
    pub(super) quotes: &'static [Quote],
    /// Where names of values stand.
    pub(super) keys: Keys,
    /// Its words.
    pub(super) words: &'static [&'static str],
    /// Words that stand for values.
    pub(super) values: &'static [&'static str],
}

/// A string's mark at both ends.
#[derive(Clone, Copy)]
pub(super) struct Quote {
    pub(super) mark: &'static str,
    /// A backslash takes the next character's meaning away.
    pub(super) escapes: bool,
    /// It goes on in the next line.
    pub(super) spans: bool,
}

/// Where names of values stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Nowhere that could be told.
    None,
    /// `"name":`
    QuotedColon,
    /// `name: ` at the beginning of a line.
    Colon,
    /// `name = ` at the beginning of a line, and `[sections]`.
    Equals,
    /// `NAME=` at the beginning of a line.
    Assignment,
    /// The first word of a line is the instruction.
    Instruction,
}

const fn quote(mark: &'static str, escapes: bool, spans: bool) -> Quote {
    Quote {
        mark,
        escapes,
        spans,
    }
}

const PLAIN: Grammar = Grammar {
    comments: &[],
    comments_between_words: false,
    has_block_comments: false,
    quotes: &[],
    keys: Keys::None,
    words: &[],
    values: &[],
};

const BOTH: &[Quote] = &[quote("\"", true, false), quote("'", true, false)];

static SHELL: Grammar = Grammar {
    comments: &["#"],
    comments_between_words: true,
    quotes: &[quote("\"", true, true), quote("'", false, true)],
    keys: Keys::Assignment,
    words: &[
        "if", "then", "else", "elif", "fi", "for", "in", "do", "done", "while", "until", "case",
        "esac", "function", "return", "exit", "export", "local", "set", "unset", "shift", "trap",
        "exec", "eval", "source", "readonly", "break", "continue",
    ],
    ..PLAIN
};

static DOCKERFILE: Grammar = Grammar {
    comments: &["#"],
    comments_between_words: true,
    quotes: BOTH,
    keys: Keys::Instruction,
    words: &["AS"],
    ..PLAIN
};

static JSON: Grammar = Grammar {
    // Not of JSON, but of the files of that name that programs are configured with.
    comments: &["//"],
    has_block_comments: true,
    quotes: &[quote("\"", true, false)],
    keys: Keys::QuotedColon,
    values: &["true", "false", "null"],
    ..PLAIN
};

static YAML: Grammar = Grammar {
    comments: &["#"],
    comments_between_words: true,
    quotes: &[quote("\"", true, true), quote("'", false, true)],
    keys: Keys::Colon,
    values: &["true", "false", "null", "yes", "no", "on", "off"],
    ..PLAIN
};

static CONF: Grammar = Grammar {
    comments: &["#", ";"],
    comments_between_words: true,
    quotes: &[quote("\"\"\"", true, true), quote("\"", true, false)],
    keys: Keys::Equals,
    values: &["true", "false", "yes", "no", "on", "off"],
    ..PLAIN
};

static JAVASCRIPT: Grammar = Grammar {
    comments: &["//"],
    has_block_comments: true,
    quotes: &[
        quote("`", true, true),
        quote("\"", true, false),
        quote("'", true, false),
    ],
    words: &[
        "const",
        "let",
        "var",
        "function",
        "return",
        "if",
        "else",
        "for",
        "while",
        "do",
        "switch",
        "case",
        "default",
        "break",
        "continue",
        "new",
        "class",
        "extends",
        "import",
        "export",
        "from",
        "as",
        "async",
        "await",
        "try",
        "catch",
        "finally",
        "throw",
        "typeof",
        "instanceof",
        "in",
        "of",
        "delete",
        "void",
        "yield",
        "static",
        "this",
        "super",
        "interface",
        "type",
        "enum",
        "implements",
        "readonly",
        "declare",
        "require",
    ],
    values: &["true", "false", "null", "undefined", "NaN", "Infinity"],
    ..PLAIN
};

static PYTHON: Grammar = Grammar {
    comments: &["#"],
    quotes: &[
        quote("\"\"\"", true, true),
        quote("'''", true, true),
        quote("\"", true, false),
        quote("'", true, false),
    ],
    words: &[
        "def", "class", "return", "if", "elif", "else", "for", "while", "in", "is", "not", "and",
        "or", "import", "from", "as", "with", "try", "except", "finally", "raise", "pass", "break",
        "continue", "lambda", "yield", "global", "nonlocal", "async", "await", "assert", "del",
        "match", "case", "end", "module", "require", "do", "unless", "self",
    ],
    values: &["True", "False", "None", "true", "false", "nil"],
    ..PLAIN
};

static MARKUP: Grammar = Grammar {
    quotes: &[quote("\"", false, true), quote("'", false, true)],
    ..PLAIN
};

static C_LIKE: Grammar = Grammar {
    comments: &["//"],
    has_block_comments: true,
    // Lifetimes of Rust and runes of Go begin alike; a string of one line ends with it.
    quotes: &[
        quote("\"", true, false),
        quote("'", true, false),
        quote("`", false, true),
    ],
    words: &[
        "if",
        "else",
        "for",
        "while",
        "do",
        "switch",
        "case",
        "default",
        "break",
        "continue",
        "return",
        "goto",
        "struct",
        "enum",
        "union",
        "class",
        "interface",
        "typedef",
        "static",
        "const",
        "extern",
        "inline",
        "void",
        "int",
        "char",
        "long",
        "short",
        "unsigned",
        "signed",
        "float",
        "double",
        "bool",
        "namespace",
        "using",
        "template",
        "public",
        "private",
        "protected",
        "virtual",
        "new",
        "delete",
        "try",
        "catch",
        "throw",
        "import",
        "package",
        "func",
        "var",
        "type",
        "map",
        "chan",
        "go",
        "defer",
        "select",
        "range",
        "fn",
        "let",
        "mut",
        "pub",
        "use",
        "mod",
        "impl",
        "trait",
        "match",
        "where",
        "final",
        "abstract",
        "extends",
        "implements",
        "function",
        "echo",
    ],
    values: &["true", "false", "null", "nil", "NULL", "nullptr", "None"],
    ..PLAIN
};

static NONE: Grammar = PLAIN;

/// A language's rules.
pub(super) fn of(language: Language) -> &'static Grammar {
    match language {
        Language::Plain | Language::Pem => &NONE,
        Language::Shell => &SHELL,
        Language::Dockerfile => &DOCKERFILE,
        Language::Json => &JSON,
        Language::Yaml => &YAML,
        Language::Conf => &CONF,
        Language::JavaScript => &JAVASCRIPT,
        Language::Python => &PYTHON,
        Language::Markup => &MARKUP,
        Language::CLike => &C_LIKE,
    }
}
