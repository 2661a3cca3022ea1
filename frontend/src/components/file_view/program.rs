//! A file as the program that it is: what its ELF header says, the libraries that it needs, its segments and sections.

use estiva_shared::image::ReadAt;
use estiva_shared::image::view::elf::{self, Elf, ElfError, Kind, Relro, Stack, names};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::unread;
use crate::components::{CopyButton, Icon, IconName, Loading};
use crate::hooks::{FileSource, Locale, PlaceHandle, use_locale, use_pieces};
use crate::i18n::{FileTexts, fill};
use crate::state::place::{FIRST_VIEW, Place, Way};
use estiva_worker::tree::{Find, Syntax};

/// Most pieces of a file that reading its header may want: its tables lie at its beginning and its end, its strings between.
const FETCHES_MAX: u32 = 64;

/// The props of [`ProgramPanel`].
#[derive(PartialEq, Properties)]
pub(super) struct ProgramPanelProps {
    pub(super) source: FileSource,
    pub(super) place: PlaceHandle,
    pub(super) size_bytes: u64,
}

/// A file as a program.
#[component]
pub(super) fn ProgramPanel(props: &ProgramPanelProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().file;
    let handle = use_pieces(props.source.clone(), props.size_bytes);
    let key = (props.source.layer, props.source.path.clone(), handle.came);
    let found = {
        let pieces = handle.pieces.clone();
        use_memo(key.clone(), move |_| {
            let pieces = pieces.borrow();
            let read = elf::read(&*pieces as &dyn ReadAt);
            (read, pieces.take_missing())
        })
    };
    {
        let (want, missing) = (handle.want.clone(), found.1);
        use_effect_with(key, move |(_, _, came)| {
            if let Some(missing) = missing.filter(|_| *came < FETCHES_MAX) {
                want.emit(missing.range());
            }
        });
    }
    if let Some(message) = &handle.failure {
        return unread(message, &locale);
    }
    match &found.0 {
        Ok(program) => draw(program, props, &locale),
        Err(ElfError::Io(_)) if found.1.is_some() && handle.came < FETCHES_MAX => {
            html! { <Loading text={t.loading} /> }
        }
        Err(error) => unread(&error.to_string(), &locale),
    }
}

fn draw(program: &Elf, props: &ProgramPanelProps, locale: &Locale) -> Html {
    let t = &locale.texts().file;
    html! {
        <div class="program" data-testid="file-program">
            { shields(program, t) }
            <dl class="table">
                <dt>{ t.program_kind }</dt><dd>{ kind(program.kind, t) }</dd>
                <dt>{ t.machine }</dt><dd>{ machine(program, t) }</dd>
                <dt>{ t.abi }</dt><dd>{ names::abi(program.abi.0).map_or_else(|| program.abi.0.to_string(), str::to_owned) }</dd>
                if program.entry != 0 { <dt>{ t.entry }</dt><dd><code>{ format!("{:#x}", program.entry) }</code></dd> }
                <dt>{ t.linked }</dt><dd>{ if program.is_static { t.linked_static } else { t.linked_dynamic } }</dd>
                <dt>{ t.interpreter }</dt><dd>{ text_or(&program.interpreter, t.interpreter_none) }</dd>
                if program.soname.is_some() { <dt>{ t.soname }</dt><dd>{ text_or(&program.soname, "") }</dd> }
                if program.rpath.is_some() { <dt>{ t.rpath }</dt><dd>{ text_or(&program.rpath, "") }</dd> }
                if program.runpath.is_some() { <dt>{ t.runpath }</dt><dd>{ text_or(&program.runpath, "") }</dd> }
                <dt>{ t.symbols }</dt><dd>{ symbols(program, t) }</dd>
                if let Some(id) = &program.build_id {
                    <dt>{ t.build_id }</dt><dd><span class="program-id"><code class="break">{ id }</code><CopyButton text={id.clone()} /></span></dd>
                }
            </dl>
            { needed(program, props, t) }
            { faults(program, t) }
            { segments(program, locale) }
            { sections(program, locale) }
        </div>
    }
}

fn text_or(text: &Option<String>, none: &'static str) -> Html {
    match text {
        Some(text) => html! { <code class="break">{ escape_name(text).into_owned() }</code> },
        None => html! { <span class="muted">{ none }</span> },
    }
}

fn kind(kind: Kind, t: &FileTexts) -> String {
    let known = match kind {
        Kind::Relocatable => t.kind_relocatable,
        Kind::Executable => t.kind_executable,
        Kind::PositionIndependent => t.kind_pie,
        Kind::Library => t.kind_library,
        Kind::Core => t.kind_core,
        Kind::Other(number) => return fill(t.kind_other, &[&format!("{number:#x}")]),
    };
    known.to_owned()
}

fn machine(program: &Elf, t: &FileTexts) -> String {
    let name = names::machine(program.machine);
    let name = name.map_or_else(
        || fill(t.machine_other, &[&program.machine.to_string()]),
        str::to_owned,
    );
    let order = match program.is_little_endian {
        true => t.little_endian,
        false => t.big_endian,
    };
    fill(t.machine_bits, &[&name, &program.bits.to_string(), order])
}

fn symbols(program: &Elf, t: &FileTexts) -> &'static str {
    match (program.is_stripped, program.has_debug) {
        (_, true) => t.symbols_debug,
        (true, false) => t.symbols_stripped,
        (false, false) => t.symbols_kept,
    }
}

