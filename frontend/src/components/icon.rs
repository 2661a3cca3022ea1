//! The page's own icons: lines on a grid of 16, in the colour of the text beside them.

use yew::prelude::*;

/// An icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IconName {
    /// A magnifying glass.
    Inspect,
    /// Stacked crates.
    Images,
    /// A crane's hook.
    Build,
    /// A container.
    Containers,
    /// A link.
    Share,
    /// A folder, closed.
    Folder,
    /// A file.
    File,
    /// An arrow that bends away: a link.
    Link,
    /// A small arrow that points to the right; turned when open.
    Chevron,
    /// A tick.
    Check,
    /// A cross.
    Cross,
    /// A warning triangle.
    Warning,
    /// A circle that turns.
    Spinner,
    /// An empty circle.
    Waiting,
    /// A sun.
    Sun,
    /// A moon.
    Moon,
    /// Half of each.
    Auto,
    /// A plus sign.
    Plus,
    /// A triangle to start with.
    Run,
    /// A square to stop with.
    Stop,
    /// An arrow into a tray.
    Load,
    /// A bin.
    Remove,
    /// A lock.
    Lock,
    /// A wave without a connection.
    Adrift,
    /// An arrow to the left.
    Back,
    /// An arrow down.
    Down,
    /// Two arrows, to each side.
    Compare,
}

impl IconName {
    fn path(self) -> &'static str {
        match self {
            IconName::Inspect => "M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9M10.4 10.4L14 14",
            IconName::Images => "M2 9.5h5.5V14H2zM8.5 9.5H14V14H8.5zM5.2 4h5.6v4.5H5.2z",
            IconName::Build => "M8 1.5v5M5.5 6.5h5L12 9H4zM8 9v2.2a1.6 1.6 0 1 0 1.6 1.6",
            IconName::Containers => "M1.5 4h13v8.5h-13zM4.5 6v4.5M7 6v4.5M9.5 6v4.5M12 6v4.5",
            IconName::Share => {
                "M6.8 9.2l2.6-2.6M7.2 5l1.6-1.6a2.7 2.7 0 0 1 3.8 3.8L11 8.8M8.8 11l-1.6 1.6a2.7 2.7 0 0 1-3.8-3.8L5 7.2"
            }
            IconName::Folder => "M1.8 12.8V3.4h4l1.4 1.8h7v7.6z",
            IconName::File => "M4 1.8h5l3 3v9.4H4zM9 1.8v3h3",
            IconName::Link => "M6 4H3.5v8.5H12V10M8.5 3H13v4.5M13 3L7.5 8.5",
            IconName::Chevron => "M6 3.5L10.5 8L6 12.5",
            IconName::Check => "M3 8.5l3.2 3.2L13 4.6",
            IconName::Cross => "M4 4l8 8M12 4l-8 8",
            IconName::Warning => "M8 2.2L14.5 13.6H1.5zM8 6.4v3.4M8 11.6v.4",
            IconName::Spinner => "M8 2a6 6 0 1 1-5.6 3.9",
            IconName::Waiting => "M8 3.2a4.8 4.8 0 1 1 0 9.6a4.8 4.8 0 0 1 0-9.6",
            IconName::Sun => {
                "M8 5a3 3 0 1 1 0 6a3 3 0 0 1 0-6M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8L13 13M3 13l1.2-1.2M11.8 4.2L13 3"
            }
            IconName::Moon => "M12.8 9.9A5.6 5.6 0 0 1 6.1 3.2a5.6 5.6 0 1 0 6.7 6.7z",
            IconName::Auto => {
                "M8 2.2a5.8 5.8 0 1 1 0 11.6a5.8 5.8 0 0 1 0-11.6M8 2.2v11.6M8 5h4.6M8 8h5.6M8 11h4.6"
            }
            IconName::Plus => "M8 3v10M3 8h10",
            IconName::Run => "M4.5 2.8v10.4L13 8z",
            IconName::Stop => "M3.8 3.8h8.4v8.4H3.8z",
            IconName::Load => "M8 2v7M5 6.2L8 9.2l3-3M2 10.5V14h12v-3.5",
            IconName::Remove => "M2.5 4h11M6 4V2.4h4V4M4 4l.7 9.6h6.6L12 4M6.8 6.6v4.4M9.2 6.6v4.4",
            IconName::Lock => "M3.5 7.2h9V14h-9zM5.2 7.2V5a2.8 2.8 0 0 1 5.6 0v2.2",
            IconName::Adrift => {
                "M1 10.5c1.2 0 1.2-1 2.4-1s1.2 1 2.3 1s1.2-1 2.3-1s1.2 1 2.3 1s1.2-1 2.4-1s1.1 1 2.3 1M5 7.5L6 3h4l1 4.5"
            }
            IconName::Back => "M13.5 8H3M7 4L3 8l4 4",
            IconName::Compare => "M2 5.2h10M9 2.2l3 3l-3 3M14 10.8H4M7 7.8l-3 3l3 3",
            IconName::Down => "M8 2.5V13M4 9l4 4l4-4",
        }
    }
}

/// The props of [`Icon`].
#[derive(PartialEq, Properties)]
pub struct IconProps {
    /// Which.
    pub name: IconName,
    /// Further classes.
    #[prop_or_default]
    pub class: Classes,
}

/// An icon. It says nothing to screen readers: the words are beside it.
#[component]
pub fn Icon(props: &IconProps) -> Html {
    icon(props.name, &props.class)
}

/// The same as elements alone, for what is drawn by the hundred: a component of its own costs more than the icon does.
pub fn icon(name: IconName, class: &Classes) -> Html {
    html! {
        <svg class={classes!("icon", class.clone())} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d={name.path()} />
        </svg>
    }
}
