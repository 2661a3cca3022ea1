//! The dashboard: a Yew app. What reads archives and Dockerfiles beside it is the worker's (`estiva_worker`).
//!
//! Pages arrange, components take props and callbacks, hooks give handles with verbs, services alone touch web_sys, and
//! what can be known without a browser is in [`state`], tested natively. See `docs/dashboard.md`.
#![forbid(unsafe_code)]

pub mod app;
pub mod components;
pub mod hooks;
pub mod i18n;
pub mod pages;
pub mod routes;
pub mod samples;
pub mod services;
pub mod state;
