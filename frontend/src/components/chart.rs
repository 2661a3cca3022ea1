//! A number over the last two minutes: a filled line, and the limit as a line across.

use yew::prelude::*;

use crate::state::stats::{area, ceiling, polyline};

/// The chart's own coordinates; the browser stretches them to the room there is.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;

/// The props of [`Chart`].
#[derive(PartialEq, Properties)]
pub struct ChartProps {
    /// What it shows.
    pub title: AttrValue,
    /// The newest value in words, with its limit.
    pub value: AttrValue,
    /// The values, oldest first.
    pub values: Vec<f64>,
    /// The limit, where there is one.
    #[prop_or_default]
    pub limit: Option<f64>,
    /// The limit in words, or that there is none.
    pub limit_text: AttrValue,
    /// The lowest that the chart's top may be: an idle program's noise should look like noise.
    #[prop_or_default]
    pub at_least: f64,
    /// Why the number is what it is.
    #[prop_or_default]
    pub note: Option<AttrValue>,
    /// A name for tests, on the value.
    #[prop_or_default]
    pub testid: Option<AttrValue>,
}

/// A number over time.
#[component]
pub fn Chart(props: &ChartProps) -> Html {
    let top = ceiling(&props.values, props.limit).max(props.at_least);
    let limit_y = props
        .limit
        .map(|limit| HEIGHT - (limit / top).clamp(0.0, 1.0) * HEIGHT);
    let near = props
        .limit
        .zip(props.values.last())
        .is_some_and(|(limit, last)| *last > limit * 0.9);
    html! {
        <figure class={classes!("chart", near.then_some("is-near"))}>
            <figcaption>
                <span class="chart-title">{ &props.title }</span>
                <span class="chart-value" data-testid={props.testid.clone()}>{ &props.value }</span>
                <span class="chart-limit">{ &props.limit_text }</span>
            </figcaption>
            <svg class="chart-plot" viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" role="img"
                aria-label={format!("{}: {}", props.title, props.value)}>
                <path class="chart-grid" d={format!("M0 {0}H{WIDTH}M0 {1}H{WIDTH}M0 {2}H{WIDTH}", HEIGHT * 0.25, HEIGHT * 0.5, HEIGHT * 0.75)} />
                <polygon class="chart-area" points={area(&props.values, top, WIDTH, HEIGHT)} />
                <polyline class="chart-line" points={polyline(&props.values, top, WIDTH, HEIGHT)} />
                if let Some(y) = limit_y { <line class="chart-limit-line" x1="0" x2={WIDTH.to_string()} y1={y.to_string()} y2={y.to_string()} /> }
            </svg>
            if let Some(note) = &props.note { <p class="note">{ note }</p> }
        </figure>
    }
}
