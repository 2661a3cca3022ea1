//! The dialog that shows what a link will tell, and then makes it.
//!
//! The preview is no list of its own: it is the very page that the link opens, in a frame, so that nothing can be in one and not
//! in the other. The digest of what was looked at goes along when the link is made, and the server refuses another.

use estiva_shared::image::Digest;
use estiva_shared::protocol::ShareRequest;
use estiva_shared::report::{self, Lang, Report};
use yew::prelude::*;

use super::{CopyButton, Dialog, Failure, Icon, IconName, Loading};
use crate::hooks::{Load, Locale, use_action, use_locale, use_remote};
use crate::i18n::{Language, fill};
use crate::services::{api, dom, download};
use crate::state::link;

/// The server's word for a report that is another than the previewed one.
const CHANGED: &str = "report-changed";

/// The props of [`ShareDialog`].
#[derive(PartialEq, Properties)]
pub struct ShareDialogProps {
    /// The image's name or id.
    pub image: AttrValue,
    /// It is to be closed.
    pub on_close: Callback<()>,
}

/// A report as it was looked at.
#[derive(PartialEq)]
struct Preview {
    page: AttrValue,
    digest: String,
}

/// The dialog that makes a link, after a preview of all that it shows.
#[component]
pub fn ShareDialog(props: &ShareDialogProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().share;
    let include_run = use_state(|| false);
    let link = use_state(|| None::<String>);
    let action = use_action();
    let remote = use_remote(
        (props.image.clone(), *include_run),
        |(image, include_run)| async move { api::report(&image, include_run).await },
    );
    let preview = use_memo(
        (remote.load.clone(), locale.language),
        |(load, language)| match load {
            Load::Ready(report) => Some(preview_of(report, *language)),
            _ => None,
        },
    );
    let changed = action
        .error
        .as_ref()
        .is_some_and(|error| error.code == CHANGED);
    {
        // What is there now is shown at once: it is what the next press would share.
        let reload = remote.reload.clone();
        use_effect_with(changed, move |changed| {
            if *changed {
                reload.emit(());
            }
        });
    }
    let on_include = {
        let include_run = include_run.setter();
        Callback::from(move |event: Event| include_run.set(dom::is_checked(&event)))
    };
    let create = {
        let (action, link) = (action.clone(), link.setter());
        let request = ShareRequest {
            image: props.image.to_string(),
            include_run_text: *include_run,
            report_digest: preview
                .as_ref()
                .as_ref()
                .map(|preview| preview.digest.clone()),
        };
        Callback::from(move |_: MouseEvent| {
            let (request, link) = (request.clone(), link.clone());
            action.run(async move { api::share(&request).await }, move |share| {
                link.set(Some(share.link))
            });
        })
    };
    let save = save_button(&props.image, preview.as_ref().as_ref(), &locale);
    let body = if let Some(link) = &*link {
        html! { <Made link={link.clone()}>{ save }</Made> }
    } else {
        html! {
            <>
                <h3>{ t.preview }</h3>
                {
                    match (&remote.load, &*preview) {
                        (Load::Failed(error), _) => html! { <Failure error={error.clone()} retry={remote.reload.clone()} /> },
                        (_, Some(preview)) => frame(preview, t.preview),
                        _ => html! { <Loading text={t.preview_loading} /> },
                    }
                }
                <label class="check"><input type="checkbox" checked={*include_run} onchange={on_include} data-testid="share-include-run" />
                    <span>{ t.include_run }<span class="field-hint">{ t.include_run_note }</span></span></label>
                if changed {
                    <div class="notice notice-warn" role="alert" data-testid="share-changed"><Icon name={IconName::Warning} /><p>{ t.changed }</p></div>
                } else if let Some(error) = &action.error {
                    <Failure error={error.clone()} />
                }
                <div class="dialog-actions">
                    { save }
                    <button type="button" class="button button-primary" data-testid="share-create" onclick={create}
                        disabled={action.busy || preview.is_none()}>
                        { if action.busy { t.creating } else { t.create } }
                    </button>
                </div>
            </>
        }
    };
    html! { <Dialog title={fill(t.dialog_title, &[&props.image])} on_close={props.on_close.clone()} wide=true>{ body }</Dialog> }
}

fn preview_of(report: &Report, language: Language) -> Preview {
    let language = match language {
        Language::English => Lang::English,
        Language::Portuguese => Lang::Portuguese,
    };
    Preview {
        page: report::html(report, language).into(),
        digest: Digest::of(&report::canonical_json(report)).to_string(),
    }
}

/// The report's page. The frame may do nothing (`sandbox`): its page has no script, no form and no address.
fn frame(preview: &Preview, title: &'static str) -> Html {
    html! { <iframe class="preview-frame" data-testid="share-preview" {title} sandbox="" tabindex="0" srcdoc={preview.page.clone()} /> }
}

/// Writes the same page into a file, to be sent or hosted.
fn save_button(image: &str, preview: Option<&Preview>, locale: &Locale) -> Html {
    let name = link::file_name(image);
    let page = preview.map(|preview| preview.page.clone());
    let disabled = page.is_none();
    let onclick = Callback::from(move |_: MouseEvent| {
        if let Some(page) = &page {
            download::page(&name, page);
        }
    });
    html! { <button type="button" class="button" data-testid="share-save" {disabled} {onclick}>{ locale.texts().share.save }</button> }
}

#[derive(PartialEq, Properties)]
struct MadeProps {
    link: String,
    children: Html,
}

/// The link that was made, and who can open it.
#[component]
fn Made(props: &MadeProps) -> Html {
    let t = &use_locale().texts().share;
    let anchor = use_node_ref();
    {
        // The button that was pressed is gone: the keyboard goes on at what came of it.
        let anchor = anchor.clone();
        use_effect_with((), move |()| dom::focus(&anchor));
    }
    let local = link::is_local(&props.link);
    html! {
        <div class="share-done">
            <p role="status" data-testid="share-reach">{ if local { t.ready_local } else { t.ready } }</p>
            <p class="share-link"><a ref={anchor} href={props.link.clone()} target="_blank" rel="noopener" data-testid="share-link">{ &props.link }</a>
                <CopyButton text={props.link.clone()} /></p>
            if local { <p class="note">{ t.local_hint }</p> }
            <div class="dialog-actions">{ props.children.clone() }</div>
        </div>
    }
}
