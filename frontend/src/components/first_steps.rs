//! What a Dockerfile, an image and a container are to each other, for somebody who sees the page for the first time: the
//! path in three steps, and the instructions that most Dockerfiles are made of.

use yew::prelude::*;

use super::{Icon, IconName, NavLink};
use crate::hooks::use_locale;
use crate::routes::Route;

/// The path from a Dockerfile to a container.
#[component]
pub fn FirstSteps() -> Html {
    let texts = use_locale().texts();
    let (t, common) = (&texts.start, &texts.common);
    let step = |number: &'static str, title: &'static str, body: &'static str, way: Html| {
        html! {
            <li class="start-step">
                <span class="start-number" aria-hidden="true">{ number }</span>
                <div><h3>{ title }</h3><p>{ body }</p>{ way }</div>
            </li>
        }
    };
    let way = |to: Route, icon: IconName, label: &'static str| {
        html! { <NavLink {to} class="start-way"><Icon name={icon} />{ label }</NavLink> }
    };
    let words = [
        ("FROM", t.word_from),
        ("WORKDIR", t.word_workdir),
        ("COPY", t.word_copy),
        ("RUN", t.word_run),
        ("EXPOSE", t.word_expose),
        ("CMD", t.word_cmd),
    ];
    let words = words
        .into_iter()
        .map(|(name, meaning)| html! { <div><dt>{ name }</dt><dd>{ meaning }</dd></div> });
    html! {
        <section class="start" aria-label={t.title}>
            <h2>{ t.title }</h2>
            <ol class="start-path">
                { step("1", t.write_title, t.write_body, html! { <p class="start-way muted">{ t.write_where }</p> }) }
                { step("2", t.build_title, t.build_body, way(Route::Build, IconName::Build, common.nav_build)) }
                { step("3", t.run_title, t.run_body, way(Route::Images, IconName::Images, common.nav_images)) }
            </ol>
            <dl class="start-words">{ for words }</dl>
        </section>
    }
}