/// What protects a program or library, each good or not.
fn shields(program: &Elf, t: &FileTexts) -> Html {
    if matches!(
        program.kind,
        Kind::Relocatable | Kind::Core | Kind::Other(_)
    ) {
        return Html::default();
    }
    let stack = match program.stack {
        Stack::NotExecutable => (t.stack_safe, true),
        Stack::Executable => (t.stack_unsafe, false),
        Stack::Unsaid => (t.stack_unsaid, false),
    };
    let relro = match program.relro {
        Relro::Full => (t.relro_full, true),
        Relro::Partial => (t.relro_partial, false),
        Relro::None => (t.relro_none, false),
    };
    // A library lies anywhere by its nature.
    let pie = match program.kind {
        Kind::PositionIndependent => Some((t.pie_yes, true)),
        Kind::Executable => Some((t.pie_no, false)),
        _ => None,
    };
    let shields = [Some(stack), Some(relro), pie].into_iter().flatten();
    let shields = shields.map(|(text, is_good)| {
        let (class, icon) = match is_good {
            true => ("pill", IconName::Check),
            false => ("pill pill-warn", IconName::Warning),
        };
        html! { <li {class}><Icon name={icon} />{ text }</li> }
    });
    html! { <ul class="program-shields" aria-label={t.protections}>{ for shields }</ul> }
}

/// The libraries, each of which leads to its search in the image.
fn needed(program: &Elf, props: &ProgramPanelProps, t: &FileTexts) -> Html {
    let items = program.needed.iter().map(|name| {
        let shown = escape_name(name).into_owned();
        let PlaceHandle { place, go, .. } = props.place.clone();
        let find = Find {
            text: name.rsplit('/').next().unwrap_or_default().to_owned(),
            syntax: Syntax::Text,
            ..Find::default()
        };
        let next = Place {
            view: FIRST_VIEW.to_owned(),
            changes: false,
            find,
            ..place.with_file(props.source.layer, "")
        };
        html! {
            <li><button type="button" class="link-button mono break" aria-label={fill(t.needed_find, &[&shown])}
                onclick={move |_| go.emit((next.clone(), Way::Step))}>{ &shown }</button></li>
        }
    });
    html! {
        <section class="program-needed" aria-label={t.needed} data-testid="needed">
            <h3>{ t.needed }</h3>
            if program.needed.is_empty() { <p class="muted">{ t.needed_none }</p> } else { <ul>{ for items }</ul> }
        </section>
    }
}

fn faults(program: &Elf, t: &FileTexts) -> Html {
    if program.faults.is_empty() {
        return Html::default();
    }
    let items = program
        .faults
        .iter()
        .map(|fault| html! { <li>{ fault }</li> });
    html! {
        <div class="notice notice-warn" role="note">
            <Icon name={IconName::Warning} />
            <div><strong>{ t.program_faults }</strong><ul class="plain">{ for items }</ul></div>
        </div>
    }
}

fn segments(program: &Elf, locale: &Locale) -> Html {
    let t = &locale.texts().file;
    let rows = program.segments.iter().map(|segment| {
        let name = names::segment(segment.kind);
        let name = name.map_or_else(|| format!("{:#x}", segment.kind), str::to_owned);
        html! {
            <tr><td>{ name }</td><td>{ segment.access.clone() }</td><td>{ format!("{:#x}", segment.offset) }</td>
                <td>{ format!("{:#x}", segment.address) }</td><td class="number">{ locale.language.bytes(segment.file_bytes) }</td></tr>
        }
    });
    let heads = [
        t.column_type,
        t.column_access,
        t.column_offset,
        t.column_address,
    ];
    table(
        program.segments.len(),
        t.segments,
        &heads,
        rows.collect(),
        locale,
    )
}

fn sections(program: &Elf, locale: &Locale) -> Html {
    let t = &locale.texts().file;
    let rows = program.sections.iter().map(|section| {
        let kind = names::section(section.kind);
        let kind = kind.map_or_else(|| format!("{:#x}", section.kind), str::to_owned);
        html! {
            <tr><td class="break">{ escape_name(&section.name).into_owned() }</td><td>{ kind }</td>
                <td>{ format!("{:#x}", section.offset) }</td><td class="number">{ locale.language.bytes(section.size_bytes) }</td></tr>
        }
    });
    let heads = [t.column_name, t.column_type, t.column_offset];
    table(
        program.sections.len(),
        t.sections,
        &heads,
        rows.collect(),
        locale,
    )
}

fn table(
    count: usize,
    forms: &'static str,
    heads: &[&'static str],
    rows: Html,
    locale: &Locale,
) -> Html {
    if count == 0 {
        return Html::default();
    }
    let label = locale.language.count(count as u64, forms);
    let heads = heads
        .iter()
        .map(|head| html! { <th scope="col">{ *head }</th> });
    html! {
        <details class="program-table">
            <summary>{ label.clone() }</summary>
            <div class="program-scroll" tabindex="0" role="region" aria-label={label}>
                <table class="mono"><thead><tr>{ for heads }<th scope="col" class="number">{ locale.texts().file.column_size }</th></tr></thead>
                    <tbody>{ rows }</tbody></table>
            </div>
        </details>
    }
}
