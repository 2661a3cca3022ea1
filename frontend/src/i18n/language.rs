//! A language: its name, how it was chosen, and how it writes numbers, sizes and times.

use estiva_shared::text::human_bytes;

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Brazilian Portuguese.
    Portuguese,
}

impl Language {
    /// The tag for `<html lang>` and for storage (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Portuguese => "pt-BR",
        }
    }

    /// The language of a tag, such as a browser's `pt-PT`; English where it is neither.
    pub fn from_tag(tag: &str) -> Language {
        let primary = tag.split('-').next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("pt") {
            Language::Portuguese
        } else {
            Language::English
        }
    }

    /// The one that the switch leads to.
    pub fn other(self) -> Language {
        match self {
            Language::English => Language::Portuguese,
            Language::Portuguese => Language::English,
        }
    }

    /// A size, such as `1.2 MB` or `1,2 MB`.
    pub fn bytes(self, bytes: u64) -> String {
        self.decimal(&human_bytes(bytes))
    }

    /// An amount of memory in the units that limits are typed in, powers of 1,024: `64m` is `64 MiB`.
    pub fn memory(self, bytes: u64) -> String {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        const STEP: f64 = 1024.0;
        if bytes < 1024 {
            return format!("{bytes} B");
        }
        let mut value = bytes as f64 / STEP;
        let mut unit = 0;
        // Rounded first: what would be written as 1,024 of a unit is one of the next.
        while value.round() >= STEP && unit + 1 < UNITS.len() {
            value /= STEP;
            unit += 1;
        }
        let whole = value >= 100.0 || (value * 10.0).round() % 10.0 == 0.0;
        format!(
            "{} {}",
            self.fraction(value, usize::from(!whole)),
            UNITS[unit]
        )
    }

    /// A whole number with its thousands apart.
    pub fn number(self, value: u64) -> String {
        let separator = match self {
            Language::English => ',',
            Language::Portuguese => '.',
        };
        let digits = value.to_string();
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(separator);
            }
            text.push(digit);
        }
        text
    }

    /// A number with so many decimals.
    pub fn fraction(self, value: f64, decimals: usize) -> String {
        self.decimal(&format!("{value:.decimals$}"))
    }

    /// A number with two decimals at most and none that says nothing, and the form that fits it: `0.5 CPUs`, `1 CPU`.
    pub fn amount(self, value: f64, forms: &str) -> String {
        let (one, many) = forms.split_once('|').unwrap_or((forms, forms));
        let text = format!("{value:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        // Portuguese counts up to, and not including, two as one.
        let single = match self {
            Language::English => text == "1",
            Language::Portuguese => value < 2.0,
        };
        format!("{} {}", self.decimal(text), if single { one } else { many })
    }

    /// A span of time, from milliseconds to hours: `840 ms`, `3.2 s`, `4 min 10 s`.
    pub fn duration(self, ms: u64) -> String {
        match ms {
            0..1_000 => format!("{ms} ms"),
            1_000..60_000 => format!("{} s", self.fraction(ms as f64 / 1_000.0, 1)),
            60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1_000 % 60),
            _ => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
        }
    }

    /// How long ago something was.
    pub fn ago(self, then_ms: u64, now_ms: u64) -> String {
        let seconds = now_ms.saturating_sub(then_ms) / 1_000;
        let (value, en, pt) = match seconds {
            0..10 => return self.pick("just now", "agora mesmo").to_owned(),
            10..60 => (seconds, "s", "s"),
            60..3_600 => (seconds / 60, "min", "min"),
            3_600..172_800 => (seconds / 3_600, "h", "h"),
            _ => (seconds / 86_400, "days", "dias"),
        };
        match self {
            Language::English => format!("{value} {en} ago"),
            Language::Portuguese => format!("há {value} {pt}"),
        }
    }

    /// A count with the form that fits it, from `one|many`: `1 layer`, `3 layers`.
    pub fn count(self, value: u64, forms: &str) -> String {
        let (one, many) = forms.split_once('|').unwrap_or((forms, forms));
        // Portuguese counts nothing as one thing too: "0 camada".
        let single = value == 1 || (value == 0 && self == Language::Portuguese);
        format!("{} {}", self.number(value), if single { one } else { many })
    }

    fn decimal(self, text: &str) -> String {
        match self {
            Language::English => text.to_owned(),
            Language::Portuguese => text.replace('.', ","),
        }
    }

    fn pick<'a>(self, en: &'a str, pt: &'a str) -> &'a str {
        match self {
            Language::English => en,
            Language::Portuguese => pt,
        }
    }
}

