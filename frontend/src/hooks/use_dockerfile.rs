//! A Dockerfile's text, read by the worker while it is typed.

use std::rc::Rc;

use estiva_shared::dockerfile::{Diagnostic, Dockerfile};
use yew::prelude::*;

use crate::services::analyser::{Analyser, Reply};
use crate::state::editor;
use estiva_worker::Answer;

/// What a text says, as last read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The text that was read; a newer one may be on its way.
    pub source: AttrValue,
    /// What it says.
    pub dockerfile: Rc<Dockerfile>,
    /// What is wrong with it.
    pub findings: Rc<Vec<Diagnostic>>,
    /// The worker fell over at this text, and was started again.
    pub crashed: Option<String>,
}

impl Reading {
    /// The findings, moved to where their text is in a newer source.
    pub fn findings_in(&self, source: &str) -> Rc<Vec<Diagnostic>> {
        if self.source == source {
            self.findings.clone()
        } else {
            Rc::new(editor::carry(&self.findings, &self.source, source))
        }
    }
}

/// Has each new text read. The answer to an older text is never shown over a newer one's.
#[hook]
pub fn use_dockerfile(source: AttrValue) -> Reading {
    let reading = use_state(Reading::default);
    let analyser = use_memo((), |()| Analyser::default());
    let newest = use_mut_ref(|| 0u64);
    {
        let reading = reading.clone();
        use_effect_with(source, move |source| {
            *newest.borrow_mut() += 1;
            let number = *newest.borrow();
            let of = source.clone();
            let on = Callback::from(move |reply| {
                if *newest.borrow() != number {
                    return;
                }
                let source = of.clone();
                match reply {
                    Reply::Answer(Answer::Dockerfile {
                        dockerfile,
                        findings,
                        ..
                    }) => reading.set(Reading {
                        source,
                        dockerfile: Rc::new(dockerfile),
                        findings: Rc::new(findings),
                        crashed: None,
                    }),
                    Reply::Answer(_) => {}
                    Reply::Crashed(message) => {
                        reading.set(Reading {
                            source,
                            crashed: Some(message),
                            ..Reading::default()
                        });
                    }
                }
            });
            analyser.read_dockerfile(source.to_string(), on);
        });
    }
    (*reading).clone()
}
