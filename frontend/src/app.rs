//! The app: what all pages share, and the frame around them.

use yew::prelude::*;
use yew_router::prelude::*;

use crate::components::{Icon, IconName, NavLink};
use crate::hooks::{
    ArchiveHandle, BuildHandle, Connection, Locale, PullHandle, Theme, ThemeHandle,
    use_archive_handle, use_build_handle, use_connection_handle, use_locale_handle,
    use_pull_handle, use_theme_handle, use_title,
};
use crate::i18n::fill;
use crate::pages::{
    BuildPage, ComparePage, ContainerPage, ContainersPage, ImagePage, ImagesPage, InspectPage,
    NotFoundPage, Order, SharePage,
};
use crate::routes::Route;
use crate::samples::Sample;
use crate::services::{base, dom};
use crate::state::connection::Phase;
use crate::state::draft::Draft;

/// The whole app.
#[component]
pub fn App() -> Html {
    let locale = use_locale_handle();
    let theme = use_theme_handle();
    let connection = use_connection_handle();
    use_effect_with((), |()| dom::refuse_stray_drops());
    // These outlive the page that shows them: one can look at another page meanwhile.
    let archive = use_archive_handle();
    let build = use_build_handle(&connection);
    let order = use_reducer(Order::default);
    let pull = use_pull_handle(&connection);
    let draft = use_state(|| Draft::of(Sample::Node.text(locale.language)));
    {
        let draft = draft.clone();
        use_effect_with(locale.language, move |language| {
            // What somebody wrote stays as it is.
            if let Some(sample) = Sample::of(draft.text()) {
                draft.set(Draft::of(sample.text(*language)));
            }
        });
    }
    let on_draft = {
        let draft = draft.setter();
        Callback::from(move |next: Draft| draft.set(next))
    };
    let work = Work {
        archive,
        build,
        order,
        pull,
        draft: (*draft).clone(),
        on_draft,
    };
    html! {
        <ContextProvider<Locale> context={locale.clone()}>
            <ContextProvider<Connection> context={connection.clone()}>
                <BrowserRouter>
                    <Frame {locale} {theme} {connection} {work} />
                </BrowserRouter>
            </ContextProvider<Connection>>
        </ContextProvider<Locale>>
    }
}

/// What is under way.
#[derive(Clone, PartialEq)]
struct Work {
    archive: ArchiveHandle,
    build: BuildHandle,
    order: UseReducerHandle<Order>,
    pull: PullHandle,
    draft: Draft,
    on_draft: Callback<Draft>,
}

#[derive(PartialEq, Properties)]
struct FrameProps {
    locale: Locale,
    theme: ThemeHandle,
    connection: Connection,
    work: Work,
}

/// The header, the navigation and the page of the address.
#[component]
fn Frame(props: &FrameProps) -> Html {
    let texts = props.locale.texts();
    let route = use_route::<Route>().unwrap_or(Route::NotFound);
    use_title(&subject(&route, &props.locale));
    use_focus_on_arrival(&route);
    let needs_server = !matches!(route, Route::Inspect | Route::Compare | Route::NotFound);
    let content = if needs_server && !props.connection.phase.has_server() {
        gate(&props.connection.phase, &props.locale)
    } else {
        page(&route, &props.work)
    };
    html! {
        <>
            <a class="skip" href={format!("#{}", dom::CONTENT)}>{ texts.common.skip }</a>
            <header class="top">
                <NavLink to={Route::Inspect} class="brand">{ brand() }</NavLink>
                { navigation(&route, &props.locale) }
                <div class="top-tools">
                    { connection_chip(&props.connection.phase, &props.locale) }
                    { language_switch(&props.locale) }
                    { theme_switch(&props.theme, &props.locale) }
                </div>
            </header>
            { banner(&props.connection, &props.locale) }
            <main id={dom::CONTENT} tabindex="-1">{ content }</main>
        </>
    }
}

/// What a page is about, as far as its address says.
fn subject(route: &Route, locale: &Locale) -> String {
    match route {
        Route::Image { name } => name.clone(),
        Route::Compare => locale.texts().compare.title.to_owned(),
        // Its page gives its name once that is known.
        Route::Container { id } => id.get(..12).unwrap_or(id).to_owned(),
        other => section_name(&other.section(), locale).to_owned(),
    }
}

