//! The worker: reads archives and Dockerfiles beside the page.

fn main() {
    estiva_frontend::workers::start();
}