/// Puts values into a text's `{0}`, `{1}`, ….
pub fn fill(template: &str, values: &[&str]) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    // One pass, so that a value that holds `{1}` itself stays as it is.
    while let Some(open) = rest.find('{') {
        let slot = rest
            .get(open + 1..open + 2)
            .and_then(|digit| digit.parse::<usize>().ok());
        match slot {
            Some(index) if rest.get(open + 2..open + 3) == Some("}") => {
                text.push_str(&rest[..open]);
                text.push_str(values.get(index).copied().unwrap_or_default());
                rest = &rest[open + 3..];
            }
            _ => {
                text.push_str(&rest[..=open]);
                rest = &rest[open + 1..];
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_slots_once_and_leaves_values_alone() {
        assert_eq!(fill("{1} of {0}", &["ten", "{0}"]), "{0} of ten");
        assert_eq!(fill("a {x} b {", &[]), "a {x} b {");
    }

    #[test]
    fn chooses_a_language_by_its_primary_tag() {
        assert_eq!(Language::from_tag("pt-PT"), Language::Portuguese);
        assert_eq!(Language::from_tag("en-GB"), Language::English);
        assert_eq!(Language::from_tag("ptx"), Language::English);
        for language in [Language::English, Language::Portuguese] {
            assert_eq!(Language::from_tag(language.tag()), language);
        }
    }

    #[test]
    fn writes_numbers_as_each_language_does() {
        assert_eq!(Language::English.number(1_234_567), "1,234,567");
        assert_eq!(Language::Portuguese.number(1_234_567), "1.234.567");
        assert_eq!(Language::English.number(12), "12");
        assert_eq!(Language::Portuguese.duration(3_240), "3,2 s");
        assert_eq!(Language::English.duration(250_000), "4 min 10 s");
    }

    #[test]
    fn writes_memory_in_the_units_it_is_typed_in() {
        let written = [
            (0, "0 B"),
            (1_023, "1023 B"),
            (474_000, "463 KiB"),
            (1_048_575, "1 MiB"),
            (32 << 20, "32 MiB"),
            ((3 << 20) / 2, "1.5 MiB"),
            (1 << 30, "1 GiB"),
        ];
        for (bytes, text) in written {
            assert_eq!(Language::English.memory(bytes), text);
        }
        assert_eq!(Language::Portuguese.memory((3 << 20) / 2), "1,5 MiB");
    }

    #[test]
    fn counts_with_the_form_that_fits() {
        assert_eq!(Language::English.count(1, "layer|layers"), "1 layer");
        assert_eq!(Language::English.count(0, "layer|layers"), "0 layers");
        assert_eq!(Language::Portuguese.count(0, "camada|camadas"), "0 camada");
    }

    #[test]
    fn writes_no_decimal_that_says_nothing() {
        let forms = "core|cores";
        assert_eq!(Language::English.amount(0.5, forms), "0.5 cores");
        assert_eq!(Language::English.amount(1.0, forms), "1 core");
        assert_eq!(Language::English.amount(10.0, forms), "10 cores");
        assert_eq!(
            Language::Portuguese.amount(1.25, "núcleo|núcleos"),
            "1,25 núcleo"
        );
        assert_eq!(
            Language::Portuguese.amount(2.0, "núcleo|núcleos"),
            "2 núcleos"
        );
    }

    #[test]
    fn tells_how_long_ago() {
        assert_eq!(Language::English.ago(0, 120_000), "2 min ago");
        assert_eq!(Language::Portuguese.ago(0, 86_400_000 * 3), "há 3 dias");
        assert_eq!(Language::English.ago(10, 5), "just now");
    }
}