/// Moves the keyboard's focus to the page that one arrives at: the link that led there may be gone with the last one.
#[hook]
fn use_focus_on_arrival(route: &Route) {
    let arrived = use_mut_ref(|| false);
    use_effect_with(route.clone(), move |_| {
        // The first page is where the browser begins by itself.
        if std::mem::replace(&mut *arrived.borrow_mut(), true) {
            dom::focus_content();
        }
    });
}

fn page(route: &Route, work: &Work) -> Html {
    match route {
        Route::Inspect => {
            html! { <InspectPage archive={work.archive.clone()} draft={work.draft.clone()} on_draft={work.on_draft.clone()} /> }
        }
        Route::Images => html! { <ImagesPage pull={work.pull.clone()} /> },
        Route::Image { name } => {
            html! { <ImagePage name={name.clone()} draft={work.draft.clone()} on_draft={work.on_draft.clone()} /> }
        }
        Route::Compare => html! { <ComparePage /> },
        Route::Build => {
            html! { <BuildPage build={work.build.clone()} order={work.order.clone()} /> }
        }
        Route::Containers => html! { <ContainersPage /> },
        Route::Container { id } => html! { <ContainerPage id={id.clone()} key={id.clone()} /> },
        Route::Share => html! { <SharePage /> },
        Route::NotFound => html! { <NotFoundPage /> },
    }
}

fn section_name(section: &Route, locale: &Locale) -> &'static str {
    let t = &locale.texts().common;
    match section {
        Route::Images => t.nav_images,
        Route::Build => t.nav_build,
        Route::Containers => t.nav_containers,
        Route::Share => t.nav_share,
        Route::Compare => locale.texts().compare.compare,
        Route::NotFound => t.not_found_title,
        _ => t.nav_inspect,
    }
}

fn navigation(route: &Route, locale: &Locale) -> Html {
    let all = [
        (Route::Inspect, IconName::Inspect, "nav-inspect"),
        (Route::Images, IconName::Images, "nav-images"),
        (Route::Build, IconName::Build, "nav-build"),
        (Route::Containers, IconName::Containers, "nav-containers"),
        (Route::Share, IconName::Share, "nav-share"),
    ];
    let alone = [
        (Route::Inspect, IconName::Inspect, "nav-inspect"),
        (Route::Compare, IconName::Compare, "nav-compare"),
    ];
    // Without a server there is nothing behind the others.
    let (entries, section) = match base::is_alone() {
        true => (&alone[..], route.clone()),
        false => (&all[..], route.section()),
    };
    let links = entries.iter().cloned().map(|(to, icon, testid)| {
        let (label, current) = (section_name(&to, locale), section == to);
        html! { <NavLink {to} class="nav-link" {testid} {current}><Icon name={icon} /><span>{ label }</span></NavLink> }
    });
    html! { <nav class="nav" aria-label={locale.texts().common.nav_label}>{ for links }</nav> }
}

fn brand() -> Html {
    html! {
        <>
            <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
                <rect class="mark-crate-1" x="7" y="11" width="8" height="6" /><rect class="mark-crate-2" x="16.5" y="11" width="8" height="6" />
                <rect class="mark-crate-3" x="11.5" y="3.5" width="8" height="6" />
                <path class="mark-hull" d="M2.5 18.5h27l-3 8h-20z" />
            </svg>
            <span>{ "Estiva" }</span>
        </>
    }
}

fn connection_chip(phase: &Phase, locale: &Locale) -> Html {
    let t = &locale.texts().common;
    let (word, title) = match phase {
        Phase::Offline | Phase::CodeRefused(_) => (t.state_offline, t.gate_inspect.to_owned()),
        Phase::Trading | Phase::Connecting => (t.state_connecting, String::new()),
        Phase::Connected { version } => (t.state_connected, format!("Estiva {version}")),
        Phase::Reconnecting { .. } => (t.state_reconnecting, t.banner_lost.to_owned()),
        Phase::Refused(error) => (t.state_refused, error.message.clone()),
    };
    html! {
        <span class={classes!("chip-state", format!("is-{}", phase.name()))} data-testid="connection-state" data-state={phase.name()} role="status" {title}>
            <span class="dot" aria-hidden="true"></span><span class="chip-word">{ word }</span>
        </span>
    }
}

