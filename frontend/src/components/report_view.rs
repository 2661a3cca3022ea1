//! A report that was dropped: the same page that its link shows.

use std::rc::Rc;

use estiva_shared::report::{self, Lang, Report};
use yew::prelude::*;

use crate::hooks::use_locale;
use crate::i18n::Language;

/// The props of [`ReportView`].
#[derive(PartialEq, Properties)]
pub struct ReportViewProps {
    /// The report.
    pub report: Rc<Report>,
}

/// A report's page in a frame that may do nothing: the page has no script, no form and no address.
#[component]
pub fn ReportView(props: &ReportViewProps) -> Html {
    let locale = use_locale();
    let page = use_memo(
        (props.report.clone(), locale.language),
        |(report, language)| {
            let language = match language {
                Language::English => Lang::English,
                Language::Portuguese => Lang::Portuguese,
            };
            AttrValue::from(report::html(report, language))
        },
    );
    html! {
        <iframe class="preview-frame report-frame" data-testid="report-frame" title={locale.texts().inspect.report_title} sandbox="" tabindex="0"
            srcdoc={(*page).clone()} />
    }
}
