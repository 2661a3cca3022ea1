//! A report as one page that needs nothing else: no script, no address, no font; it works from a file and under the strictest
//! content security policy (there is one style element and no style attribute, see [`STYLE`]).
//!
//! Both languages are in the page, and CSS alone switches between them; light and dark follow the reader's system. Every
//! text from the report goes through [`text`]: shown without control or bidirectional characters, then escaped.

mod sections;
mod words;

use serde::{Deserialize, Serialize};

use super::Report;
use crate::text::{escape_name, human_bytes, human_duration_ms};

/// The page's whole style, for a content security policy that names its hash.
pub const STYLE: &str = include_str!("style.css");

/// The ship's mark: a hull with its cargo.
const MARK: &str = r##"<svg viewBox="0 0 32 32" aria-hidden="true"><path fill="#dd6b33" d="M8 8h7v6H8z"/><path fill="#8fd0cc" d="M17 8h7v6h-7z"/><path fill="#e9dcc0" d="M17 2h7v5h-7z"/><path fill="#fff" d="M3 16h26l-4.5 9.5a3 3 0 0 1-2.7 1.7H10.2a3 3 0 0 1-2.7-1.7z"/></svg>"##;

/// The language that a page begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lang {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Brazilian Portuguese.
    #[serde(rename = "pt-BR")]
    Portuguese,
}

impl Lang {
    /// The language's tag (BCP 47).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt-BR",
        }
    }

    /// Which of the two languages a reader asks for with `Accept-Language`: the one that is named first; English for neither.
    #[must_use]
    pub fn accepted(header: &str) -> Self {
        let wanted = header
            .split(',')
            .map(|range| range.trim().to_ascii_lowercase());
        let known = wanted.filter_map(|range| match range.get(..2) {
            Some("pt") => Some(Self::Portuguese),
            Some("en") => Some(Self::English),
            _ => None,
        });
        known.into_iter().next().unwrap_or_default()
    }
}

/// One self-contained page that shows a report.
#[must_use]
pub fn html(report: &Report, language: Lang) -> String {
    let mut page = String::with_capacity(STYLE.len() + 32 * 1024);
    let name = text(&report.image);
    page.push_str("<!doctype html>\n");
    page.push_str(&format!(
        "<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n",
        language.tag()
    ));
    page.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
    // The link is the permission: neither search engines nor the next page shall learn it.
    page.push_str("<meta name=\"robots\" content=\"noindex\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
    page.push_str(&format!(
        "<title>{name} · Estiva</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    ));
    page.push_str(&header(report, &name, language));
    page.push_str("<main class=\"wrap\">\n");
    page.push_str(&sections::overview(report));
    page.push_str(&sections::layers(report));
    page.push_str(&sections::largest_files(report));
    page.push_str("<div class=\"pair\">\n");
    page.push_str(&sections::waste(report));
    page.push_str(&sections::config(report));
    page.push_str("</div>\n");
    page.push_str(&sections::build(report));
    page.push_str(&sections::left_out(report));
    page.push_str("</main>\n");
    page.push_str(&footer(report));
    page.push_str("</body>\n</html>\n");
    page
}

fn header(report: &Report, name: &str, language: Lang) -> String {
    let radio = |id: &str, label: &str, tag: &str, own: Lang| {
        let checked = if own == language { " checked" } else { "" };
        format!(
            "<label lang=\"{tag}\"><input type=\"radio\" name=\"lang\" id=\"{id}\"{checked}>{label}</label>"
        )
    };
    let mut chips = vec![text(&report.platform)];
    chips.push(format!(
        "<span class=\"mono\">{}</span>",
        text(report.image_id.get(..19).unwrap_or(&report.image_id))
    ));
    let chips: String = chips
        .iter()
        .filter(|chip| !chip.is_empty())
        .map(|chip| format!("<li>{chip}</li>"))
        .collect();
    let switch = radio("lang-en", "English", "en", Lang::English)
        + &radio("lang-pt", "Português", "pt-BR", Lang::Portuguese);
    format!(
        "<header class=\"hero\"><div class=\"wrap\">\n<div class=\"bar-top\"><div class=\"brand\">{MARK}<span>Estiva</span></div>\
         <div class=\"langs\">{switch}</div></div>\n<p class=\"kicker\">{}</p>\n<h1>{name}</h1>\n<ul class=\"chips\">{chips}</ul>\n</div></header>\n",
        both(
            "What is stowed in this image, layer by layer",
            "O que vai nesta imagem, camada por camada"
        ),
    )
}

fn footer(report: &Report) -> String {
    format!(
        "<footer class=\"wrap\"><p>{} <code>{}</code></p></footer>\n",
        both(
            "Made by Estiva from the image",
            "Feito pelo Estiva a partir da imagem"
        ),
        text(&report.image_id),
    )
}

/// A text from the report, safe to stand in an element or a quoted attribute.
fn text(raw: &str) -> String {
    let shown = escape_name(raw);
    let mut escaped = String::with_capacity(shown.len());
    for character in shown.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The same in both languages; one of them is hidden by CSS. The arguments are HTML.
fn both(english: &str, portuguese: &str) -> String {
    if english == portuguese {
        return english.to_owned();
    }
    format!(
        "<span class=\"en\" lang=\"en\">{english}</span><span class=\"pt\" lang=\"pt-BR\">{portuguese}</span>"
    )
}

/// A size in words, with each language's decimal mark.
fn size(bytes: u64) -> String {
    let english = human_bytes(bytes);
    both(&english, &english.replace('.', ","))
}

/// A duration in words, with each language's decimal mark.
fn duration(milliseconds: u64) -> String {
    let english = human_duration_ms(milliseconds);
    both(&english, &english.replace('.', ","))
}

/// A bar of `part` in `whole`, as an SVG because its lengths are attributes and not styles.
fn meter(part: u64, whole: u64, class: &str) -> String {
    format!(
        "<svg class=\"meter\" viewBox=\"0 0 1000 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"{class}\" width=\"{}\" height=\"1\"/></svg>",
        share(part, whole),
    )
}

/// Thousandths; something that is there shows at least a trace.
fn share(part: u64, whole: u64) -> u64 {
    let thousandths = u128::from(part) * 1000 / u128::from(whole.max(1));
    u64::try_from(thousandths)
        .unwrap_or(1000)
        .min(1000)
        .max(u64::from(part > 0) * 4)
}