fn language_switch(locale: &Locale) -> Html {
    let switch = locale.switch.clone();
    let other = locale.language.other();
    let short = if other.tag() == "en" { "EN" } else { "PT" };
    // Who speaks to the page says what is seen: the name begins with it (WCAG 2.2, 2.5.3).
    let label = format!("{short}: {}", locale.texts().common.language_switch);
    html! {
        <button type="button" class="button button-icon" data-testid="lang-switch" lang={other.tag()} title={label.clone()} aria-label={label}
            onclick={move |_| switch.emit(())}>{ short }</button>
    }
}

fn theme_switch(theme: &ThemeHandle, locale: &Locale) -> Html {
    let t = &locale.texts().common;
    let (icon, label) = match theme.theme {
        Theme::Auto => (IconName::Auto, t.theme_auto),
        Theme::Light => (IconName::Sun, t.theme_light),
        Theme::Dark => (IconName::Moon, t.theme_dark),
    };
    let switch = theme.switch.clone();
    html! {
        <button type="button" class="button button-icon" data-testid="theme-switch" title={label} aria-label={label} onclick={move |_| switch.emit(())}>
            <Icon name={icon} />
        </button>
    }
}

/// What stands above every page while the connection is not well.
fn banner(connection: &Connection, locale: &Locale) -> Html {
    let t = &locale.texts().common;
    match &connection.phase {
        Phase::Reconnecting { attempt } => {
            let socket = connection.socket.clone();
            html! {
                <div class="banner" role="status" data-testid="connection-banner">
                    <Icon name={IconName::Adrift} />
                    <span>{ t.banner_lost }{ " " }<span class="muted">{ fill(t.banner_attempt, &[&attempt.to_string()]) }</span></span>
                    <button type="button" class="button button-small" onclick={move |_| socket.connect()}>{ t.try_now }</button>
                </div>
            }
        }
        Phase::CodeRefused(error) => html! {
            <div class="banner banner-bad" role="alert" data-testid="code-refused">
                <Icon name={IconName::Warning} />
                <span>{ fill(t.gate_code_refused, &[&error.message]) }{ " " }{ t.gate_code_again }{ " " }<code>{ "estiva dashboard" }</code></span>
            </div>
        },
        Phase::Refused(error) => html! {
            <div class="banner banner-bad" role="alert" data-testid="connection-banner">
                <Icon name={IconName::Warning} />
                <span>{ fill(t.banner_refused, &[&error.message]) }{ " " }{ t.banner_refused_hint }</span>
            </div>
        },
        _ => Html::default(),
    }
}

/// Instead of a page that needs a server, where there is none.
fn gate(phase: &Phase, locale: &Locale) -> Html {
    let t = &locale.texts().common;
    if *phase == Phase::Trading {
        return html! { <crate::components::Loading text={t.gate_connecting} /> };
    }
    html! {
        <div class="gate">
            <svg class="gate-picture" viewBox="0 0 160 72" aria-hidden="true">
                <path class="quay" d="M0 44h58v28H0z" /><path class="hull" d="M84 40h70l-8 20H92z" />
                <rect class="cargo cargo-0" x="94" y="28" width="16" height="11" /><rect class="cargo cargo-2" x="112" y="28" width="16" height="11" />
                <rect class="cargo cargo-4" x="103" y="15" width="16" height="11" /><path class="gangway" d="M58 44L84 42" />
                <path class="sea" d="M58 64c6 0 6-3 12-3s6 3 12 3s6-3 12-3s6 3 12 3s6-3 12-3s6 3 12 3s6-3 12-3s6 3 12 3s6-3 6-3" />
            </svg>
            <h1>{ t.gate_title }</h1>
            <p>{ t.gate_body }</p>
            <pre class="command"><code>{ "estiva dashboard" }</code></pre>
            <p class="note">{ t.gate_after }</p>
            <NavLink to={Route::Inspect} class="button">{ t.gate_inspect }</NavLink>
        </div>
    }
}
