//! The page: starts the app in the document.

fn main() {
    estiva_frontend::services::base::settle();
    // Yew names the panic in the browser's console, and the page stays as it was.
    yew::Renderer::<estiva_frontend::app::App>::new().render();
}
